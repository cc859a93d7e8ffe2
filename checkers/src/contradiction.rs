//! Which operations contradict each other, for a report to show where a test went wrong.
//!
//! A verdict says that something is wrong, and results hold all of it. What a person wants to see
//! first is one case of it: the few entries of the history that cannot all be right, and why.

use crate::edn::Value;
use crate::history::{History, Op};

/// How many contradictions are told of a test. More hide the first ones, which are the most
/// telling; fewer hide what they have in common.
pub(crate) const MOST: usize = 20;

/// How many entries one contradiction names. More would mark a whole history where a node errs
/// with everything; fewer would cut a long cycle of transactions.
const MOST_ENTRIES: usize = 64;

/// Operations that cannot all be right, or one that cannot be right, for a report to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// What contradicts what, in a sentence without its period.
    pub what: String,
    /// The [indices](crate::history::Op::index) of the operations' entries in the history, in order
    /// of time: of each operation its beginning, its end, or both.
    pub operations: Vec<usize>,
    /// The value that is lost, wrong or read twice, if it is one: messages that carry it show its
    /// way through the cluster.
    pub value: Option<Value>,
}

impl Contradiction {
    /// A contradiction between these entries; the earliest of them, if there are very many.
    pub(crate) fn of(what: String, indices: impl IntoIterator<Item = usize>) -> Contradiction {
        let mut operations: Vec<usize> = indices.into_iter().collect();
        operations.sort_unstable();
        operations.dedup();
        operations.truncate(MOST_ENTRIES);
        Contradiction { what, operations, value: None }
    }

    /// A contradiction between the operations of these entries, each with its other half.
    pub fn between<'a>(
        history: &History,
        what: String,
        entries: impl IntoIterator<Item = &'a Op>,
    ) -> Contradiction {
        let other_half = |op| history.completion(op).or_else(|| history.invocation(op));
        let both = entries.into_iter().flat_map(|op| [Some(op), other_half(op)]).flatten();
        Contradiction::of(what, both.map(|op| op.index))
    }

    /// The same about a value.
    pub(crate) fn about(self, value: &Value) -> Contradiction {
        Contradiction { value: Some(value.clone()), ..self }
    }
}

/// The first of each kind, then the second of each, and so on, as many as are told; kinds are in
/// order, the most telling first.
pub(crate) fn by_turns(kinds: Vec<Vec<Contradiction>>) -> Vec<Contradiction> {
    let mut all: Vec<(usize, Contradiction)> =
        kinds.into_iter().flat_map(|kind| kind.into_iter().enumerate()).collect();
    all.sort_by_key(|(turn, _)| *turn);
    all.into_iter().map(|(_, contradiction)| contradiction).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;

    #[test]
    fn operations_are_named_with_both_halves_and_once() {
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
    fn every_kind_has_its_turn() {
        let kind = |name: &str, count: usize| -> Vec<Contradiction> {
            (0..count).map(|number| Contradiction::of(format!("{name}{number}"), [])).collect()
        };
        let told = |kinds| by_turns(kinds).into_iter().map(|each| each.what).collect::<Vec<_>>();
        assert_eq!(told(vec![kind("a", 3), kind("b", 1)]), ["a0", "b0", "a1", "a2"]);
        assert_eq!(told(vec![kind("a", 30), kind("b", 30)]).len(), MOST);
    }
}
