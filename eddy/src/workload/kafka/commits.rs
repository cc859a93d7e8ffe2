//! A check of committed offsets: nodes must not forget a commit that they acknowledged.
//!
//! Jepsen's checker does not check this, since a history has no committed offsets. A consumer that
//! resumes before the last committed offset receives messages again, so none is lost. This is why a
//! forgotten commit causes a warning and does not affect the verdict.

use std::collections::BTreeMap;

use crate::checkers::wording::counted;

/// Acknowledged commits, and the commits that nodes have forgotten.
#[derive(Debug, Default)]
pub(super) struct CommitCheck {
    /// The highest acknowledged commit of each key.
    acknowledged: BTreeMap<String, i64>,
    /// By process: the highest acknowledged commits at the time of its pending request.
    expected: BTreeMap<u64, BTreeMap<String, i64>>,
    forgotten_count: u64,
    first_forgotten: Option<ForgottenCommit>,
}

#[derive(Debug)]
struct ForgottenCommit {
    key: String,
    acknowledged: i64,
    reported: Option<i64>,
}

impl CommitCheck {
    /// Records the acknowledged commit of these offsets.
    pub(super) fn acknowledge(&mut self, offsets: BTreeMap<String, i64>) {
        for (key, offset) in offsets {
            let highest = self.acknowledged.entry(key).or_insert(offset);
            *highest = offset.max(*highest);
        }
    }

    /// Records a process's request for the committed offsets of these keys.
    pub(super) fn note_request(&mut self, process: u64, keys: &[String]) {
        let known = |key: &String| Some((key.clone(), *self.acknowledged.get(key)?));
        self.expected.insert(process, keys.iter().filter_map(known).collect());
    }

    /// Compares the reply to that request with the commits acknowledged before the request.
    pub(super) fn check_reply(&mut self, process: u64, reported: &BTreeMap<String, i64>) {
        for (key, acknowledged) in self.expected.remove(&process).unwrap_or_default() {
            let reported = reported.get(&key).copied();
            if reported < Some(acknowledged) {
                self.forgotten_count += 1;
                self.first_forgotten.get_or_insert(ForgottenCommit { key, acknowledged, reported });
            }
        }
    }

    /// The warning, if a commit was forgotten.
    pub(super) fn warning(&self) -> Option<String> {
        let ForgottenCommit { key, acknowledged, reported } = self.first_forgotten.as_ref()?;
        let reported = reported.map_or("no offset".to_owned(), |offset| format!("offset {offset}"));
        let more = match self.forgotten_count - 1 {
            0 => String::new(),
            more => format!(", and nodes forgot a commit {}", counted(more, "more time")),
        };
        Some(format!(
            "a node reported {reported} of key {key} as committed after a commit of offset \
             {acknowledged} had been acknowledged, so consumers get messages again{more}"
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
    fn a_commit_acknowledged_before_the_request_must_be_in_the_reply() {
        #[track_caller]
        fn check<const N: usize>(told: [(&str, i64); N], expected: &str) {
            let mut commits = CommitCheck::default();
            commits.acknowledge(offsets([("7", 5), ("8", 0)]));
            commits.acknowledge(offsets([("7", 3)]));
            commits.note_request(0, &["7".to_owned(), "8".to_owned(), "9".to_owned()]);
            commits.acknowledge(offsets([("7", 9)]));
            commits.check_reply(0, &offsets(told));
            // A reply without a request is ignored.
            commits.check_reply(1, &offsets([]));
            let warning = commits.warning().unwrap_or_default();
            assert!(warning.starts_with(expected), "{warning}");
            assert_eq!(warning.is_empty(), expected.is_empty(), "{warning}");
        }
        check([("7", 5), ("8", 0)], "");
        check([("7", 12), ("8", 0), ("9", 1)], "");
        check([("7", 4), ("8", 0)], "a node reported offset 4 of key 7 as committed after a");
        check([("7", 5)], "a node reported no offset of key 8 as committed after a");
    }

    #[test]
    fn replies_that_forget_a_commit_are_counted() {
        #[track_caller]
        fn check(answers: u64, expected: &str) {
            let mut commits = CommitCheck::default();
            commits.acknowledge(offsets([("7", 5)]));
            for process in 0..answers {
                commits.note_request(process, &["7".to_owned()]);
                commits.check_reply(process, &offsets([]));
            }
            let warning = commits.warning().unwrap();
            assert!(warning.ends_with(expected), "{warning}");
        }
        check(1, " again");
        check(2, " again, and nodes forgot a commit 1 more time");
        check(3, " again, and nodes forgot a commit 2 more times");
    }
}
