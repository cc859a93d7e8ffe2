//! Sequence numbers that have arrived, in whatever order.

use std::collections::BTreeMap;

/// Maximum number of ranges remembered above a gap; an item in any other range is retransmitted. A
/// larger number lets a neighbor occupy more memory; with a smaller one, a late batch causes more
/// retransmissions of those that overtook it.
const MAX_GAP_RANGES: usize = 256;

/// Sequence numbers that have arrived: all below `next_expected`, and ranges above a gap.
///
/// The ranges are disjoint, do not touch, and lie above `next_expected`.
#[derive(Debug, Default)]
pub(super) struct ReceivedRanges {
    next_expected: u64,
    /// End of each range, by its first sequence number.
    ranges: BTreeMap<u64, u64>,
}

impl ReceivedRanges {
    /// Cumulative acknowledgement: the next sequence number expected. All below it have arrived.
    pub(super) fn next_expected(&self) -> u64 {
        self.next_expected
    }

    /// True if a lower number than the highest that has arrived is missing.
    pub(super) fn has_gap(&self) -> bool {
        !self.ranges.is_empty()
    }

    /// Adds the numbers from `first` up to, not including, `end`. Returns true if `end` is beyond
    /// everything that had arrived.
    pub(super) fn insert(&mut self, first: u64, end: u64) -> bool {
        let former_end = self.ranges.last_key_value().map_or(self.next_expected, |(_, end)| *end);
        let (mut first, mut until) = (first, end);
        if until <= self.next_expected || until <= first {
            return false;
        }
        // Merge it with the ranges that it overlaps or touches.
        while let Some((begin, stop)) = self.ranges.range(..=until).next_back()
            && *stop >= first
        {
            let begin = *begin;
            (first, until) = (first.min(begin), until.max(*stop));
            self.ranges.remove(&begin);
        }
        if first <= self.next_expected {
            self.next_expected = until;
        } else if self.ranges.len() < MAX_GAP_RANGES {
            self.ranges.insert(first, until);
        }
        end > former_end
    }

    /// Counts all numbers below `end` as arrived.
    pub(super) fn skip_to(&mut self, end: u64) {
        if end > self.next_expected {
            self.insert(self.next_expected, end);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::host::Host;

    #[test]
    fn ranges_may_arrive_in_any_order() {
        for seed in 0..300 {
            let random = Host::seeded(seed).random();
            let (mut received, mut model) = (ReceivedRanges::default(), BTreeSet::new());
            for _ in 0..40 {
                let first = random.next() % 60;
                let end = first + random.next() % 8;
                let is_last = (first..end).next_back() > model.last().copied();
                assert_eq!(received.insert(first, end), is_last, "seed {seed}");
                model.extend(first..end);
                let contiguous = (0..100).find(|seq| !model.contains(seq)).unwrap();
                assert_eq!(received.next_expected(), contiguous, "seed {seed}");
                let has_gap = model.last().is_some_and(|last| *last > contiguous);
                assert_eq!(received.has_gap(), has_gap, "seed {seed}");
            }
            received.skip_to(70);
            assert_eq!((received.next_expected(), received.has_gap()), (70, false));
        }
    }

    #[test]
    fn ranges_above_gaps_are_bounded_in_number() {
        let mut received = ReceivedRanges::default();
        for seq in 1..10_000 {
            received.insert(2 * seq, 2 * seq + 1);
        }
        assert_eq!(received.ranges.len(), MAX_GAP_RANGES);
        received.insert(0, 20_000);
        assert_eq!((received.next_expected(), received.has_gap()), (20_000, false));
    }
}
