//! Whether no id was given twice: Jepsen's `unique-ids`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{
    Contradiction, Validity, contradiction,
    sentence::{counted, time},
};
use crate::{
    edn::{Map, Value},
    history::{History, Kind, Op},
};

/// How many duplicates are shown: enough to see a pattern, few enough to read.
const SHOWN: usize = 48;

/// How many of those who were given an id are named: two make it a contradiction, and more show
/// whether it is always the same node that gives it.
const NAMED: usize = 4;

/// What is to be said about the ids of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueIds {
    /// Valid unless there are duplicates.
    pub valid: Validity,
    /// How many ids were asked for.
    pub attempted_count: usize,
    /// How many were given.
    pub acknowledged_count: usize,
    /// How many different ids were given more than once.
    pub duplicated_count: usize,
    /// The most frequent of them, and how often each was given.
    pub duplicated: BTreeMap<Value, usize>,
    /// The least and the greatest id that is not nil.
    pub range: Option<(Value, Value)>,
    /// Who was given the most frequent of the duplicates; of equally frequent ones the earliest.
    pub contradictions: Vec<Contradiction>,
}

/// Counts the ids that `generate` was asked for and gave.
pub fn check(history: &History) -> UniqueIds {
    let generates =
        |kind| history.ops().iter().filter(move |op| op.kind == kind && op.f == "generate");
    let mut times_given: FxHashMap<&Value, usize> = FxHashMap::default();
    for op in generates(Kind::Ok) {
        *times_given.entry(&op.value).or_default() += 1;
    }
    let ids = || times_given.keys().filter(|id| ***id != Value::Nil);
    let range = ids().min().zip(ids().max());
    let mut duplicated: Vec<_> = times_given
        .iter()
        .filter(|(_, times)| **times > 1)
        .map(|(id, times)| (*times, *id))
        .collect();
    duplicated.sort_unstable();
    let most_frequent = duplicated.iter().rev().take(SHOWN).map(|(_, id)| {
        let given: Vec<&Op> = generates(Kind::Ok).filter(|op| op.value == **id).collect();
        (*id, given)
    });
    let mut most_frequent: Vec<(&Value, Vec<&Op>)> = most_frequent.collect();
    most_frequent.sort_by_key(|(_, given)| (Reverse(given.len()), given[1].index));
    let contradictions = most_frequent.iter().take(contradiction::MOST).map(|(id, given)| {
        Contradiction::between(history, given_to(id, given), given.iter().copied()).about(id)
    });
    let contradictions = contradictions.collect();
    UniqueIds {
        valid: duplicated.is_empty().into(),
        attempted_count: generates(Kind::Invoke).count(),
        acknowledged_count: times_given.values().sum(),
        duplicated_count: duplicated.len(),
        duplicated: duplicated
            .iter()
            .rev()
            .take(SHOWN)
            .map(|(n, id)| ((*id).clone(), *n))
            .collect(),
        range: range.map(|(least, greatest)| ((*least).clone(), (*greatest).clone())),
        contradictions,
    }
}

/// `id 7 was given twice: to process 0 at 0.120 s and to process 2 at 1.334 s`.
fn given_to(id: &Value, given: &[&Op]) -> String {
    let few = given.iter().take(NAMED);
    let mut few: Vec<String> =
        few.map(|op| format!("to process {} at {}", op.process, time(op))).collect();
    let last = match given.len().saturating_sub(NAMED) {
        0 => few.pop().unwrap_or_default(),
        rest => counted(rest as u64, "more time"),
    };
    let times = counted(given.len() as u64, "time");
    let id = id.json();
    format!("id {id} was given {times}: {} and {last}", few.join(", "))
}

impl UniqueIds {
    /// Why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        let (id, times) = self.duplicated.iter().max_by_key(|(_, times)| **times)?;
        let (ids, id) = (counted(self.duplicated_count as u64, "id"), id.json());
        Some(format!("{ids} given more than once; most often, {times} times, {id}"))
    }

    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let duplicated = self.duplicated.iter().map(|(id, times)| (id.clone(), (*times).into()));
        let (least, greatest) = self.range.clone().unwrap_or((Value::Nil, Value::Nil));
        Map::new()
            .with("valid?", self.valid)
            .with("attempted-count", self.attempted_count)
            .with("acknowledged-count", self.acknowledged_count)
            .with("duplicated-count", self.duplicated_count)
            .with("duplicated", duplicated.collect::<Map>())
            .with("range", vec![least, greatest])
            .into()
    }
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
        assert_eq!((ids.duplicated_count, ids.duplicated.len()), (50, SHOWN));
        let shown: Vec<_> = ids.duplicated.keys().map(|id| id.as_int().unwrap()).collect();
        assert_eq!((shown[0], shown[1], shown[47]), (0, 3, 49));
    }

    #[test]
    fn those_who_were_given_the_same_id_contradict_each_other() {
        let ids = [(0, 7), (1, 8), (2, 7), (0, 9), (1, 9), (2, 9), (0, 9), (1, 9), (2, 9)];
        let lines = ids.iter().map(|(process, id)| {
            format!("{process} invoke generate nil\n{process} ok generate {id}\n")
        });
        let given = super::check(&history(&lines.collect::<String>())).contradictions;
        let [often, twice] = &given[..] else { panic!("{given:?}") };
        assert_eq!(
            often.what,
            "id 9 was given 6 times: to process 0 at 0.070 s, to process 1 at 0.090 s, to process \
             2 at 0.110 s, to process 0 at 0.130 s and 2 more times"
        );
        assert_eq!(often.operations, (6..18).collect::<Vec<_>>());
        let what = "id 7 was given 2 times: to process 0 at 0.010 s and to process 2 at 0.050 s";
        assert_eq!((&*twice.what, &twice.operations[..]), (what, &[0, 1, 4, 5][..]));
        assert_eq!([&often.value, &twice.value], [&Some(Value::Int(9)), &Some(Value::Int(7))]);
        assert_eq!(
            super::check(&history("0 invoke generate nil\n0 ok generate 1")).contradictions,
            []
        );
    }
}
