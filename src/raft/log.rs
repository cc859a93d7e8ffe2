//! The log: entries behind a snapshot, each with its index and its term.
//!
//! Indexes count from 1. What a snapshot holds is committed, so it is the same in every log that
//! has it: an index below the snapshot's last always matches.

use serde::Serialize;

use super::message::{Entry, Snapshot};
use crate::json;

/// Entries, and what came before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log<C, S> {
    snapshot: Option<Snapshot<S>>,
    entries: Vec<Entry<C>>,
    /// For each entry, how many bytes it and all before it take in messages, counted from
    /// somewhere. As many as there are entries, and growing.
    ends: Vec<u64>,
    /// The same for what the snapshot stands for.
    start: u64,
}

impl<C: Clone + Serialize, S> Log<C, S> {
    pub(super) fn new(snapshot: Option<Snapshot<S>>, entries: Vec<Entry<C>>) -> Self {
        let mut log = Log { snapshot, entries: Vec::new(), ends: Vec::new(), start: 0 };
        for entry in entries {
            log.push(entry);
        }
        log
    }

    /// What stands in place of the first entries, if anything does.
    pub fn snapshot(&self) -> Option<&Snapshot<S>> {
        self.snapshot.as_ref()
    }

    /// The entries behind the snapshot.
    pub fn entries(&self) -> &[Entry<C>] {
        &self.entries
    }

