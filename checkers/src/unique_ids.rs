//! Jepsen's `unique-ids`: no id is returned twice.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Validity;
use crate::{
    edn::Value,
    history::{History, Kind, Op},
};

/// Maximum number of duplicates that are shown: enough to see a pattern, few enough to read.
const MAX_DUPLICATES_SHOWN: usize = 48;

/// The findings on the ids of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueIdsResults {
    /// Valid unless there are duplicates.
    pub valid: Validity,
    /// The number of ids that were requested.
    pub attempted_count: usize,
    /// The number of ids that were returned.
    pub acknowledged_count: usize,
    /// The number of different ids that were returned more than once.
    pub duplicated_count: usize,
    /// The most frequent of them, with the number of times each was returned.
    pub duplicated: BTreeMap<Value, usize>,
    /// The least and the greatest id that is not nil.
    pub range: Option<(Value, Value)>,
}

/// Counts the ids that `generate` operations requested and returned.
pub fn check(history: &History) -> UniqueIdsResults {
    let mut times_returned: FxHashMap<&Value, usize> = FxHashMap::default();
    for op in generate_ops(history, Kind::Ok) {
        *times_returned.entry(&op.value).or_default() += 1;
    }
    let ids = || times_returned.keys().filter(|id| ***id != Value::Nil);
    let range = ids().min().zip(ids().max());
    let mut duplicated: Vec<_> = times_returned
        .iter()
        .filter(|(_, times)| **times > 1)
        .map(|(id, times)| (*times, *id))
        .collect();
    duplicated.sort_unstable();
    UniqueIdsResults {
        valid: duplicated.is_empty().into(),
        attempted_count: generate_ops(history, Kind::Invoke).count(),
        acknowledged_count: times_returned.values().sum(),
        duplicated_count: duplicated.len(),
        duplicated: duplicated
            .iter()
            .rev()
            .take(MAX_DUPLICATES_SHOWN)
            .map(|(n, id)| ((*id).clone(), *n))
            .collect(),
        range: range.map(|(least, greatest)| ((*least).clone(), (*greatest).clone())),
    }
}

/// The entries of `generate` operations of one kind: requests for ids, or ids.
pub(crate) fn generate_ops(history: &History, kind: Kind) -> impl Iterator<Item = &Op> {
    history.ops().iter().filter(move |op| op.kind == kind && op.f == "generate")
}

#[cfg(test)]
mod tests {
    use super::{super::testing::history, *};

    #[track_caller]
    fn check(ids: &[&str], valid: bool, duplicated: &str, range: &str) {
        let lines = ids.iter().map(|id| format!("0 invoke generate nil\n0 ok generate {id}\n"));
        let results = super::check(&history(&lines.collect::<String>())).to_edn();
        assert_eq!(results.get("valid?"), Some(&valid.into()));
        assert_eq!(results.get("acknowledged-count"), Some(&ids.len().into()));
        assert_eq!(results.get("duplicated").unwrap().to_string(), duplicated);
        assert_eq!(results.get("range").unwrap().to_string(), range);
    }

    #[test]
    fn ids_of_any_type_may_not_be_given_twice() {
        check(&[], true, "{}", "[nil nil]");
        check(&["1", "2", "10"], true, "{}", "[1 10]");
        check(&["1", "1.0"], true, "{}", "[1 1.0]");
        check(&["2", "1", "2"], false, "{2 2}", "[1 2]");
        check(&["\"b\"", "\"a\"", "\"b\"", "\"b\""], false, "{\"b\" 3}", "[\"a\" \"b\"]");
        check(
            &["{\"a\" 1, \"b\" 2}", "{\"b\" 2, \"a\" 1}"],
            false,
            "{{\"a\" 1, \"b\" 2} 2}",
            "[{\"a\" 1, \"b\" 2} {\"a\" 1, \"b\" 2}]",
        );
        check(&["nil", "[1]", "\"a\"", "7"], true, "{}", "[7 [1]]");
        let (a, b) = ("123456789012345678901234567890", "123456789012345678901234567891");
        check(&[a, b], true, "{}", &format!("[{a} {b}]"));
    }

    #[test]
    fn an_id_that_was_not_given_counts_as_an_attempt() {
        let ids = super::check(&history("0 invoke generate nil\n0 info generate nil"));
        assert_eq!((ids.valid, ids.attempted_count), (Validity::Valid, 1));
        assert_eq!((ids.acknowledged_count, ids.range), (0, None));
    }

    #[test]
    fn only_the_most_frequent_duplicates_are_shown() {
        let lines = (0..100).map(|i| format!("0 ok generate {}\n", i % 50));
        let thrice = "0 ok generate 0\n";
        let ids = super::check(&history(&(lines.collect::<String>() + thrice)));
        assert_eq!((ids.duplicated_count, ids.duplicated.len()), (50, MAX_DUPLICATES_SHOWN));
        let shown: Vec<_> = ids.duplicated.keys().map(|id| id.as_int().unwrap()).collect();
        assert_eq!((shown[0], shown[1], shown[47]), (0, 3, 49));
    }
}
