//! The contradicting transactions of each case of an anomaly.

#[cfg(test)]
mod tests;

use crate::contradiction::{self, Contradiction};
use crate::edn::Value;
use crate::elle::{Anomaly, Case, ElleResults};
use crate::sentences::elle::named_transactions;

impl ElleResults<'_> {
    /// The contradicting transactions of each case, ordered from the worst anomaly.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let kinds = self.worst_first().into_iter().map(|(anomaly, cases)| {
            let cases = cases.iter().take(contradiction::MAX_CONTRADICTIONS);
            cases.filter_map(|case| self.contradiction(anomaly, case)).collect()
        });
        contradiction::round_robin(kinds.collect())
    }

    /// The contradiction of a case; `None` if there are no transactions to name.
    fn contradiction(&self, anomaly: Anomaly, case: &Case<'_>) -> Option<Contradiction> {
        let among = match case {
            Case::CycleExists { transactions, .. } => transactions.clone(),
            Case::CyclicVersions { replacements, .. } => {
                replacements.iter().map(|(transaction, _)| *transaction).collect()
            }
            case => named_transactions(case),
        };
        if among.is_empty() {
            return None;
        }
        let description = self.summary(anomaly, case);
        let entries = among.iter().flat_map(|op| [self.history.invocation(op), Some(*op)]);
        let among = Contradiction::of(description, entries.flatten().map(|op| op.index));
        Some(Contradiction { value: value(case).cloned(), ..among })
    }
}

/// The value that was read wrongly, if the case is about one.
fn value<'h>(case: &Case<'h>) -> Option<&'h Value> {
    match case {
        Case::AbortedRead(read) | Case::IntermediateRead(read) => Some(read.value),
        Case::DuplicateElements { times, .. } => times.first().map(|(element, _)| *element),
        Case::FutureRead { element, .. } => Some(element),
        _ => None,
    }
}