    /// The last index that the snapshot stands for; 0 without one.
    pub fn snapshot_index(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.last_included_index)
    }

    /// The index of the last entry; 0 in an empty log.
    pub fn last_index(&self) -> u64 {
        self.snapshot_index() + self.entries.len() as u64
    }

    /// The term of the last entry; 0 in an empty log.
    pub fn last_term(&self) -> u64 {
        self.term_at(self.last_index()).unwrap_or_default()
    }

    /// The term of an entry; 0 before the first one. `None` for what is not there, or only in the
    /// snapshot.
    pub fn term_at(&self, index: u64) -> Option<u64> {
        match index.checked_sub(self.snapshot_index())? {
            0 => Some(self.snapshot.as_ref().map_or(0, |snapshot| snapshot.last_included_term)),
            behind => self.entries.get(place(behind - 1)).map(|entry| entry.term),
        }
    }

    /// The entry at an index that is behind the snapshot.
    pub fn entry(&self, index: u64) -> Option<&Entry<C>> {
        let behind = index.checked_sub(self.snapshot_index() + 1)?;
        self.entries.get(place(behind))
    }

    /// How many bytes the entries behind the snapshot take in messages, up to this index.
    pub(super) fn bytes_until(&self, index: u64) -> u64 {
        let behind = place(index.saturating_sub(self.snapshot_index())).min(self.ends.len());
        self.end(behind) - self.start
    }

    /// The entries from this index on, behind the snapshot.
    pub(super) fn from(&self, index: u64) -> &[Entry<C>] {
        &self.entries[self.place_of(index)..]
    }

    /// The first entries from this index on that take no more than so many bytes in a message.
    pub(super) fn batch(&self, index: u64, most_entries: usize, most_bytes: usize) -> &[Entry<C>] {
        let first = self.place_of(index);
        let limit = self.end(first).saturating_add(most_bytes as u64);
        let count = self.ends[first..].partition_point(|end| *end <= limit);
        &self.entries[first..first + count.min(most_entries)]
    }

    fn place_of(&self, index: u64) -> usize {
        place(index.saturating_sub(self.snapshot_index() + 1)).min(self.entries.len())
    }

    /// How many bytes so many entries and all before them take.
    fn end(&self, entries: usize) -> u64 {
        entries.checked_sub(1).map_or(self.start, |last| self.ends[last])
    }

    /// Whether this log has the entry of that index and term (section 5.3).
    pub(super) fn matches(&self, index: u64, term: u64) -> bool {
        index < self.snapshot_index() || self.term_at(index) == Some(term)
    }

    /// Whether a log that ends like this is at least as up-to-date as this one (section 5.4.1).
    pub(super) fn is_outdone_by(&self, last_log_index: u64, last_log_term: u64) -> bool {
        (last_log_term, last_log_index) >= (self.last_term(), self.last_index())
    }

    /// Where entries that a leader should send instead of one that differs, or is missing, begin.
    pub(super) fn hint(&self, index: u64) -> u64 {
        let Some(term) = self.term_at(index) else { return self.last_index() + 1 };
        let mut first = index;
        while first > self.snapshot_index() + 1 && self.term_at(first - 1) == Some(term) {
            first -= 1;
        }
        first
    }

    pub(super) fn push(&mut self, entry: Entry<C>) {
        // With the comma that follows it.
        let bytes = json::length(&entry) as u64 + 1;
        self.ends.push(self.end(self.ends.len()) + bytes);
        self.entries.push(entry);
    }

    /// Takes over entries that follow on an index that matches. An entry that differs goes, and all
    /// that follow it; what does not differ stays, and so does what stands behind it, for the
    /// message may be old. Tells the first index that is new, if any is.
    pub(super) fn merge(&mut self, prev_log_index: u64, entries: Vec<Entry<C>>) -> Option<u64> {
        let news = (prev_log_index + 1..).zip(&entries);
        let is_there = |index| index <= self.snapshot_index();
        let news =
            news.skip_while(|(index, entry)| is_there(*index) || self.matches(*index, entry.term));
        let first = news.map(|(index, _)| index).next()?;
        let kept = place(first - self.snapshot_index() - 1);
        self.entries.truncate(kept);
        self.ends.truncate(kept);
        let new = entries.into_iter().skip(place(first - prev_log_index - 1));
        for entry in new {
            self.push(entry);
        }
        Some(first)
    }

    /// Puts a snapshot in place of the entries up to its index. What follows them stays if the
    /// entry there is the one that the snapshot ends with; otherwise all goes.
    pub(super) fn install(&mut self, snapshot: Snapshot<S>) {
        let Snapshot { last_included_index: index, last_included_term: term, .. } = snapshot;
        let has_it = self.term_at(index) == Some(term);
        let gone = if has_it { place(index - self.snapshot_index()) } else { self.entries.len() };
        self.start = self.end(gone);
        self.entries.drain(..gone);
        self.ends.drain(..gone);
        self.snapshot = Some(snapshot);
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).expect("a log that fits into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log with entries of these terms behind a snapshot that ends so.
    fn log(snapshot: Option<(u64, u64)>, terms: &[u64]) -> Log<(), ()> {
        let snapshot = snapshot.map(|(last_included_index, last_included_term)| Snapshot {
            last_included_index,
            last_included_term,
            state: (),
        });
        Log::new(snapshot, entries(terms))
    }

    fn entries(terms: &[u64]) -> Vec<Entry<()>> {
        terms.iter().map(|&term| Entry { term, command: None }).collect()
    }

    fn terms(log: &Log<(), ()>) -> Vec<u64> {
        log.entries.iter().map(|entry| entry.term).collect()
    }

    #[test]
    fn an_entry_has_a_term_wherever_the_log_begins() {
        #[track_caller]
        fn check(snapshot: Option<(u64, u64)>, expected: [Option<u64>; 5]) {
            let log = log(snapshot, &[4, 4]);
            assert_eq!([0, 1, 2, 3, 4].map(|index| log.term_at(index)), expected);
        }
        check(None, [Some(0), Some(4), Some(4), None, None]);
        check(Some((1, 3)), [None, Some(3), Some(4), Some(4), None]);
        check(Some((2, 3)), [None, None, Some(3), Some(4), Some(4)]);
    }

    #[test]
    fn entries_that_are_there_stay_and_those_that_differ_go_with_all_behind_them() {
        #[track_caller]
        fn check(prev: u64, news: &[u64], expected: &[u64], first: Option<u64>) {
            let mut log = log(Some((2, 1)), &[2, 2, 3]);
            assert_eq!(log.merge(prev, entries(news)), first);
            assert_eq!(terms(&log), expected);
        }
        check(2, &[2], &[2, 2, 3], None);
        check(2, &[], &[2, 2, 3], None);
        check(5, &[3], &[2, 2, 3, 3], Some(6));
        check(3, &[2, 4], &[2, 2, 4], Some(5));
        check(2, &[4], &[4], Some(3));
        // What the snapshot holds is skipped.
        check(0, &[1, 1, 2, 4], &[2, 4], Some(4));
        check(0, &[1], &[2, 2, 3], None);
    }

    #[test]
    fn a_snapshot_spares_what_follows_it_and_nothing_else() {
        #[track_caller]
        fn check(index: u64, term: u64, expected: &[u64]) {
            let mut log = log(Some((2, 1)), &[2, 2, 3]);
            log.install(Snapshot {
                last_included_index: index,
                last_included_term: term,
                state: (),
            });
            assert_eq!(terms(&log), expected);
            assert_eq!(log.last_index(), index + expected.len() as u64);
        }
        check(4, 2, &[3]);
        check(5, 3, &[]);
        check(4, 3, &[]);
        check(9, 9, &[]);
    }

    #[test]
    fn a_batch_has_as_many_entries_as_fit_into_so_many_bytes() {
        #[track_caller]
        fn check(log: &Log<String, ()>, from: u64, most: [usize; 2], expected: usize) {
            assert_eq!(log.batch(from, most[0], most[1]).len(), expected, "{most:?} from {from}");
        }
        let mut log = Log::<String, ()>::new(None, Vec::new());
        let entry = |length: usize| Entry { term: 1, command: Some("x".repeat(length)) };
        let alone = json::length(&entry(0)) + 1;
        for length in [0, 10, 100, 10] {
            log.push(entry(length));
        }
        check(&log, 1, [9, 4 * alone + 120], 4);
        check(&log, 1, [9, 4 * alone + 119], 3);
        check(&log, 1, [2, 4 * alone + 120], 2);
        check(&log, 1, [9, alone - 1], 0);
        check(&log, 3, [9, alone + 100], 1);
        check(&log, 5, [9, 9999], 0);
        assert_eq!(log.bytes_until(2), 2 * alone as u64 + 10);
        log.install(Snapshot { last_included_index: 2, last_included_term: 1, state: () });
        assert_eq!((log.bytes_until(2), log.bytes_until(3)), (0, alone as u64 + 100));
        check(&log, 3, [9, alone + 100], 1);
        // What takes the place of others is counted in their place.
        log.merge(2, vec![Entry { term: 2, command: Some(String::new()) }]);
        assert_eq!(log.bytes_until(9), alone as u64);
    }

    #[test]
    fn a_hint_skips_the_whole_term_that_differs() {
        #[track_caller]
        fn check(index: u64, expected: u64) {
            assert_eq!(log(Some((2, 1)), &[2, 2, 3]).hint(index), expected);
        }
        check(9, 6);
        check(5, 5);
        check(4, 3);
        check(3, 3);
    }
}
