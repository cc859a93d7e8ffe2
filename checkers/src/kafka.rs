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
mod contradictions;
mod cycles;
mod early;
mod facts;
mod give_up;
mod lag;
mod logs;
mod lost_write;
mod polls;
mod sends;
#[cfg(test)]
mod tests;
mod unseen;
mod version_orders;
mod warnings;

use self::{
    acts::Acts,
    anomaly::{Shown, Told, anomaly},
    facts::Facts,
    give_up::GiveUp,
    version_orders::VersionOrders,
};
use super::{
    Contradiction, Evidence, Validity,
    clojure::{self, Place, order_map},
    sentence::without_times,
};
use crate::{
    edn::{Map, Value},
    history::{History, Kind},
};

pub use self::{anomaly::Anomaly, lag::Lag, unseen::Unseen};

/// What is to be said about logs.
#[derive(Debug, Clone, PartialEq)]
pub struct Kafka {
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
    /// Sentences about what upstream overlooks.
    pub warnings: Vec<String>,
    /// The operations that tell what was sent and polled.
    pub evidence: Evidence,
    /// Why upstream's checker fails: what stands under `:error`, a sentence, and who shows it.
    fails: Option<(Value, String, Option<Contradiction>)>,
}

/// Compares what the clients were told with each other.
pub fn check(history: &History) -> Kafka {
    let acts = Acts::of(history);
    let facts = Facts::of(&acts);
    let orders = VersionOrders::of(&acts, &facts);
    let told = Told { history, acts: &acts, facts: &facts, orders: &orders };
    let polls = polls::within(&told);
    let (between_polls, overlooked) = polls::between(&told);
    let sends = sends::within(&told);
    let (lost, gives_up) = match lost_write::find(&told) {
        Ok(lost) => (lost, None),
        Err(gives_up) => (Vec::new(), Some(gives_up)),
    };
    let fails = GiveUp::of(&told).or(gives_up);
    let (least, greatest) = (Shown::Least(8), Shown::Greatest(8));
    let mut anomalies: Vec<Anomaly> = [
        anomaly("duplicate", &logs::duplicates(&told), Shown::Least(32), &told),
        anomaly(
            "inconsistent-offsets",
            &logs::inconsistent_offsets(&told),
            Shown::Least(32),
            &told,
        ),
        anomaly("int-poll-skip", &polls.skips, greatest, &told),
        anomaly("int-nonmonotonic-poll", &polls.backwards, least, &told),
        anomaly("int-send-skip", &sends.skips, greatest, &told),
        anomaly("int-nonmonotonic-send", &sends.backwards, least, &told),
        anomaly("poll-skip", &between_polls.skips, greatest, &told),
        anomaly("nonmonotonic-poll", &between_polls.backwards, least, &told),
        anomaly("nonmonotonic-send", &sends::between(&told).backwards, least, &told),
        anomaly("lost-write", &lost, Shown::All, &told),
        anomaly("G1a", &early::aborted_reads(&told), Shown::All, &told),
        anomaly("precommitted-read", &early::precommitted_reads(&told), Shown::All, &told),
    ]
    .into_iter()
    .flatten()
    .chain(cycles::find(&told))
    .collect();
    anomalies.sort_by_key(|anomaly| anomaly.name);
    let unseen = unseen::find(&told);
    let is_bad = unseen.is_some() || anomalies.iter().any(Anomaly::is_bad);
    Kafka {
        valid: if fails.is_some() { Validity::Unknown } else { (!is_bad).into() },
        anomalies,
        unseen,
        worst_realtime_lag: lag::worst(&told),
        info_txn_causes: info_txn_causes(history),
        warnings: warnings::of(&told, &overlooked)
            .into_iter()
            .chain(without_times(history))
            .collect(),
        evidence: evidence(&acts),
        fails: fails
            .map(|fails| (fails.to_edn(&acts), fails.sentence(&told), fails.contradiction(&told))),
    }
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

impl Kafka {
    /// The names of what is wrong, sorted, and how many there are of each.
    fn errors(&self) -> Vec<(&'static str, bool, String)> {
        let anomalies = self.anomalies.iter().map(|anomaly| {
            (anomaly.name, anomaly.is_bad(), format!("{} ({})", anomaly.name, anomaly.count))
        });
        let unseen = self
            .unseen
            .iter()
            .map(|unseen| ("unseen", true, format!("unseen ({})", unseen.counted())));
        let mut errors: Vec<_> = anomalies.chain(unseen).collect();
        errors.sort_unstable();
        errors
    }

    /// Why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        if let Some((_, sentence, _)) = &self.fails {
            return Some(sentence.clone());
        }
        let bad: Vec<String> = self
            .errors()
            .into_iter()
            .filter(|(_, bad, _)| *bad)
            .map(|(.., counted)| counted)
            .collect();
        (!bad.is_empty()).then(|| bad.join(", "))
    }

    /// What contradicts what, in sentences; empty if it is valid.
    pub fn explanation(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.fails.iter().map(|(_, sentence, _)| sentence.clone()).collect();
        if self.valid == Validity::Valid {
            return lines;
        }
        for anomaly in self.anomalies.iter().filter(|anomaly| anomaly.is_bad()) {
            let (name, count) = (anomaly.name, anomaly.count);
            lines.push(format!("{name} ({count}): {}", meaning(name)));
            lines.extend(anomaly.explanation.iter().map(|line| format!("  {line}")));
        }
        if let Some(unseen) = &self.unseen {
            let count = unseen.counted();
            lines.push(format!("unseen ({count}): what is acknowledged is not polled by anybody"));
            lines.extend(unseen.explanation.iter().map(|line| format!("  {line}")));
        }
        lines
    }

    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let map = Map::new().with("valid?", self.valid);
        if let Some((error, ..)) = &self.fails {
            return map.with("error", error.clone()).into();
        }
        let errors = self.errors();
        let names = |bad_only: bool| {
            let chosen = errors.iter().filter(|(_, bad, _)| *bad || !bad_only);
            Value::List(chosen.map(|(name, ..)| Value::keyword(*name)).collect())
        };
        let map = map
            .with("worst-realtime-lag", self.worst_realtime_lag.to_edn())
            .with("bad-error-types", names(true))
            .with("error-types", names(false))
            .with("info-txn-causes", Value::List(self.info_txn_causes.clone()));
        let mut entries: Vec<(Value, Value)> = map.into_iter().collect();
        for (name, ..) in &errors {
            let anomaly = self.anomalies.iter().find(|anomaly| anomaly.name == *name);
            let unseen = || self.unseen.as_ref().map(Unseen::to_edn);
            if let Some(value) = anomaly.map(Anomaly::to_edn).or_else(unseen) {
                entries.push((Value::keyword(*name), value));
            }
        }
        order_map(&mut entries, |(key, _)| Place::of(key));
        entries.into_iter().collect::<Map>().into()
    }
}

/// What the name of an anomaly stands for.
fn meaning(name: &str) -> &'static str {
    match name {
        "duplicate" => "one message stands at several offsets of its key",
        "inconsistent-offsets" => "different messages stand at the same offset",
        "int-poll-skip" => "one answer to a poll leaves out messages in the middle",
        "int-nonmonotonic-poll" => "one answer to a poll goes back in the log",
        "int-nonmonotonic-send" => "one operation's messages stand in another order",
        "poll-skip" => "a poll begins beyond the message after the last one",
        "nonmonotonic-poll" => "a poll begins before the message after the last one",
        "nonmonotonic-send" => "what a client sends later stands earlier in the log",
        "lost-write" => "a message is left out below offsets that were polled",
        "G1a" => "a message was polled although sending it failed",
        "precommitted-read" => "an operation polled what it sent itself",
        "G1c-realtime" => "a message was polled before it was sent",
        "empty-transaction-graph" => "there is too little to judge",
        _ => "operations that no order explains",
    }
}
