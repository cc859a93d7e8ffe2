//! Whether nodes remember what was committed.
//!
//! Jepsen's checker cannot tell, for it judges histories, and what is committed is in none. A
//! consumer that goes on from an offset before the last that was committed gets messages again, so
//! nothing is lost by it, and there is no verdict on it.

use std::collections::BTreeMap;

use crate::checker::sentence::counted;

/// What was committed, and what nodes say about it.
#[derive(Debug, Default)]
pub(super) struct Commits {
    /// The highest offset of each key of which a commit was acknowledged.
    acknowledged: BTreeMap<String, i64>,
    /// That of each key that a client asks for, when it asks.
    expected: BTreeMap<u64, BTreeMap<String, i64>>,
    forgotten: u64,
    first: Option<Forgotten>,
}

#[derive(Debug)]
struct Forgotten {
    key: String,
    acknowledged: i64,
    told: Option<i64>,
}

impl Commits {
    /// A commit of these offsets was acknowledged.
    pub(super) fn acknowledge(&mut self, offsets: BTreeMap<String, i64>) {
        for (key, offset) in offsets {
            let highest = self.acknowledged.entry(key).or_insert(offset);
            *highest = offset.max(*highest);
        }
    }

    /// A client asks what was committed of these keys.
    pub(super) fn ask(&mut self, process: u64, keys: &[String]) {
        let known = |key: &String| Some((key.clone(), *self.acknowledged.get(key)?));
        self.expected.insert(process, keys.iter().filter_map(known).collect());
    }

    /// It hears that it was this.
    pub(super) fn hear(&mut self, process: u64, told: &BTreeMap<String, i64>) {
        for (key, acknowledged) in self.expected.remove(&process).unwrap_or_default() {
            let told = told.get(&key).copied();
            if told < Some(acknowledged) {
                self.forgotten += 1;
                self.first.get_or_insert(Forgotten { key, acknowledged, told });
            }
        }
    }

    /// A sentence, if anything was forgotten.
    pub(super) fn warning(&self) -> Option<String> {
        let Forgotten { key, acknowledged, told } = self.first.as_ref()?;
        let told = told.map_or("nothing".to_owned(), |offset| format!("offset {offset}"));
        let more = match self.forgotten - 1 {
            0 => String::new(),
            more => format!(", and {} forgot a commit", counted(more, "more answer")),
        };
        Some(format!(
            "{told} of key {key} was said to be committed after a commit of offset {acknowledged} \
             had been acknowledged, so consumers get messages again{more}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets<const N: usize>(offsets: [(&str, i64); N]) -> BTreeMap<String, i64> {
        offsets.map(|(key, offset)| (key.to_owned(), offset)).into()
    }

    #[test]
    fn what_was_acknowledged_before_the_question_must_be_in_the_answer() {
        #[track_caller]
        fn check<const N: usize>(told: [(&str, i64); N], expected: &str) {
            let mut commits = Commits::default();
            commits.acknowledge(offsets([("7", 5), ("8", 0)]));
            commits.acknowledge(offsets([("7", 3)]));
            commits.ask(0, &["7".to_owned(), "8".to_owned(), "9".to_owned()]);
            commits.acknowledge(offsets([("7", 9)]));
            commits.hear(0, &offsets(told));
            // An answer to nothing says nothing.
            commits.hear(1, &offsets([]));
            let warning = commits.warning().unwrap_or_default();
            assert!(warning.starts_with(expected), "{warning}");
            assert_eq!(warning.is_empty(), expected.is_empty(), "{warning}");
        }
        check([("7", 5), ("8", 0)], "");
        check([("7", 12), ("8", 0), ("9", 1)], "");
        check([("7", 4), ("8", 0)], "offset 4 of key 7 was said to be committed after a commit of");
        check([("7", 5)], "nothing of key 8 was said to be committed after a commit of offset 0");
    }

    #[test]
    fn answers_that_forget_are_counted() {
        #[track_caller]
        fn check(answers: u64, expected: &str) {
            let mut commits = Commits::default();
            commits.acknowledge(offsets([("7", 5)]));
            for process in 0..answers {
                commits.ask(process, &["7".to_owned()]);
                commits.hear(process, &offsets([]));
            }
            let warning = commits.warning().unwrap();
            assert!(warning.ends_with(expected), "{warning}");
        }
        check(1, " again");
        check(2, " again, and 1 more answer forgot a commit");
        check(3, " again, and 2 more answers forgot a commit");
    }
}
