//! What was found, as results list it and as a person reads it.

use std::collections::BTreeMap;

use eddy_text::printable;

use super::anomaly::Anomaly;
use super::transaction::Entry;
use crate::contradiction::{self, Contradiction};
use crate::edn::Value;
use crate::sentence::{seconds, time};

/// How many cases of each anomaly are explained; results have all of them.
const EXPLAINED: usize = 3;

/// How much of a transaction is shown in an explanation, in letters.
const SHOWN: usize = 400;

/// How many lines of an explanation are in the sentence about a case. The first two show a cycle
/// of two transactions whole; more are too long for a sentence.
const LINES_IN_SENTENCE: usize = 2;

/// One occurrence of an anomaly.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What results say of it.
    pub value: Value,
    /// What a person is told of it, if it is among the first of its kind.
    pub lines: Vec<String>,
    /// Which transactions contradict each other, if it is among the first of its kind.
    pub contradiction: Option<Contradiction>,
}

/// Why something is an anomaly.
pub(super) struct Explanation<'a> {
    transactions: Vec<&'a Entry<'a>>,
    /// Whether they are called `T1`, `T2` and so on.
    are_named: bool,
    value: Option<&'a Value>,
    why: Vec<String>,
}

/// All anomalies of a history, whether or not anybody minds.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) BTreeMap<Anomaly, Vec<Case>>);

impl Findings {
    /// Adds a case; its explanation is asked for if it will be shown.
    pub(super) fn add<'a>(
        &mut self,
        anomaly: Anomaly,
        value: impl Into<Value>,
        explain: impl FnOnce() -> Explanation<'a>,
    ) {
        let cases = self.0.entry(anomaly).or_default();
        let explanation = (cases.len() < contradiction::MOST).then(explain);
        let contradiction = explanation.as_ref().and_then(|it| it.contradiction(anomaly));
        let explanation = explanation.filter(|_| cases.len() < EXPLAINED);
        let lines = explanation.map(Explanation::lines).unwrap_or_default();
        cases.push(Case { value: value.into(), lines, contradiction });
    }
}

impl<'a> Explanation<'a> {
    /// In lines that call these transactions `T1`, `T2` and so on.
    pub(super) fn of(transactions: Vec<&'a Entry<'a>>, why: Vec<String>) -> Explanation<'a> {
        Explanation { transactions, are_named: true, value: None, why }
    }

    /// In lines that call these transactions nothing.
    pub(super) fn of_unnamed(
        transactions: Vec<&'a Entry<'a>>,
        why: Vec<String>,
    ) -> Explanation<'a> {
        Explanation { are_named: false, ..Explanation::of(transactions, why) }
    }

    /// The same about a value.
    pub(super) fn about(self, value: &'a Value) -> Explanation<'a> {
        Explanation { value: Some(value), ..self }
    }

    fn names(&self) -> impl Iterator<Item = (String, &'a Entry<'a>)> {
        let named = if self.are_named { &self.transactions[..] } else { &[] };
        (1..).zip(named).map(|(number, entry)| (format!("T{number}"), *entry))
    }

    fn lines(self) -> Vec<String> {
        let names = self.names().map(|(name, entry)| introduced(&name, entry));
        let mut lines: Vec<String> = names.collect();
        lines.extend(self.why);
        lines
    }

    /// Which transactions contradict each other; `None` if there are none to name.
    fn contradiction(&self, anomaly: Anomaly) -> Option<Contradiction> {
        let name = match anomaly.meaning() {
            "" => anomaly.to_string(),
            meaning => format!("{anomaly}, {meaning}"),
        };
        let why = self.why[..self.why.len().min(LINES_IN_SENTENCE)].join("; ");
        let by_whom = self.names().map(|(name, entry)| {
            let (process, when) = (entry.op.process, lasted(entry));
            format!("{name} is by process {process} ({when})")
        });
        let by_whom: Vec<String> = by_whom.collect();
        let what = match &by_whom[..] {
            [] => format!("{name}: {why}"),
            names => format!("{name}: {why}; {}", names.join(", ")),
        };
        let entries = self.transactions.iter().flat_map(|entry| [entry.invocation, Some(entry.op)]);
        let contradiction = Contradiction::of(what, entries.flatten().map(|op| op.index));
        let contradiction = match self.value {
            Some(value) => contradiction.about(value),
            None => contradiction,
        };
        (!self.transactions.is_empty()).then_some(contradiction)
    }
}

/// From when to when, as far as anybody knows: `6.514 s to 6.524 s`.
fn lasted(entry: &Entry<'_>) -> String {
    match entry.invocation {
        Some(begun) => format!("{} to {}", time(begun), time(entry.op)),
        None => format!("from {}", time(entry.op)),
    }
}

/// A transaction under a name: `T1 (index 12, process 3, 6.524 s, ok): [["r", 7, [1]]]`.
fn introduced(name: &str, entry: &Entry<'_>) -> String {
    let transaction = printable::excerpt(&entry.op.value.json().to_string(), SHOWN);
    format!("{name} ({}): {transaction}", placed(entry))
}

/// Where a transaction ended: `index 12, process 3, 6.524 s, ok`.
fn placed(entry: &Entry<'_>) -> String {
    let op = entry.op;
    let end = match entry.kind {
        crate::history::Kind::Ok => "ok",
        crate::history::Kind::Fail => "fail",
        _ => "end unknown",
    };
    format!("index {}, process {}, {}, {end}", op.index, op.process, seconds(op.time))
}
