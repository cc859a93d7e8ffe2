//! The log: a snapshot and the entries after it, each with its index and its term.
//!
//! Indexes begin at 1. Entries that a snapshot replaces were committed, so they are the same in
//! every log that has them: an index below the snapshot's last one always matches.

use serde::Serialize;

use super::message::{Entry, Snapshot};
use crate::json;

/// Entries, and the snapshot of those before them.
///
/// Invariants: the entry at `entries[i]` has index `snapshot_index + 1 + i`, and terms never
/// decrease along the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log<C, S> {
    snapshot: Option<Snapshot<S>>,
    entries: Vec<Entry<C>>,
    /// Running sum of the bytes that the entries take in messages: `end_offsets[i]` is the end of
    /// `entries[i]`. As long as `entries`, and strictly increasing.
    end_offsets: Vec<u64>,
    /// End of the last entry that the snapshot replaces, on the same scale.
    start_offset: u64,
}

impl<C: Clone + Serialize, S> Log<C, S> {
    pub(super) fn new(snapshot: Option<Snapshot<S>>, entries: Vec<Entry<C>>) -> Self {
        let mut log =
            Log { snapshot, entries: Vec::new(), end_offsets: Vec::new(), start_offset: 0 };
        for entry in entries {
            log.push(entry);
        }
        log
    }

    /// Snapshot that replaces the first entries, if there is one.
    pub fn snapshot(&self) -> Option<&Snapshot<S>> {
        self.snapshot.as_ref()
    }

    /// Entries after the snapshot.
    pub fn entries(&self) -> &[Entry<C>] {
        &self.entries
    }

