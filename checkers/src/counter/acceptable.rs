//! The sums that a counter may show: the acknowledged sum plus any subset of the indeterminate
//! deltas.
//!
//! Sums are kept as ranges of integers. Each indeterminate delta shifts a copy of all ranges, and
//! the union of both is the new set. The result is exact, and has few ranges because deltas are
//! small. In a history from elsewhere deltas may be large; then there may be as many ranges as
//! subsets, which is too many.

use crate::edn::Value;

/// Maximum absolute value of a delta: sums of fewer than 2^32 of them fit in 128 bits.
const MAX_DELTA: i128 = 1 << 95;

/// Sums from the first to the second, both included.
pub(crate) type SumRange = [i128; 2];

/// The ranges of `sum` plus any subset of these deltas, ascending and not adjacent; the first `max`
/// of them, and `false`, if there are more.
pub(super) fn ranges(
    sum: i128,
    indeterminate: impl IntoIterator<Item = i128>,
    max: usize,
) -> (Vec<SumRange>, bool) {
    let mut ranges = vec![[sum, sum]];
    for delta in indeterminate {
        ranges = with_delta(&ranges, delta);
        if ranges.len() > max {
            ranges.truncate(max);
            return (ranges, false);
        }
    }
    (ranges, true)
}

/// True if one of these ranges contains this sum.
pub(super) fn contains(ranges: &[SumRange], sum: i128) -> bool {
    let after = ranges.partition_point(|[from, _]| *from <= sum);
    after.checked_sub(1).is_some_and(|at| sum <= ranges[at][1])
}

/// The sum in these ranges that is nearest to `sum`; of two, the smaller.
pub(super) fn nearest(ranges: &[SumRange], sum: i128) -> Option<i128> {
    let ends = ranges.iter().map(|[from, to]| sum.clamp(*from, *to));
    ends.min_by_key(|end| end.abs_diff(sum))
}

/// The value as an integer, if it fits in 128 bits.
pub(crate) fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some((*number).into()),
        Value::BigInt(digits) | Value::BigInteger(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// The value as a delta, if it is at most [`MAX_DELTA`].
pub(super) fn delta(value: &Value) -> Option<i128> {
    integer(value).filter(|delta| delta.unsigned_abs() <= MAX_DELTA.unsigned_abs())
}

/// The sums in these ranges, each with and without this delta.
fn with_delta(ranges: &[SumRange], delta: i128) -> Vec<SumRange> {
    let shifted = ranges.iter().map(|range| range.map(|end| end + delta));
    let mut all: Vec<SumRange> = ranges.iter().copied().chain(shifted).collect();
    all.sort_unstable();
    let mut joined: Vec<SumRange> = Vec::new();
    for [from, to] in all {
        match joined.last_mut() {
            Some([_, last]) if from <= *last + 1 => *last = to.max(*last),
            _ => joined.push([from, to]),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::MAX_RANGES, *};
    use crate::random::Random;

    #[test]
    fn ranges_contain_exactly_the_sums_of_all_subsets() {
        for seed in 0..500 {
            let mut random = Random::seeded(seed);
            let deltas: Vec<i128> =
                (0..random.below(9)).map(|_| i128::from(random.below(30)) - 12).collect();
            let sums: BTreeSet<i128> = (0..1_u32 << deltas.len())
                .map(|subset| {
                    let chosen =
                        deltas.iter().enumerate().filter(|(place, _)| subset >> place & 1 == 1);
                    chosen.map(|(_, delta)| delta).sum()
                })
                .collect();
            let (ranges, is_all) = ranges(0, deltas.iter().copied(), MAX_RANGES);
            assert!(is_all);
            let inside: BTreeSet<i128> = ranges.iter().flat_map(|[from, to]| *from..=*to).collect();
            assert_eq!(inside, sums, "{deltas:?}");
            assert!(ranges.windows(2).all(|pair| pair[0][1] + 1 < pair[1][0]), "{ranges:?}");
            let limits = [*sums.first().unwrap() - 3, *sums.last().unwrap() + 3];
            for sum in limits[0]..=limits[1] {
                assert_eq!(contains(&ranges, sum), sums.contains(&sum), "{sum} in {ranges:?}");
                let nearest = nearest(&ranges, sum).unwrap();
                assert!(sums.iter().all(|other| other.abs_diff(sum) >= nearest.abs_diff(sum)));
                assert!(sums.contains(&nearest));
            }
        }
    }
}
