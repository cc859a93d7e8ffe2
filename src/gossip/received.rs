//! Which positions of a stream have come, in whatever order.

use std::collections::BTreeMap;

/// How many separate ranges behind a gap are remembered; what is forgotten comes again. More takes
/// memory that a neighbor decides about; less, and a long batch that is late has more of those
/// behind it sent twice.
const MOST_RANGES: usize = 256;

/// The positions up to one of them, and ranges behind a gap.
///
/// The ranges are disjoint, do not touch, and lie behind `contiguous`.
#[derive(Debug, Default)]
pub(super) struct Positions {
    contiguous: u64,
    /// The end of each range, by its first position.
    ranges: BTreeMap<u64, u64>,
}

impl Positions {
    /// Up to where all have come.
    pub(super) fn contiguous(&self) -> u64 {
        self.contiguous
    }

    /// Whether any is missing before the last that has come.
    pub(super) fn has_gap(&self) -> bool {
        !self.ranges.is_empty()
    }

    /// Adds those from `first` up to `end`. Whether one of them is behind all that had come.
    pub(super) fn insert(&mut self, first: u64, end: u64) -> bool {
        let last = self.ranges.last_key_value().map_or(self.contiguous, |(_, end)| *end);
        let (mut first, mut until) = (first, end);
        if until <= self.contiguous || until <= first {
            return false;
        }
        // What it overlaps or touches becomes one with it.
        while let Some((begin, stop)) = self.ranges.range(..=until).next_back()
            && *stop >= first
        {
            let begin = *begin;
            (first, until) = (first.min(begin), until.max(*stop));
            self.ranges.remove(&begin);
        }
        if first <= self.contiguous {
            self.contiguous = until;
        } else if self.ranges.len() < MOST_RANGES {
            self.ranges.insert(first, until);
        }
        end > last
    }

    /// Counts all up to this one as come.
    pub(super) fn skip_to(&mut self, position: u64) {
        if position > self.contiguous {
            self.insert(self.contiguous, position);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::host::Host;

    #[test]
    fn in_whatever_order_ranges_come_all_of_them_are_there_in_the_end() {
        for seed in 0..300 {
            let random = Host::seeded(seed).random();
            let (mut positions, mut model) = (Positions::default(), BTreeSet::new());
            for _ in 0..40 {
                let first = random.next() % 60;
                let end = first + random.next() % 8;
                let is_last = (first..end).next_back() > model.last().copied();
                assert_eq!(positions.insert(first, end), is_last, "seed {seed}");
                model.extend(first..end);
                let contiguous = (0..100).find(|position| !model.contains(position)).unwrap();
                assert_eq!(positions.contiguous(), contiguous, "seed {seed}");
                let has_gap = model.last().is_some_and(|last| *last > contiguous);
                assert_eq!(positions.has_gap(), has_gap, "seed {seed}");
            }
            positions.skip_to(70);
            assert_eq!((positions.contiguous(), positions.has_gap()), (70, false));
        }
    }

    #[test]
    fn what_a_neighbor_makes_a_node_remember_is_bounded() {
        let mut positions = Positions::default();
        for position in 1..10_000 {
            positions.insert(2 * position, 2 * position + 1);
        }
        assert_eq!(positions.ranges.len(), MOST_RANGES);
        positions.insert(0, 20_000);
        assert_eq!((positions.contiguous(), positions.has_gap()), (20_000, false));
    }
}
