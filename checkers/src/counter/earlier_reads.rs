//! Sums that a read during the test may return. No checker judges these, for nodes may lag; but a
//! node that was right once, and is wrong at the end, lost or repeated an add in between.

use super::acceptable::{self, contains};
use crate::history::{History, Kind, Op};

/// Maximum number of ranges of sums for one read. If there are more, the read is compared with the
/// first of them only.
const MAX_RANGES_PER_READ: usize = 1_000;

/// All adds that may count, to find the sums that a concurrent read may return.
pub(super) struct Adds {
    /// Completion index, invocation index and delta of each acknowledged add, sorted by completion.
    acknowledged: Vec<(usize, usize, i128)>,
    /// Prefix sums of their deltas.
    sums: Vec<i128>,
    /// Invocation index and delta of each indeterminate add.
    indeterminate: Vec<(usize, i128)>,
}

impl Adds {
    /// The adds of a history.
    pub(super) fn of(history: &History) -> Adds {
        let (mut acknowledged, mut indeterminate) = (Vec::new(), Vec::new());
        for begin in history.client_ops().filter(|op| op.kind == Kind::Invoke && op.f == "add") {
            let end = history.completion(begin).unwrap_or(begin);
            let Some(delta) = acceptable::delta(&end.value) else { continue };
            match end.kind {
                Kind::Ok => acknowledged.push((end.index, begin.index, delta)),
                Kind::Info | Kind::Invoke => indeterminate.push((begin.index, delta)),
                Kind::Fail => {}
            }
        }
        acknowledged.sort_unstable();
        let sums = acknowledged.iter().scan(0, |sum, (_, _, delta)| {
            *sum += delta;
            Some(*sum)
        });
        let sums = sums.collect();
        Adds { acknowledged, sums, indeterminate }
    }

    /// True if a read may return its value: the sum of all adds acknowledged before its invocation,
    /// plus any subset of the adds invoked before its completion.
    pub(super) fn allows(&self, begin: &Op, end: &Op) -> bool {
        let Some(value) = acceptable::integer(&end.value) else { return false };
        let before = self.acknowledged.partition_point(|(acked, ..)| *acked < begin.index);
        let sum = before.checked_sub(1).map_or(0, |last| self.sums[last]);
        let later = self.acknowledged[before..].iter().map(|(_, begun, delta)| (*begun, *delta));
        let all = self.indeterminate.iter().copied().chain(later);
        let choices = all.filter(|(begun, _)| *begun < end.index).map(|(_, delta)| delta);
        let (ranges, _) = acceptable::ranges(sum, choices, MAX_RANGES_PER_READ);
        contains(&ranges, value)
    }
}
