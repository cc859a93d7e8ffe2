//! Whether keys are logs that clients read from one end to the other: Jepsen's `kafka`, as
//! Maelstrom asks for it.
//!
//! Clients send messages to keys and are told at which offset each stands; they poll keys from an
//! offset on, and go on from there. From what all of them are told follows the log of each key, as
//! far as anybody knows it. All messages are different, so a log with two messages at one offset,
//! or with one message at two, is none (`logs.rs`). The others follow by comparing each client's
//! account with the logs: its polls take the messages one by one (`polls.rs`), its sends stand in
//! the order in which it sent them (`sends.rs`), what is acknowledged is polled by whoever comes as
//! far (`lost_write.rs`), and at last by somebody (`unseen.rs`); what is polled was sent
//! (`early.rs`), and not later (`cycles.rs`). Offsets may be sparse, so a gap alone proves nothing:
//! what was skipped must be known from somebody else.
//!
//! Kingsbury describes the errors in *Jepsen: Redpanda 21.10.1* (2022). Upstream was made for
//! transactions and for consumers that subscribe, too; an operation `txn` is understood here, but
//! not its rebalancing.

mod acts;
mod anomaly;
mod cycles;
mod early;
mod facts;
mod index;
mod lag;
mod logs;
mod lost_write;
mod overlooked;
mod polls;
mod sends;
#[cfg(test)]
pub(crate) mod story;
#[cfg(test)]
mod tests;
mod unseen;
mod upstream_failure;
mod version_orders;

use self::{acts::Acts, overlooked::Overlooked};
use crate::{
    Evidence, Validity,
    edn::Value,
    history::{History, Kind},
};

pub(crate) use self::{
    acts::{Key, Message},
    anomaly::Error,
    index::Index,
    polls::Step,
    upstream_failure::UpstreamFailure,
    version_orders::Slot,
};
pub use self::{
    anomaly::{Anomaly, ErrorType},
    lag::Lag,
    unseen::Unseen,
};

/// Findings about logs.
#[derive(Debug)]
pub struct Kafka<'a> {
    /// Invalid if a message is unseen or an anomaly is bad, unknown if upstream's checker fails.
    pub valid: Validity,
    /// What is wrong, by name.
    pub anomalies: Vec<Anomaly>,
    /// What was acknowledged and never polled.
    pub unseen: Option<Unseen>,
    /// The poll that lagged most behind its log.
    pub worst_realtime_lag: Lag,
    /// The errors of operations of which it is not known whether they happened, each once.
    pub info_txn_causes: Vec<Value>,
    /// The operations that tell what was sent and polled.
    pub evidence: Evidence,
    /// The failure of upstream's checker.
    pub(crate) failure: Option<UpstreamFailure<'a>>,
    /// Faults that upstream overlooks.
    pub(crate) overlooked: Overlooked,
    /// The keys, messages and operations that findings name by number.
    pub(crate) index: Index<'a>,
}

/// Compares what the clients were told with each other.
pub fn check(history: &History) -> Kafka<'_> {
    let index = Index::of(history);
    let polls = polls::within(&index);
    let (between_polls, overlooked) = polls::between(&index);
    let sends = sends::within(&index);
    let (lost, failure) = match lost_write::find(&index) {
        Ok(lost) => (lost, None),
        Err(failure) => (Vec::new(), Some(failure)),
    };
    let failure = UpstreamFailure::of(&index).or(failure);
    let mut anomalies = vec![
        (ErrorType::G1a, early::aborted_reads(&index)),
        (ErrorType::Duplicate, logs::duplicates(&index)),
        (ErrorType::InconsistentOffsets, logs::inconsistent_offsets(&index)),
        (ErrorType::IntNonmonotonicPoll, errors(polls.backwards, Error::PollStep)),
        (ErrorType::IntNonmonotonicSend, errors(sends.backwards, Error::SendStep)),
        (ErrorType::IntPollSkip, errors(polls.skips, Error::PollStep)),
        (ErrorType::IntSendSkip, errors(sends.skips, Error::SendStep)),
        (ErrorType::LostWrite, lost),
        (ErrorType::NonmonotonicPoll, errors(between_polls.backwards, Error::PollStep)),
        (ErrorType::NonmonotonicSend, errors(sends::between(&index).backwards, Error::SendStep)),
        (ErrorType::PollSkip, errors(between_polls.skips, Error::PollStep)),
        (ErrorType::PrecommittedRead, early::precommitted_reads(&index)),
    ];
    anomalies.extend(cycles::find(&index));
    anomalies.retain(|(_, errors)| !errors.is_empty());
    anomalies.sort_by_key(|(error_type, _)| error_type.name());
    let unseen = unseen::find(&index);
    let is_bad = unseen.is_some() || anomalies.iter().any(|(error_type, _)| error_type.is_bad());
    let anomalies = anomalies.into_iter();
    Kafka {
        valid: if failure.is_some() { Validity::Unknown } else { (!is_bad).into() },
        anomalies: anomalies.map(|(error_type, errors)| Anomaly { error_type, errors }).collect(),
        unseen,
        worst_realtime_lag: lag::worst(&index),
        info_txn_causes: info_txn_causes(history),
        evidence: evidence(&index.acts),
        failure,
        overlooked: overlooked::of(&index, overlooked),
        index,
    }
}

/// Steps as errors of a type, those that go back farthest first.
fn errors(mut steps: Vec<Step>, error: fn(Step) -> Error) -> Vec<Error> {
    steps.sort_by_key(|step| step.delta.steps());
    steps.into_iter().map(error).collect()
}

fn evidence(acts: &Acts<'_>) -> Evidence {
    let successes = acts.all.iter().filter(|act| act.op.kind == Kind::Ok && act.is_transaction());
    let wanted = "send, poll or txn that succeeded and tells what was sent or polled";
    Evidence::count(wanted, successes.map(|act| act.tells_something))
}

fn info_txn_causes(history: &History) -> Vec<Value> {
    let mut causes = Vec::new();
    let unknown = history.ops().iter().filter(|op| op.kind == Kind::Info);
    for op in unknown.filter(|op| ["send", "poll", "txn"].contains(&&*op.f)) {
        let cause = op.error.as_ref().unwrap_or(&Value::Nil);
        if !causes.contains(cause) {
            causes.push(cause.clone());
        }
    }
    causes
}
