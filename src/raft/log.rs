//! The log: entries behind a snapshot, each with its index and its term.
//!
//! Indexes count from 1. What a snapshot holds is committed, so it is the same in every log that
//! has it: an index below the snapshot's last always matches.

use super::message::{Entry, Snapshot};

/// Entries, and what came before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log<C, S> {
    snapshot: Option<Snapshot<S>>,
    entries: Vec<Entry<C>>,
}

impl<C: Clone, S> Log<C, S> {
    pub(super) fn new(snapshot: Option<Snapshot<S>>, entries: Vec<Entry<C>>) -> Self {
        Log { snapshot, entries }
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

    /// The entries from this index on, behind the snapshot, but no more than so many.
    pub(super) fn from(&self, index: u64, most: usize) -> &[Entry<C>] {
        let start = place(index.saturating_sub(self.snapshot_index() + 1)).min(self.entries.len());
        &self.entries[start..self.entries.len().min(start.saturating_add(most))]
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
        self.entries.truncate(place(first - self.snapshot_index() - 1));
        self.entries.extend(entries.into_iter().skip(place(first - prev_log_index - 1)));
        Some(first)
    }

    /// Puts a snapshot in place of the entries up to its index. What follows them stays if the
    /// entry there is the one that the snapshot ends with; otherwise all goes.
    pub(super) fn install(&mut self, snapshot: Snapshot<S>) {
        let Snapshot { last_included_index: index, last_included_term: term, .. } = snapshot;
        if self.term_at(index) == Some(term) {
            self.entries.drain(..place(index - self.snapshot_index()));
        } else {
            self.entries.clear();
        }
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
