//! Counters: Maelstrom's checker of `g-counter` and `pn-counter`.
//!
//! Every final read must equal the sum of the deltas that were acknowledged, plus any of those of
//! which nobody knows whether they were added. Upstream says no more than that. Where a read is
//! wrong we tell which adds would explain it, if few do.

pub(crate) mod acceptable;
mod earlier;
pub(crate) mod evidence;
pub(crate) mod fewest;
#[cfg(test)]
pub(crate) mod tests;

use indexmap::IndexMap;

use self::{
    acceptable::{Range, contains, delta, integer},
    evidence::{Suspect, Wrong},
};
use crate::{
    Placement, Validity,
    edn::Value,
    history::{History, Kind, Op},
};

/// The most ranges of sums that are told apart. Clients' deltas of −5 to 4 never give more than
/// three; more would take time and memory for histories that nobody has.
pub(crate) const MOST_RANGES: usize = 100_000;

/// The findings on the final reads of a counter.
#[derive(Debug, Clone)]
pub struct Counter<'a> {
    /// Valid if every final read is acceptable; unknown if one is no integer, or what was added is
    /// none, where Maelstrom's checker gives up, or if there are too many sums.
    pub valid: Validity,
    /// The final reads that are not acceptable.
    pub errors: Vec<&'a Op>,
    /// The final reads, in the order in which they ended.
    pub final_reads: Vec<&'a Op>,
    /// Those of them whose value is no integer.
    pub odd_reads: Vec<&'a Op>,
    /// The additions of what is no integer, or of one that is too large.
    pub odd_adds: Vec<&'a Op>,
    /// The sums that a read may show: the least and the greatest of each range, in ascending order.
    pub acceptable: Vec<Range>,
    /// The sum of what was acknowledged.
    pub sum: i128,
    /// The additions that may have happened besides.
    pub in_doubt: Vec<&'a Op>,
    /// The nodes of clients.
    pub(crate) placement: Placement<'a>,
    /// The adds that may be to blame for what is wrong, if anything is.
    pub(crate) suspects: Vec<Suspect<'a>>,
    /// The first wrong values.
    pub(crate) wrong: Vec<Wrong<'a>>,
    /// The acceptable values that were read while others are wrong, each with the first read of it
    /// by each reader.
    pub(crate) right: IndexMap<i128, Vec<&'a Op>>,
}

/// Compares the final reads with what was added.
pub fn check(history: &History) -> Counter<'_> {
    check_on_nodes(history, &Placement { nodes: &[], concurrency: 0 })
}

/// [`check`], and on which nodes clients read what is wrong.
pub fn check_on_nodes<'a>(history: &'a History, placement: &Placement<'a>) -> Counter<'a> {
    let adds = |kind| history.clients().filter(move |op| op.kind == kind && op.f == "add");
    let sum = adds(Kind::Ok).filter_map(|op| delta(&op.value)).sum();
    let in_doubt: Vec<&Op> = adds(Kind::Info).collect();
    let deltas = in_doubt.iter().filter_map(|op| delta(&op.value));
    let (acceptable, are_all) = acceptable::ranges(sum, deltas, MOST_RANGES);
    let may_count = adds(Kind::Ok).chain(adds(Kind::Info));
    let odd_adds: Vec<&Op> = may_count.filter(|op| delta(&op.value).is_none()).collect();

    let is_final = |op: &&Op| op.kind == Kind::Ok && is_marked(op);
    let final_reads: Vec<&Op> = history.ops().iter().filter(is_final).collect();
    let is_whole = |op: &&Op| is_integer(&op.value);
    let (whole, odd_reads): (Vec<&Op>, Vec<&Op>) = final_reads.iter().copied().partition(is_whole);
    let is_acceptable = |op: &&Op| integer(&op.value).is_some_and(|sum| contains(&acceptable, sum));
    let (right, mut errors): (Vec<&Op>, Vec<&Op>) = whole.into_iter().partition(is_acceptable);

    let is_known = are_all && odd_adds.is_empty();
    if !is_known {
        errors.clear();
    }
    let is_judged = is_known && odd_reads.is_empty();
    let mut counter = Counter {
        valid: if is_judged { errors.is_empty().into() } else { Validity::Unknown },
        errors,
        final_reads,
        odd_reads,
        odd_adds,
        acceptable,
        sum,
        in_doubt,
        placement: *placement,
        suspects: Vec::new(),
        wrong: Vec::new(),
        right: IndexMap::new(),
    };
    if !counter.errors.is_empty() {
        counter.suspects = evidence::suspects(history);
        counter.wrong = evidence::wrong(history, &counter);
        counter.right = evidence::by_value(placement, &right);
    }
    counter
}

/// Tells an integer, which is all that a counter can be read as.
pub(crate) fn is_integer(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::BigInt(_) | Value::BigInteger(_))
}

fn is_marked(op: &Op) -> bool {
    op.extra("final?").is_some_and(|mark| *mark != Value::Nil && *mark != Value::Bool(false))
}
