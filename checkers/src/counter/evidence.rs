//! Explanation of wrong final reads: the adds that would explain each value, who read it, and when
//! its readers last showed a right sum.

use indexmap::IndexMap;

use super::{
    Counter,
    acceptable::{self, nearest},
    earlier::Adds,
    fewest::{Fewest, fewest},
};
use crate::{
    Placement,
    history::{History, Kind, Op, Process},
};

/// The most wrong values that are explained, and readers of each. A node that is broken errs with
/// all of them; more explanations than this are not read.
const MOST_EXPLAINED: usize = 8;

/// How many reads of one node are looked at, from the last one back. Each takes a look at all adds,
/// so more would take long where there are very many of both.
pub(crate) const MOST_READS: usize = 200;

/// A wrong value, and what is known about it.
#[derive(Debug, Clone)]
pub(crate) struct Wrong<'a> {
    pub(crate) value: i128,
    /// The first final read of it by each reader.
    pub(crate) reads: Vec<&'a Op>,
    /// The acceptable sum that is nearest to it.
    pub(crate) nearest: i128,
    /// The suspects that explain it, by their places.
    pub(crate) fewest: Fewest,
    /// The earlier reads of the first readers.
    pub(crate) earlier: Vec<Earlier<'a>>,
}

/// The reads of a reader before it read what is wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Earlier<'a> {
    pub(crate) count: usize,
    /// The last of them that showed a sum which was right at the time, among the last
    /// [`MOST_READS`].
    pub(crate) last_right: Option<&'a Op>,
}

/// An add that may be missing or counted too often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suspect<'a> {
    /// By how much the sum would change.
    change: i128,
    /// The mistake that would make this change.
    pub(crate) mistake: Mistake,
    /// Its end, or its beginning if it never ended.
    pub(crate) add: &'a Op,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    Missing,
    Doubled,
    /// It was refused, or never ended, and yet it counts.
    Unacknowledged,
}

/// All adds that may be wrong, each in the ways in which it may.
pub(super) fn suspects(history: &History) -> Vec<Suspect<'_>> {
    let mut suspects = Vec::new();
    for begin in history.clients().filter(|op| op.kind == Kind::Invoke && op.f == "add") {
        let add = history.completion(begin).unwrap_or(begin);
        let Some(delta) = acceptable::delta(&add.value) else { continue };
        let mut push = |change, mistake| suspects.push(Suspect { change, mistake, add });
        match add.kind {
            Kind::Ok => {
                push(-delta, Mistake::Missing);
                push(delta, Mistake::Doubled);
            }
            Kind::Info => push(delta, Mistake::Doubled),
            Kind::Fail | Kind::Invoke => push(delta, Mistake::Unacknowledged),
        }
    }
    suspects
}

/// The first wrong values, each with what is known about it.
pub(super) fn wrong<'a>(history: &'a History, counter: &Counter<'a>) -> Vec<Wrong<'a>> {
    let Counter { acceptable, placement, suspects, errors, .. } = counter;
    let changes: Vec<i128> = suspects.iter().map(|suspect| suspect.change).collect();
    let adds = Adds::of(history);
    let earlier = |last: &&Op| {
        let is_earlier = |op: &&Op| {
            let is_read = op.kind == Kind::Ok && op.f == "read";
            is_read && op.index < last.index && reader(placement, op) == reader(placement, last)
        };
        let reads: Vec<&Op> = history.clients().filter(is_earlier).collect();
        let was_right =
            |read: &&Op| history.invocation(read).is_some_and(|begin| adds.allow(begin, read));
        let mut latest = reads.iter().rev().take(MOST_READS).copied();
        Earlier { count: reads.len(), last_right: latest.find(was_right) }
    };
    let values = by_value(placement, errors).into_iter().take(MOST_EXPLAINED);
    let wrong = values.map(|(value, reads)| Wrong {
        value,
        nearest: nearest(acceptable, value).unwrap_or_default(),
        fewest: fewest(&changes, acceptable, value),
        earlier: reads.iter().take(MOST_EXPLAINED).map(earlier).collect(),
        reads,
    });
    wrong.collect()
}

/// The first read of each value by each reader, where the value fits in 128 bits.
pub(super) fn by_value<'a>(
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

/// The node that an operation was sent to, or its process where nodes are not known.
fn reader<'a>(placement: &Placement<'a>, op: &Op) -> Result<&'a str, Process> {
    placement.node_of(op.process).ok_or(op.process)
}
