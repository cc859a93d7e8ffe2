//! Jepsen's `set-full`: what was added to a set stays in it, and everyone sees it soon.
//!
//! An element is *known* from the first moment that proves it is in the set: the end of its add, or
//! of a read that has it. It is *stable* if the last read to begin without it began before the last
//! that has it, and *lost* if a read that began after it was known lacks it and no later read has
//! it. Whatever is neither was *never read*. How long after it was known the last read still missed
//! a stable element is its stable latency.
//!
//! Upstream does not ask why an element was lost. Where nodes were killed we tell those that only
//! killed nodes had; they are lost all the same.

mod disguised;
mod kills;
#[cfg(test)]
mod tests;
mod timeline;

pub(crate) use self::disguised::Disguised;
use self::timeline::{Outcome, Timeline, Timelines};
use super::{Evidence, Placement, Validity, quantiles::Quantiles};
use crate::{
    edn::Value,
    history::{History, Kind, Op, Process},
};

/// The findings on a set; elements are sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct SetFull {
    /// Invalid if anything is lost, unknown if nothing is stable.
    pub valid: Validity,
    /// How many elements were to be added.
    pub attempt_count: usize,
    /// How many are stable.
    pub stable_count: usize,
    /// The stable elements that a read missed for a while.
    pub stale: Vec<Value>,
    /// The elements that vanished.
    pub lost: Vec<Lost>,
    /// Those of the lost that were known to no node that was not killed later; `None` where nobody
    /// was killed, or nobody asked.
    pub lost_with_nodes: Option<Vec<Value>>,
    /// The elements of which nothing can be said.
    pub never_read: Vec<Value>,
    /// Those stale for longest, the worst first.
    pub worst_stale: Vec<Stale>,
    /// How long elements took to become stable, in milliseconds.
    pub stable_latencies: Option<Quantiles>,
    /// How long known elements were seen before they were lost, in milliseconds.
    pub lost_latencies: Option<Quantiles>,
    /// The reads.
    pub evidence: Evidence,
    /// The name of the operations that add elements.
    pub(crate) add: String,
    /// Faults that upstream overlooks: foreign elements, then those that a read has several times,
    /// then reads of no list.
    pub(crate) odd_reads: Vec<OddRead>,
    /// The number of reads that answered null, if such a read shows that an element is lost, or if
    /// all did.
    pub(crate) null_reads: Option<usize>,
    /// The form in which the lost elements came back, if all came back as something else.
    pub(crate) disguised: Option<Disguised>,
}

/// An element that vanished, and the operations that show so, by their
/// [indices](crate::history::Op::index).
#[derive(Debug, Clone, PartialEq)]
pub struct Lost {
    /// The element.
    pub element: Value,
    /// The beginning of its last add.
    pub add: usize,
    /// The entry that made it known: the end of its add, or of a read.
    pub known: usize,
    /// The beginning of the last read that has it.
    pub last_present: Option<usize>,
    /// The beginning of the first read after that, and after it was known: it lacks the element.
    pub first_absent: usize,
    /// The beginning of the last read that lacks it: the element did not come back.
    pub last_absent: usize,
}

/// An element that a read missed although it was known.
#[derive(Debug, Clone, PartialEq)]
pub struct Stale {
    /// The element.
    pub element: Value,
    /// How long after it was known it was still missed, in milliseconds.
    pub stable_latency: u64,
    /// What made it known.
    pub known: Op,
    /// The beginning of the last read that missed it.
    pub last_absent: Op,
}

/// A read that shows what upstream overlooks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OddRead {
    pub(crate) process: Process,
    pub(crate) index: usize,
    /// The element, or all that was read.
    pub(crate) value: Value,
    pub(crate) oddity: Oddity,
}

/// A mistake in a read that upstream overlooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// An element that nobody added.
    Foreign,
    /// An element that is there so many times.
    Repeated(usize),
    /// A value that is no list of elements, so that it tells nothing.
    NoList,
}

/// How many of the worst stale elements are described.
const WORST: usize = 8;

/// Follows each element that an operation `add` adds through the operations `read`, whose values
/// are sequences of elements.
pub fn check(history: &History, add: &str, read: &str) -> SetFull {
    judge(history, [add, read], None)
}

/// [`check`], and which of the lost elements were lost because their nodes were killed.
pub fn check_with_kills(
    history: &History,
    add: &str,
    read: &str,
    placement: &Placement<'_>,
) -> SetFull {
    judge(history, [add, read], Some(placement))
}

