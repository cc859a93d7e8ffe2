//! Counters: Maelstrom's checker of `g-counter` and `pn-counter`.
//!
//! Every final read must equal the sum of the acknowledged deltas plus some subset of the
//! indeterminate ones. Upstream reports no more than that. If a read is wrong, we look for a few
//! adds that would explain it.

pub(crate) mod acceptable;
mod earlier_reads;
pub(crate) mod smallest_explanation;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod wrong_reads;

use indexmap::IndexMap;

use self::{
    acceptable::{SumRange, contains, delta, integer},
    wrong_reads::{Suspect, WrongValue},
};
use crate::{
    Placement, Validity,
    edn::Value,
    history::{History, Kind, Op},
};

/// Maximum number of ranges of possible sums. Clients' deltas of −5 to 4 never give more than
/// three; a larger limit would cost time and memory for histories that do not occur.
pub(crate) const MAX_RANGES: usize = 100_000;

/// The findings on the final reads of a counter.
#[derive(Debug, Clone)]
pub struct CounterResults<'a> {
    /// Valid if every final read is acceptable. Unknown if a read or a delta is not an integer,
    /// where Maelstrom's checker gives up, or if there are too many possible sums.
    pub valid: Validity,
    /// The final reads that are not acceptable.
    pub errors: Vec<&'a Op>,
    /// The final reads, in the order of their completions.
    pub final_reads: Vec<&'a Op>,
    /// The final reads whose value is not an integer.
    pub non_integer_reads: Vec<&'a Op>,
    /// The adds whose delta is not an integer, or is too large.
    pub non_integer_adds: Vec<&'a Op>,
    /// The sums that a read may return: the least and the greatest of each range, ascending.
    pub acceptable: Vec<SumRange>,
    /// The sum of the acknowledged deltas.
    pub sum: i128,
    /// The indeterminate adds.
    pub indeterminate: Vec<&'a Op>,
    /// The node of each client.
    pub(crate) placement: Placement<'a>,
    /// The adds that may explain wrong reads, if there are any.
    pub(crate) suspects: Vec<Suspect<'a>>,
    /// The first wrong values, with their explanations.
    pub(crate) wrong_values: Vec<WrongValue<'a>>,
    /// The acceptable values that were read, if others are wrong, each with its first read by each
    /// reader.
    pub(crate) correct_values: IndexMap<i128, Vec<&'a Op>>,
}

/// Compares the final reads with the sums of the deltas.
pub fn check(history: &History) -> CounterResults<'_> {
    check_on_nodes(history, &Placement { nodes: &[], concurrency: 0 })
}

/// [`check`], with the nodes that returned wrong values.
pub fn check_on_nodes<'a>(history: &'a History, placement: &Placement<'a>) -> CounterResults<'a> {
    let adds = |kind| history.client_ops().filter(move |op| op.kind == kind && op.f == "add");
    let sum = adds(Kind::Ok).filter_map(|op| delta(&op.value)).sum();
    let indeterminate: Vec<&Op> = adds(Kind::Info).collect();
    let deltas = indeterminate.iter().filter_map(|op| delta(&op.value));
    let (acceptable, are_all) = acceptable::ranges(sum, deltas, MAX_RANGES);
    let may_count = adds(Kind::Ok).chain(adds(Kind::Info));
    let non_integer_adds: Vec<&Op> = may_count.filter(|op| delta(&op.value).is_none()).collect();

    let is_final = |op: &&Op| op.kind == Kind::Ok && is_marked_final(op);
    let final_reads: Vec<&Op> = history.ops().iter().filter(is_final).collect();
    let is_whole = |op: &&Op| is_integer(&op.value);
    let (whole, non_integer_reads): (Vec<&Op>, Vec<&Op>) =
        final_reads.iter().copied().partition(is_whole);
    let is_acceptable = |op: &&Op| integer(&op.value).is_some_and(|sum| contains(&acceptable, sum));
    let (right, mut errors): (Vec<&Op>, Vec<&Op>) = whole.into_iter().partition(is_acceptable);

    let is_known = are_all && non_integer_adds.is_empty();
    if !is_known {
        errors.clear();
    }
    let is_judged = is_known && non_integer_reads.is_empty();
    let mut counter = CounterResults {
        valid: if is_judged { errors.is_empty().into() } else { Validity::Unknown },
        errors,
        final_reads,
        non_integer_reads,
        non_integer_adds,
        acceptable,
        sum,
        indeterminate,
        placement: *placement,
        suspects: Vec::new(),
        wrong_values: Vec::new(),
        correct_values: IndexMap::new(),
    };
    if !counter.errors.is_empty() {
        counter.suspects = wrong_reads::suspects(history);
        counter.wrong_values = wrong_reads::wrong_values(history, &counter);
        counter.correct_values = wrong_reads::first_reads_by_value(placement, &right);
    }
    counter
}

/// True for an integer, the only valid value of a counter.
pub(crate) fn is_integer(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::BigInt(_) | Value::BigInteger(_))
}

fn is_marked_final(op: &Op) -> bool {
    op.extra("final?").is_some_and(|mark| *mark != Value::Nil && *mark != Value::Bool(false))
}