    /// Index of the last entry that the snapshot replaces; 0 without one.
    pub fn snapshot_index(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.last_included_index)
    }

    /// Index of the last entry; 0 in an empty log.
    pub fn last_index(&self) -> u64 {
        self.snapshot_index() + self.entries.len() as u64
    }

    /// Term of the last entry; 0 in an empty log.
    pub fn last_term(&self) -> u64 {
        self.term_at(self.last_index()).unwrap_or_default()
    }

    /// Term of an entry; 0 at index 0. `None` after the end of the log, and before the last entry
    /// of the snapshot.
    pub fn term_at(&self, index: u64) -> Option<u64> {
        match index.checked_sub(self.snapshot_index())? {
            0 => Some(self.snapshot.as_ref().map_or(0, |snapshot| snapshot.last_included_term)),
            count => self.entries.get(to_usize(count - 1)).map(|entry| entry.term),
        }
    }

    /// Entry at an index after the snapshot.
    pub fn entry(&self, index: u64) -> Option<&Entry<C>> {
        let position = index.checked_sub(self.snapshot_index() + 1)?;
        self.entries.get(to_usize(position))
    }

    /// Bytes that the entries after the snapshot, up to and including this index, take in messages.
    pub(super) fn bytes_through(&self, index: u64) -> u64 {
        let count =
            to_usize(index.saturating_sub(self.snapshot_index())).min(self.end_offsets.len());
        self.end_offset(count) - self.start_offset
    }

    /// Entries after the snapshot, from this index on.
    pub(super) fn entries_from(&self, index: u64) -> &[Entry<C>] {
        &self.entries[self.position_of(index)..]
    }

    /// Longest run of entries from this index on that is within both limits; it may be empty.
    pub(super) fn batch(&self, index: u64, max_entries: usize, max_bytes: usize) -> &[Entry<C>] {
        let first = self.position_of(index);
        let limit = self.end_offset(first).saturating_add(max_bytes as u64);
        let count = self.end_offsets[first..].partition_point(|end| *end <= limit);
        &self.entries[first..first + count.min(max_entries)]
    }

    fn position_of(&self, index: u64) -> usize {
        to_usize(index.saturating_sub(self.snapshot_index() + 1)).min(self.entries.len())
    }

    /// End of the first `count` entries, on the scale of `end_offsets`.
    fn end_offset(&self, count: usize) -> u64 {
        count.checked_sub(1).map_or(self.start_offset, |last| self.end_offsets[last])
    }

    /// True if this log has the entry of that index and term (section 5.3).
    pub(super) fn matches(&self, index: u64, term: u64) -> bool {
        index < self.snapshot_index() || self.term_at(index) == Some(term)
    }

    /// True if a candidate's log is at least as up-to-date as this one (section 5.4.1): its last
    /// entry has a later term, or the same term and no lower index.
    pub(super) fn is_candidate_up_to_date(&self, last_log_index: u64, last_log_term: u64) -> bool {
        (last_log_term, last_log_index) >= (self.last_term(), self.last_index())
    }

    /// Index from which a leader should send entries when this log does not match at `index`: the
    /// first entry of the conflicting term in this log, or the first index that it lacks (the end
    /// of section 5.3).
    pub(super) fn next_index_hint(&self, index: u64) -> u64 {
        let Some(term) = self.term_at(index) else { return self.last_index() + 1 };
        let mut first = index;
        while first > self.snapshot_index() + 1 && self.term_at(first - 1) == Some(term) {
            first -= 1;
        }
        first
    }

    pub(super) fn push(&mut self, entry: Entry<C>) {
        // The entry and the comma after it.
        let bytes = json::encoded_len(&entry) as u64 + 1;
        self.end_offsets.push(self.end_offset(self.end_offsets.len()) + bytes);
        self.entries.push(entry);
    }

    /// Receiver of `AppendEntries`, rules 3 and 4: adopts entries after an index that matches.
    /// Deletes an entry that conflicts, with all that follow it. That entry was never committed
    /// (leader completeness), so no committed entry is deleted. If none conflicts, keeps all
    /// entries, also those after the new ones, because the message may be old. Returns the first
    /// index that has changed, if any has.
    pub(super) fn merge(&mut self, prev_log_index: u64, entries: Vec<Entry<C>>) -> Option<u64> {
        let received = (prev_log_index + 1..).zip(&entries);
        let is_in_snapshot = |index| index <= self.snapshot_index();
        let changed = received.skip_while(|(index, entry)| {
            is_in_snapshot(*index) || self.matches(*index, entry.term)
        });
        let first = changed.map(|(index, _)| index).next()?;
        let kept = to_usize(first - self.snapshot_index() - 1);
        self.entries.truncate(kept);
        self.end_offsets.truncate(kept);
        let new = entries.into_iter().skip(to_usize(first - prev_log_index - 1));
        for entry in new {
            self.push(entry);
        }
        Some(first)
    }

    /// Replaces the entries up to a snapshot's index by the snapshot. Keeps the entries after that
    /// if the log has the snapshot's last entry; otherwise deletes all (figure 13, rules 6 and 7).
    pub(super) fn install(&mut self, snapshot: Snapshot<S>) {
        let Snapshot { last_included_index: index, last_included_term: term, .. } = snapshot;
        let has_last_included = self.term_at(index) == Some(term);
        let deleted = if has_last_included {
            to_usize(index - self.snapshot_index())
        } else {
            self.entries.len()
        };
        self.start_offset = self.end_offset(deleted);
        self.entries.drain(..deleted);
        self.end_offsets.drain(..deleted);
        self.snapshot = Some(snapshot);
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).expect("a log that fits into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log with entries of these terms after a snapshot with this last index and term.
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
        // Entries that the snapshot has replaced are skipped.
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
        let alone = json::encoded_len(&entry(0)) + 1;
        for length in [0, 10, 100, 10] {
            log.push(entry(length));
        }
        check(&log, 1, [9, 4 * alone + 120], 4);
        check(&log, 1, [9, 4 * alone + 119], 3);
        check(&log, 1, [2, 4 * alone + 120], 2);
        check(&log, 1, [9, alone - 1], 0);
        check(&log, 3, [9, alone + 100], 1);
        check(&log, 5, [9, 9999], 0);
        assert_eq!(log.bytes_through(2), 2 * alone as u64 + 10);
        log.install(Snapshot { last_included_index: 2, last_included_term: 1, state: () });
        assert_eq!((log.bytes_through(2), log.bytes_through(3)), (0, alone as u64 + 100));
        check(&log, 3, [9, alone + 100], 1);
        // The size of a deleted entry no longer counts.
        log.merge(2, vec![Entry { term: 2, command: Some(String::new()) }]);
        assert_eq!(log.bytes_through(9), alone as u64);
    }

    #[test]
    fn a_hint_skips_the_whole_term_that_differs() {
        #[track_caller]
        fn check(index: u64, expected: u64) {
            assert_eq!(log(Some((2, 1)), &[2, 2, 3]).next_index_hint(index), expected);
        }
        check(9, 6);
        check(5, 5);
        check(4, 3);
        check(3, 3);
    }
}