fn judge(history: &History, [add, read]: [&str; 2], placement: Option<&Placement<'_>>) -> SetFull {
    let mut timelines = Timelines::default();
    let (mut reads, mut without_list) = (Vec::new(), Vec::new());
    for op in history.clients() {
        match op.kind {
            Kind::Invoke if op.f == add => timelines.begin(op),
            Kind::Ok if op.f == add => timelines.added(op),
            Kind::Ok if op.f == read => {
                // Upstream takes nil for a set of nothing.
                let is_set = op.value.elements().is_some() || op.value == Value::Nil;
                let invocation = history.invocation(op).filter(|_| is_set);
                reads.push(invocation.is_some());
                if let Some(invocation) = invocation {
                    timelines.read(invocation, op);
                } else if !is_set {
                    without_list.push(OddRead::of(op, &op.value, Oddity::NoList));
                }
            }
            _ => {}
        }
    }
    let mut odd_reads = timelines.oddities();
    odd_reads.append(&mut without_list);
    let (timelines, invocations) = timelines.attempted();
    let set = sum_up(&timelines, &invocations);
    SetFull {
        lost_with_nodes: placement.and_then(|placement| {
            kills::lost_with_nodes(history, [add, read], placement, &set.lost)
        }),
        evidence: Evidence::count("read that succeeded and has a list", reads),
        add: add.to_owned(),
        null_reads: null_reads(history, read, &set.lost),
        disguised: disguised::find(&set.lost, &odd_reads),
        odd_reads,
        ..set
    }
}

/// The number of reads that answered null, which is taken for a list without elements, if that
/// explains anything.
fn null_reads(history: &History, read: &str, lost: &[Lost]) -> Option<usize> {
    let is_null = |op: &Op| op.value == Value::Nil;
    let reads = || history.clients().filter(|op| op.kind == Kind::Ok && op.f == read);
    let last_absent = lost.iter().filter_map(|lost| history.op(lost.last_absent));
    let mut missing = last_absent.filter_map(|read| history.completion(read));
    let matters = missing.any(is_null) || reads().all(is_null);
    let count = reads().filter(|op| is_null(op)).count();
    (matters && count > 0).then_some(count)
}

/// The outcomes of all elements, given the invocations of all reads in order.
fn sum_up(timelines: &[Timeline<'_>], reads: &[usize]) -> SetFull {
    let (mut stable_latencies, mut lost_latencies) = (Vec::new(), Vec::new());
    let (mut stale, mut lost, mut never_read) = (Vec::new(), Vec::new(), Vec::new());
    let mut worst_stale = Vec::new();
    for timeline in timelines {
        let element = timeline.element;
        match timeline.outcome() {
            Outcome::Stable { latency } => {
                stable_latencies.push(latency);
                if latency > 0 {
                    stale.push(element.clone());
                    worst_stale.push((latency, timeline));
                }
            }
            Outcome::Lost { latency } => {
                lost_latencies.push(latency);
                lost.extend(timeline.lost(reads));
            }
            Outcome::NeverRead => never_read.push(element.clone()),
        }
    }
    // Stable, then reversed: of two that are equally stale, upstream shows the greater first.
    worst_stale.sort_by_key(|(latency, _)| *latency);
    let worst_stale = worst_stale.iter().rev().take(WORST).filter_map(|(latency, timeline)| {
        Some(Stale {
            element: timeline.element.clone(),
            stable_latency: *latency,
            known: timeline.known?.clone(),
            last_absent: timeline.last_absent?.clone(),
        })
    });
    SetFull {
        valid: match (lost.len(), stable_latencies.len()) {
            (1.., _) => Validity::Invalid,
            (0, 0) => Validity::Unknown,
            (0, 1..) => Validity::Valid,
        },
        attempt_count: timelines.len(),
        stable_count: stable_latencies.len(),
        worst_stale: worst_stale.collect(),
        stable_latencies: Quantiles::of(stable_latencies),
        lost_latencies: Quantiles::of(lost_latencies),
        stale,
        lost,
        lost_with_nodes: None,
        never_read,
        evidence: Evidence::default(),
        add: String::new(),
        odd_reads: Vec::new(),
        null_reads: None,
        disguised: None,
    }
}

impl OddRead {
    fn of(read: &Op, value: &Value, oddity: Oddity) -> OddRead {
        let (process, index, value) = (read.process, read.index, value.clone());
        OddRead { process, index, value, oddity }
    }
}
