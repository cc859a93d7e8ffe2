//! Sentences about transactions, and which models they break.

mod anomalies;
mod steps;
#[cfg(test)]
mod tests;
mod warnings;

use eddy_text::printable;

pub(crate) use self::anomalies::{expected, named};
use super::disguise;
use crate::Validity;
use crate::edn::Value;
use crate::elle::{Anomaly, Case, Elle, Error, Workload};
use crate::history::{Kind, Op};
use crate::sentence::time;

/// The most cases of an anomaly that are explained; results have all of them.
const EXPLAINED: usize = 3;

/// The most letters of a transaction in an explanation.
const SHOWN: usize = 400;

/// The most lines of an explanation in the sentence about a case. The first two show a cycle
/// of two transactions whole; more are too long for a sentence.
const LINES_IN_SENTENCE: usize = 2;

impl Elle<'_> {
    /// The reason why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        if let Some(error) = self.error() {
            return Some(format!("nothing can be said about isolation: {error}"));
        }
        let found = self.anomalies.iter();
        let found = listed(found.map(|(anomaly, cases)| format!("{anomaly} ({})", cases.len())));
        let expected = listed(&self.models);
        let is_news = self.not.iter().any(|model| !self.models.contains(model));
        match self.valid {
            Validity::Valid => None,
            Validity::Unknown => {
                Some(format!("it remains open whether this is {expected}: {found}"))
            }
            Validity::Invalid if is_news => {
                Some(format!("not {expected}, and not even {}: {found}", listed(&self.not)))
            }
            Validity::Invalid => Some(format!("not {expected}: {found}")),
        }
    }

    /// The reason why nothing can be said, if that is so.
    pub fn error(&self) -> Option<String> {
        let at = |op: &Op| format!("the transaction at index {}", op.index);
        Some(match (self.error.as_ref()?, self.workload) {
            (Error::NoList(op), _) => format!("{} is no list of operations", at(op)),
            (Error::NoTriple(op, mop), _) => {
                format!("{} has an operation that is no triple: {}", at(op), mop.json())
            }
            (Error::UnknownFunction(op, mop), workload) => {
                let (at, write, mop) = (at(op), workload.write(), mop.json());
                format!("{at} has an operation that is neither r nor {write}: {mop}")
            }
            (Error::NoListRead(op, mop), _) => {
                format!("{} read what is no list: {}", at(op), mop.json())
            }
            (Error::DifferentTypes([a, b]), _) => {
                format!("keys are of different types: {} and {}", a.json(), b.json())
            }
            (Error::WrittenTwice { key, value }, Workload::ListAppend) => {
                format!("{} was appended to {} more than once", value.json(), key.json())
            }
            (Error::WrittenTwice { key, value }, Workload::RwRegister) => {
                let (key, value) = (key.json(), value.json());
                format!("{value} was written to key {key} by more than one transaction")
            }
            (Error::Foreign { key, value, origin }, _) => {
                let (hint, key, value) = (hint(value, *origin), key.json(), value.json());
                format!("the list {key} has {value}, which nobody appended{hint}")
            }
        })
    }

    /// The transactions that contradict each other, and why, in lines for a person.
    pub fn explanation(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.error().into_iter().collect();
        for (anomaly, cases) in self.worst_first() {
            lines.push(match anomaly.meaning() {
                "" => format!("{anomaly}:"),
                meaning => format!("{anomaly}: {meaning}"),
            });
            let shown = cases.len().min(EXPLAINED);
            for (number, case) in (1..).zip(&cases[..shown]) {
                let names = (1..).zip(named(case)).map(|(name, op)| introduced(name, op));
                let explained: Vec<String> = names.chain(self.why(case)).collect();
                lines.extend(explained.iter().map(|line| format!("  {line}")));
                if number < shown && explained.len() > 1 {
                    lines.push(String::new());
                }
            }
            if cases.len() > shown {
                lines.push(format!("  and {} more {anomaly}", cases.len() - shown));
            }
        }
        lines
    }

    /// A case in one sentence.
    pub(crate) fn summary(&self, anomaly: Anomaly, case: &Case<'_>) -> String {
        let name = match anomaly.meaning() {
            "" => anomaly.to_string(),
            meaning => format!("{anomaly}, {meaning}"),
        };
        let why = self.why(case);
        let why = why[..why.len().min(LINES_IN_SENTENCE)].join("; ");
        let by_whom = (1..).zip(named(case)).map(|(name, op)| {
            let when = match self.history.invocation(op) {
                Some(begun) => format!("{} to {}", time(begun), time(op)),
                None => format!("from {}", time(op)),
            };
            format!("T{name} is by process {} ({when})", op.process)
        });
        match &*listed(by_whom) {
            "" => format!("{name}: {why}"),
            by_whom => format!("{name}: {why}; {by_whom}"),
        }
    }
}

/// A transaction under a name: `T1 (index 12, process 3, 6.524 s, ok): [["r", 7, [1]]]`.
fn introduced(name: usize, op: &Op) -> String {
    let end = match op.kind {
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info | Kind::Invoke => "end unknown",
    };
    let transaction = printable::excerpt(&op.value.json().to_string(), SHOWN);
    let (index, process, time) = (op.index, op.process, time(op));
    format!("T{name} (index {index}, process {process}, {time}, {end}): {transaction}")
}

fn listed<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|each| each.to_string()).collect::<Vec<_>>().join(", ")
}

/// The end of a sentence about a value from nowhere, if it may have been another one.
fn hint(value: &Value, origin: Option<&Value>) -> String {
    disguise::hint(value, |other| Some(other) == origin)
}
