//! The checker of Jepsen's `kafka` workload, as Maelstrom uses it: each key must be a log that
//! consumers poll in order.
//!
//! Clients send messages to keys, and the reply has the offset of each. Clients poll a key from an
//! offset on, and continue after the last message. The checker first reconstructs the log of each
//! key from all offsets that clients learned (`key_logs.rs`). All messages are distinct, so two
//! messages at one offset, or one message at two offsets, are errors (`offset_conflicts.rs`). Then
//! it compares each client's operations with the logs:
//!
//! - a client polls the messages of a log one after the other (`polls.rs`);
//! - a log has the messages of one client in the order in which it sent them (`sends.rs`);
//! - an acknowledged message is polled before any greater offset (`lost_write.rs`), and by somebody
//!   in the end (`unseen.rs`);
//! - a message that is polled was sent and committed (`uncommitted_reads.rs`), and the send did not
//!   begin after the poll (`cycles.rs`).
//!
//! Offsets may be sparse, so a gap alone proves nothing: a skipped message must be known from
//! another operation.
//!
//! Kingsbury describes the errors in *Jepsen: Redpanda 21.10.1* (2022). Upstream also supports
//! transactions and consumers that subscribe. This checker parses the operation `txn`, but does not
//! model rebalancing.

mod cycles;
mod errors;
mod index;
mod key_logs;
mod lag;
mod lost_write;
mod message_index;
mod offset_conflicts;
mod operations;
mod overlooked;
mod polls;
#[cfg(test)]
pub(crate) mod script;
mod sends;
#[cfg(test)]
mod tests;
mod uncommitted_reads;
mod unseen;
mod upstream_failure;

use self::{operations::ParsedOps, overlooked::Overlooked};
use crate::{
    Evidence, Validity,
    edn::Value,
    history::{History, Kind},
};

pub(crate) use self::{
    errors::LogError,
    index::HistoryIndex,
    key_logs::OffsetSlot,
    operations::{KeyId, MessageId},
    polls::LogStep,
    upstream_failure::UpstreamFailure,
};
pub use self::{
    errors::{ErrorType, ErrorsOfType},
    lag::WorstLag,
    unseen::Unseen,
};

/// The result of the checker.
#[derive(Debug)]
pub struct KafkaResults<'a> {
    /// The verdict: invalid if a message is unseen or an error type is bad, unknown if upstream's
    /// checker fails.
    pub valid: Validity,
    /// The errors by type, ordered by name.
    pub errors: Vec<ErrorsOfType>,
    /// The messages that were acknowledged and never polled.
    pub unseen: Option<Unseen>,
    /// The poll with the greatest lag behind its log.
    pub worst_realtime_lag: WorstLag,
    /// The distinct errors of indeterminate operations.
    pub info_txn_causes: Vec<Value>,
    /// The operations that show what was sent and polled.
    pub evidence: Evidence,
    /// The failure of upstream's checker.
    pub(crate) failure: Option<UpstreamFailure<'a>>,
    /// The errors that upstream overlooks.
    pub(crate) overlooked: Overlooked,
    /// The keys, messages and operations that errors refer to by number.
    pub(crate) index: HistoryIndex<'a>,
}

/// Checks a history of the `kafka` workload.
pub fn check(history: &History) -> KafkaResults<'_> {
    let index = HistoryIndex::of(history);
    let polls = polls::steps_within_operations(&index);
    let (between_polls, overlooked) = polls::steps_between_operations(&index);
    let sends = sends::steps_within_operations(&index);
    let (lost, failure) = match lost_write::find(&index) {
        Ok(lost) => (lost, None),
        Err(failure) => (Vec::new(), Some(failure)),
    };
    let failure = UpstreamFailure::of(&index).or(failure);
    let mut errors = vec![
        (ErrorType::G1a, uncommitted_reads::aborted_reads(&index)),
        (ErrorType::Duplicate, offset_conflicts::duplicates(&index)),
        (ErrorType::InconsistentOffsets, offset_conflicts::inconsistent_offsets(&index)),
        (ErrorType::IntNonmonotonicPoll, step_errors(polls.backwards, LogError::PollStep)),
        (ErrorType::IntNonmonotonicSend, step_errors(sends.backwards, LogError::SendStep)),
        (ErrorType::IntPollSkip, step_errors(polls.skips, LogError::PollStep)),
        (ErrorType::IntSendSkip, step_errors(sends.skips, LogError::SendStep)),
        (ErrorType::LostWrite, lost),
        (ErrorType::NonmonotonicPoll, step_errors(between_polls.backwards, LogError::PollStep)),
        (
            ErrorType::NonmonotonicSend,
            step_errors(sends::steps_between_operations(&index).backwards, LogError::SendStep),
        ),
        (ErrorType::PollSkip, step_errors(between_polls.skips, LogError::PollStep)),
        (ErrorType::PrecommittedRead, uncommitted_reads::precommitted_reads(&index)),
    ];
    errors.extend(cycles::find(&index));
    errors.retain(|(_, errors)| !errors.is_empty());
    errors.sort_by_key(|(error_type, _)| error_type.name());
    let unseen = unseen::find(&index);
    let is_bad = unseen.is_some() || errors.iter().any(|(error_type, _)| error_type.is_bad());
    let errors = errors.into_iter();
    KafkaResults {
        valid: if failure.is_some() { Validity::Unknown } else { (!is_bad).into() },
        errors: errors.map(|(error_type, errors)| ErrorsOfType { error_type, errors }).collect(),
        unseen,
        worst_realtime_lag: lag::worst(&index),
        info_txn_causes: info_txn_causes(history),
        evidence: evidence(&index.ops),
        failure,
        overlooked: overlooked::of(&index, overlooked),
        index,
    }
}

/// Converts steps into errors, those that go back farthest first.
fn step_errors(mut steps: Vec<LogStep>, error: fn(LogStep) -> LogError) -> Vec<LogError> {
    steps.sort_by_key(|step| step.delta.steps());
    steps.into_iter().map(error).collect()
}

fn evidence(ops: &ParsedOps<'_>) -> Evidence {
    let successes =
        ops.all.iter().filter(|parsed| parsed.op.kind == Kind::Ok && parsed.sends_or_polls());
    let wanted = "successful send, poll or txn with a readable value";
    Evidence::count(wanted, successes.map(|parsed| parsed.is_informative))
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
