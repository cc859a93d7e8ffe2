//! Operations that contradict each other, for a report to show where a test went wrong.
//!
//! A verdict says that something is wrong, and the results hold every case. A reader wants to see
//! one case first: the few entries of the history that cannot all be right, and why.

use crate::edn::Value;
use crate::history::{History, Op};

/// Maximum number of contradictions that are reported of a test. A larger one would hide the first
/// ones, which are the most informative; a smaller one would hide what they have in common.
pub(crate) const MAX_CONTRADICTIONS: usize = 20;

/// Maximum number of entries that one contradiction names. A larger one would mark the whole
/// history of a node that always errs; a smaller one would cut a long cycle of transactions.
const MAX_ENTRIES: usize = 64;

/// Operations that cannot all be right, or one operation that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// A sentence about the contradiction, without its period.
    pub description: String,
    /// The [indices](crate::history::Op::index) of the operations' entries in the history,
    /// ascending: the invocation of each operation, its completion, or both.
    pub operations: Vec<usize>,
    /// The value that is lost, wrong or read twice, if it is a single one. Messages that carry it
    /// show its path through the cluster.
    pub value: Option<Value>,
}

impl Contradiction {
    /// A contradiction between these entries; if there are more than [`MAX_ENTRIES`], between the
    /// earliest.
    pub(crate) fn of(
        description: String,
        indices: impl IntoIterator<Item = usize>,
    ) -> Contradiction {
        let mut operations: Vec<usize> = indices.into_iter().collect();
        operations.sort_unstable();
        operations.dedup();
        operations.truncate(MAX_ENTRIES);
        Contradiction { description, operations, value: None }
    }

    /// A contradiction between the operations of these entries, with invocation and completion of
    /// each.
    pub fn between<'a>(
        history: &History,
        what: String,
        entries: impl IntoIterator<Item = &'a Op>,
    ) -> Contradiction {
        let partner = |op| history.completion(op).or_else(|| history.invocation(op));
        let entries_and_partners =
            entries.into_iter().flat_map(|op| [Some(op), partner(op)]).flatten();
        Contradiction::of(what, entries_and_partners.map(|op| op.index))
    }

    /// Sets the value that the contradiction is about.
    pub(crate) fn with_value(self, value: &Value) -> Contradiction {
        Contradiction { value: Some(value.clone()), ..self }
    }
}

/// Interleaves contradictions of several kinds: the first of each kind, then the second of each,
/// and so on, at most [`MAX_CONTRADICTIONS`]. The most informative kind comes first.
pub(crate) fn round_robin(kinds: Vec<Vec<Contradiction>>) -> Vec<Contradiction> {
    let mut all: Vec<(usize, Contradiction)> =
        kinds.into_iter().flat_map(|kind| kind.into_iter().enumerate()).collect();
    all.sort_by_key(|(turn, _)| *turn);
    all.into_iter().map(|(_, contradiction)| contradiction).take(MAX_CONTRADICTIONS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;

    #[test]
    fn operations_are_named_once_with_invocation_and_completion() {
        let history = history(
            "0 invoke read nil
             1 invoke read nil
             1 ok read 1
             0 ok read 2
             2 invoke read nil",
        );
        let ops = history.ops();
        let named = |indices: &[usize]| {
            let entries = indices.iter().map(|index| &ops[*index]);
            Contradiction::between(&history, String::new(), entries).operations
        };
        assert_eq!(named(&[3]), [0, 3]);
        assert_eq!(named(&[4, 2, 1]), [1, 2, 4]);
        assert_eq!(named(&[]), [0; 0]);
    }

    #[test]
    fn kinds_of_contradictions_are_interleaved() {
        let kind = |name: &str, count: usize| -> Vec<Contradiction> {
            (0..count).map(|number| Contradiction::of(format!("{name}{number}"), [])).collect()
        };
        let told =
            |kinds| round_robin(kinds).into_iter().map(|each| each.description).collect::<Vec<_>>();
        assert_eq!(told(vec![kind("a", 3), kind("b", 1)]), ["a0", "b0", "a1", "a2"]);
        assert_eq!(told(vec![kind("a", 30), kind("b", 30)]).len(), MAX_CONTRADICTIONS);
    }
}
