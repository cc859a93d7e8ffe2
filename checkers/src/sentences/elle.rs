//! Sentences about transactions and the models that they violate.

mod anomalies;
mod steps;
#[cfg(test)]
mod tests;
mod warnings;

use eddy_text::printable;

pub(crate) use self::anomalies::{expected_list, named_transactions};
use super::type_change;
use crate::Validity;
use crate::edn::Value;
use crate::elle::{AnalysisError, Anomaly, Case, ElleResults, TxnWorkload};
use crate::history::{Kind, Op};
use crate::wording::time;

/// Maximum number of cases of an anomaly that are explained. More would be long to read; results
/// have all of them.
const MAX_EXPLAINED: usize = 3;

/// Maximum length of a transaction in an explanation, in characters.
const MAX_TRANSACTION_LEN: usize = 400;

/// Maximum number of lines of an explanation in the sentence about a case. Two show a cycle of two
/// transactions completely; more are too long for a sentence.
const MAX_LINES_IN_SENTENCE: usize = 2;

impl ElleResults<'_> {
    /// The reason why the history is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        if let Some(error) = self.error() {
            return Some(format!("isolation cannot be judged: {error}"));
        }
        let found = self.anomalies.iter();
        let found = listed(found.map(|(anomaly, cases)| format!("{anomaly} ({})", cases.len())));
        let expected = listed(&self.models);
        let rules_out_weaker = self.not.iter().any(|model| !self.models.contains(model));
        match self.valid {
            Validity::Valid => None,
            Validity::Unknown => Some(format!("it is unknown whether this is {expected}: {found}")),
            Validity::Invalid if rules_out_weaker => {
                Some(format!("not {expected}, and not even {}: {found}", listed(&self.not)))
            }
            Validity::Invalid => Some(format!("not {expected}: {found}")),
        }
    }

    /// The reason why the history cannot be analyzed, if it cannot.
    pub fn error(&self) -> Option<String> {
        let at = |op: &Op| format!("the transaction at index {}", op.index);
        Some(match (self.error.as_ref()?, self.workload) {
            (AnalysisError::NotAList(op), _) => format!("{} is no list of operations", at(op)),
            (AnalysisError::NotATriple(op, mop), _) => {
                format!("{} has an operation that is no triple: {}", at(op), mop.json())
            }
            (AnalysisError::UnknownFunction(op, mop), workload) => {
                let (at, write, mop) = (at(op), workload.write_function(), mop.json());
                format!("{at} has an operation that is neither r nor {write}: {mop}")
            }
            (AnalysisError::ReadOfNonList(op, mop), _) => {
                format!("{} read what is no list: {}", at(op), mop.json())
            }
            (AnalysisError::MixedKeyTypes([a, b]), _) => {
                format!("keys are of different types: {} and {}", a.json(), b.json())
            }
            (AnalysisError::DuplicateWrite { key, value }, TxnWorkload::ListAppend) => {
                format!("{} was appended to {} more than once", value.json(), key.json())
            }
            (AnalysisError::DuplicateWrite { key, value }, TxnWorkload::RwRegister) => {
                let (key, value) = (key.json(), value.json());
                format!("{value} was written to key {key} by more than one transaction")
            }
            (AnalysisError::GarbageRead { key, value, origin }, _) => {
                let (hint, key, value) = (hint(value, *origin), key.json(), value.json());
                format!("the list {key} has {value}, which nobody appended{hint}")
            }
        })
    }

    /// The explanation of each anomaly in lines of text: the transactions, and why they contradict
    /// each other.
    pub fn explanation(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.error().into_iter().collect();
        for (anomaly, cases) in self.worst_first() {
            lines.push(match anomaly.meaning() {
                "" => format!("{anomaly}:"),
                meaning => format!("{anomaly}: {meaning}"),
            });
            let shown = cases.len().min(MAX_EXPLAINED);
            for (number, case) in (1..).zip(&cases[..shown]) {
                let names =
                    (1..).zip(named_transactions(case)).map(|(name, op)| with_name(name, op));
                let explained: Vec<String> = names.chain(self.explain(case)).collect();
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
        let why = self.explain(case);
        let why = why[..why.len().min(MAX_LINES_IN_SENTENCE)].join("; ");
        let by_whom = (1..).zip(named_transactions(case)).map(|(name, op)| {
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

/// A transaction with its name: `T1 (index 12, process 3, 6.524 s, ok): [["r", 7, [1]]]`.
fn with_name(name: usize, op: &Op) -> String {
    let end = match op.kind {
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info | Kind::Invoke => "indeterminate",
    };
    let transaction = printable::excerpt(&op.value.json().to_string(), MAX_TRANSACTION_LEN);
    let (index, process, time) = (op.index, op.process, time(op));
    format!("T{name} (index {index}, process {process}, {time}, {end}): {transaction}")
}

fn listed<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|each| each.to_string()).collect::<Vec<_>>().join(", ")
}

/// The end of a sentence about a value that nobody wrote, if it may be another value whose type has
/// changed.
fn hint(value: &Value, origin: Option<&Value>) -> String {
    type_change::hint(value, |other| Some(other) == origin)
}
