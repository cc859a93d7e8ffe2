//! What was found, as results list it and as a person reads it.

use std::collections::BTreeMap;

use super::anomaly::Anomaly;
use super::transaction::Entry;
use crate::edn::Value;
use crate::printable;

/// How many cases of each anomaly are explained; results have all of them.
const EXPLAINED: usize = 3;

/// How much of a transaction is shown in an explanation, in letters.
const SHOWN: usize = 400;

/// One occurrence of an anomaly.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What results say of it.
    pub value: Value,
    /// What a person is told of it, if it is among the first of its kind.
    pub lines: Vec<String>,
}

/// All anomalies of a history, whether or not anybody minds.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) BTreeMap<Anomaly, Vec<Case>>);

impl Findings {
    /// Adds a case; its explanation is asked for if it will be shown.
    pub(super) fn add(
        &mut self,
        anomaly: Anomaly,
        value: impl Into<Value>,
        explain: impl FnOnce() -> Vec<String>,
    ) {
        let cases = self.0.entry(anomaly).or_default();
        let lines = if cases.len() < EXPLAINED { explain() } else { Vec::new() };
        cases.push(Case { value: value.into(), lines });
    }
}

/// A transaction under a name: `T1 (index 12, process 3, 6.524 s, ok): [[:r 7 [1]]]`.
pub(super) fn introduced(name: &str, entry: &Entry<'_>) -> String {
    let transaction = printable::excerpt(&entry.op.value.to_string(), SHOWN);
    format!("{name} ({}): {transaction}", placed(entry))
}

/// Where a transaction ended: `index 12, process 3, 6.524 s, ok`.
pub(super) fn placed(entry: &Entry<'_>) -> String {
    let op = entry.op;
    let end = match entry.kind {
        crate::history::Kind::Ok => "ok",
        crate::history::Kind::Fail => "fail",
        _ => "end unknown",
    };
    format!("index {}, process {}, {}, {end}", op.index, op.process, seconds(op.time))
}

/// A time of nanoseconds in seconds.
pub(super) fn seconds(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000;
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}
