//! Explanation of wrong final reads: the adds that would explain each value, the readers, and when
//! these last read a correct sum.

use indexmap::IndexMap;

use super::{
    CounterResults,
    acceptable::{self, nearest},
    earlier_reads::Adds,
    smallest_explanation::{AddExplanation, smallest_explanation},
};
use crate::{
    Placement,
    history::{History, Kind, Op, Process},
};

/// Maximum number of wrong values that are explained, and of readers of each. A broken node returns
/// many wrong values, and nobody reads more explanations than this.
const MAX_EXPLAINED: usize = 8;

/// Maximum number of earlier reads of one node that are checked, from the last one back. Each check
/// passes over all adds, so more would be slow for long histories.
pub(crate) const MAX_READS_CHECKED: usize = 200;

/// A wrong value with its readers and its explanation.
#[derive(Debug, Clone)]
pub(crate) struct WrongValue<'a> {
    pub(crate) value: i128,
    /// The first final read of it by each reader.
    pub(crate) reads: Vec<&'a Op>,
    /// The nearest acceptable sum.
    pub(crate) nearest: i128,
    /// The suspects that explain it, by index.
    pub(crate) explanation: AddExplanation,
    /// The earlier reads of each of the first readers.
    pub(crate) earlier: Vec<EarlierReads<'a>>,
}

/// The reads of a reader before its wrong read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EarlierReads<'a> {
    pub(crate) count: usize,
    /// The last of them whose sum was correct at the time, among the last [`MAX_READS_CHECKED`].
    pub(crate) last_correct: Option<&'a Op>,
}

/// An add that may be missing or counted too often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suspect<'a> {
    /// The change of the sum by this miscount.
    change: i128,
    /// The miscount that would make this change.
    pub(crate) miscount: Miscount,
    /// Its completion, or its invocation if it never completed.
    pub(crate) add: &'a Op,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Miscount {
    Missing,
    Doubled,
    /// It failed, or never completed, and yet it counts.
    Unacknowledged,
}

/// All adds that may be miscounted, with each possible miscount.
pub(super) fn suspects(history: &History) -> Vec<Suspect<'_>> {
    let mut suspects = Vec::new();
    for begin in history.client_ops().filter(|op| op.kind == Kind::Invoke && op.f == "add") {
        let add = history.completion(begin).unwrap_or(begin);
        let Some(delta) = acceptable::delta(&add.value) else { continue };
        let mut push = |change, miscount| suspects.push(Suspect { change, miscount, add });
        match add.kind {
            Kind::Ok => {
                push(-delta, Miscount::Missing);
                push(delta, Miscount::Doubled);
            }
            Kind::Info => push(delta, Miscount::Doubled),
            Kind::Fail | Kind::Invoke => push(delta, Miscount::Unacknowledged),
        }
    }
    suspects
}

/// The first wrong values, each with its explanation.
pub(super) fn wrong_values<'a>(
    history: &'a History,
    counter: &CounterResults<'a>,
) -> Vec<WrongValue<'a>> {
    let CounterResults { acceptable, placement, suspects, errors, .. } = counter;
    let changes: Vec<i128> = suspects.iter().map(|suspect| suspect.change).collect();
    let adds = Adds::of(history);
    let earlier = |last: &&Op| {
        let is_earlier = |op: &&Op| {
            let is_read = op.kind == Kind::Ok && op.f == "read";
            is_read && op.index < last.index && reader(placement, op) == reader(placement, last)
        };
        let reads: Vec<&Op> = history.client_ops().filter(is_earlier).collect();
        let was_correct =
            |read: &&Op| history.invocation(read).is_some_and(|begin| adds.allows(begin, read));
        let mut latest = reads.iter().rev().take(MAX_READS_CHECKED).copied();
        EarlierReads { count: reads.len(), last_correct: latest.find(was_correct) }
    };
    let values = first_reads_by_value(placement, errors).into_iter().take(MAX_EXPLAINED);
    let wrong = values.map(|(value, reads)| WrongValue {
        value,
        nearest: nearest(acceptable, value).unwrap_or_default(),
        explanation: smallest_explanation(&changes, acceptable, value),
        earlier: reads.iter().take(MAX_EXPLAINED).map(earlier).collect(),
        reads,
    });
    wrong.collect()
}

/// The first read of each value by each reader, where the value fits in 128 bits.
pub(super) fn first_reads_by_value<'a>(
    placement: &Placement<'_>,
    reads: &[&'a Op],
) -> IndexMap<i128, Vec<&'a Op>> {
    let mut values: IndexMap<i128, Vec<&Op>> = IndexMap::new();
    for read in reads {
        let Some(value) = acceptable::integer(&read.value) else { continue };
        let first = values.entry(value).or_default();
        if first.iter().all(|other| reader(placement, other) != reader(placement, read)) {
            first.push(read);
        }
    }
    values
}

/// The node that an operation was sent to, or its process if the nodes are unknown.
fn reader<'a>(placement: &Placement<'a>, op: &Op) -> Result<&'a str, Process> {
    placement.node_of(op.process).ok_or(op.process)
}
