//! Jepsen's `set-full`: every element that was added to a set stays in it, and soon every read has
//! it.
//!
//! Say that a read *has* an element if it returned it, and *lacks* it otherwise. An element is
//! *known* from the first completion that proves it is in the set: of its add, or of a read that
//! has it. Of two reads, the one invoked later is the later one. An element is *stable* if the last
//! read that has it is later than the last read that lacks it. It is *lost* if a read that was
//! invoked after it was known lacks it, and no later read has it. Any other element was *never
//! read*. The *stable latency* of a stable element is the time from when it was known to the
//! invocation of the last read that lacks it.
//!
//! Upstream does not ask why an element was lost. If nodes were killed, we report the lost elements
//! that only killed nodes had; they count as lost all the same.

mod kills;
mod lost_by_type_change;
#[cfg(test)]
mod tests;
mod timeline;

pub(crate) use self::lost_by_type_change::TypeChangeOfLost;
use self::timeline::{ElementOutcome, Timeline, Timelines};
use super::{Evidence, Placement, Validity, quantiles::Quantiles};
use crate::{
    edn::Value,
    history::{History, Kind, Op, Process},
};

/// The findings on a set; elements are sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct SetFullResults {
    /// Invalid if anything is lost, unknown if nothing is stable.
    pub valid: Validity,
    /// The number of elements that clients tried to add.
    pub attempt_count: usize,
    /// The number of stable elements.
    pub stable_count: usize,
    /// The stable elements with a stable latency above zero.
    pub stale: Vec<Value>,
    /// The lost elements.
    pub lost: Vec<LostElement>,
    /// The lost elements that only killed nodes had; `None` if no node was killed, or if [`check`]
    /// ran without a placement.
    pub lost_with_killed_nodes: Option<Vec<Value>>,
    /// The elements that are neither stable nor lost.
    pub never_read: Vec<Value>,
    /// The elements with the largest stable latencies, the largest first.
    pub worst_stale: Vec<StaleElement>,
    /// Stable latencies, in milliseconds.
    pub stable_latencies: Option<Quantiles>,
    /// The times from when lost elements were known to the last read that has them, in
    /// milliseconds.
    pub lost_latencies: Option<Quantiles>,
    /// The reads that were judged.
    pub evidence: Evidence,
    /// The function of operations that add elements.
    pub(crate) add: String,
    /// Anomalies that upstream overlooks: unexpected elements, then elements that a read has
    /// several times, then reads that are not lists.
    pub(crate) read_anomalies: Vec<ReadAnomaly>,
    /// The number of reads that returned null, if such a read shows that an element is lost, or if
    /// all reads did.
    pub(crate) null_reads: Option<usize>,
    /// The type change, if all lost elements returned with another type.
    pub(crate) lost_by_type_change: Option<TypeChangeOfLost>,
}

/// A lost element and the operations that show the loss, by their
/// [indices](crate::history::Op::index).
#[derive(Debug, Clone, PartialEq)]
pub struct LostElement {
    /// The element.
    pub element: Value,
    /// The invocation of its last add.
    pub add: usize,
    /// The completion that made it known: of its add, or of a read.
    pub known: usize,
    /// The invocation of the last read that has it.
    pub last_present: Option<usize>,
    /// The invocation of the first read after `known` and `last_present`. It lacks the element.
    pub first_absent: usize,
    /// The invocation of the last read that lacks it. The element did not return.
    pub last_absent: usize,
}

/// An element that a read lacks although it was known.
#[derive(Debug, Clone, PartialEq)]
pub struct StaleElement {
    /// The element.
    pub element: Value,
    /// The stable latency, in milliseconds.
    pub stable_latency: u64,
    /// The completion that made it known.
    pub known: Op,
    /// The invocation of the last read that lacks it.
    pub last_absent: Op,
}

/// A read with an anomaly that upstream overlooks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReadAnomaly {
    pub(crate) process: Process,
    pub(crate) index: usize,
    /// The element, or the whole value of the read.
    pub(crate) value: Value,
    pub(crate) kind: ReadAnomalyKind,
}

/// A kind of anomaly that upstream overlooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadAnomalyKind {
    /// An element that no operation added.
    Unexpected,
    /// An element that occurs this many times in one read.
    Duplicated(usize),
    /// A value that is not a list of elements, so that it proves nothing.
    NotAList,
}

/// Maximum number of stale elements that are described; upstream's number.
const MAX_WORST_STALE: usize = 8;

/// Judges the elements that `add` operations add by the results of `read` operations, whose values
/// are sequences of elements.
pub fn check(history: &History, add: &str, read: &str) -> SetFullResults {
    judge(history, [add, read], None)
}

/// [`check`], and the lost elements that only killed nodes had.
pub fn check_with_kills(
    history: &History,
    add: &str,
    read: &str,
    placement: &Placement<'_>,
) -> SetFullResults {
    judge(history, [add, read], Some(placement))
}

fn judge(
    history: &History,
    [add, read]: [&str; 2],
    placement: Option<&Placement<'_>>,
) -> SetFullResults {
    let mut timelines = Timelines::default();
    let (mut reads, mut without_list) = (Vec::new(), Vec::new());
    for op in history.client_ops() {
        match op.kind {
            Kind::Invoke if op.f == add => timelines.invoke_add(op),
            Kind::Ok if op.f == add => timelines.complete_add(op),
            Kind::Ok if op.f == read => {
                // Upstream takes nil for an empty set.
                let is_set = op.value.elements().is_some() || op.value == Value::Nil;
                let invocation = history.invocation(op).filter(|_| is_set);
                reads.push(invocation.is_some());
                if let Some(invocation) = invocation {
                    timelines.complete_read(invocation, op);
                } else if !is_set {
                    without_list.push(ReadAnomaly::of(op, &op.value, ReadAnomalyKind::NotAList));
                }
            }
            _ => {}
        }
    }
    let mut read_anomalies = timelines.anomalies();
    read_anomalies.append(&mut without_list);
    let (timelines, invocations) = timelines.attempted();
    let set = summarize(&timelines, &invocations);
    SetFullResults {
        lost_with_killed_nodes: placement.and_then(|placement| {
            kills::lost_with_killed_nodes(history, [add, read], placement, &set.lost)
        }),
        evidence: Evidence::count("successful read of a list", reads),
        add: add.to_owned(),
        null_reads: null_reads(history, read, &set.lost),
        lost_by_type_change: lost_by_type_change::find(&set.lost, &read_anomalies),
        read_anomalies,
        ..set
    }
}

/// The number of reads that returned null, which counts as an empty list, if they explain the
/// verdict.
fn null_reads(history: &History, read: &str, lost: &[LostElement]) -> Option<usize> {
    let is_null = |op: &Op| op.value == Value::Nil;
    let reads = || history.client_ops().filter(|op| op.kind == Kind::Ok && op.f == read);
    let last_absent = lost.iter().filter_map(|lost| history.op(lost.last_absent));
    let mut missing = last_absent.filter_map(|read| history.completion(read));
    let matters = missing.any(is_null) || reads().all(is_null);
    let count = reads().filter(|op| is_null(op)).count();
    (matters && count > 0).then_some(count)
}

/// Summarizes the outcomes of all elements, given the invocations of all reads in order.
fn summarize(timelines: &[Timeline<'_>], reads: &[usize]) -> SetFullResults {
    let (mut stable_latencies, mut lost_latencies) = (Vec::new(), Vec::new());
    let (mut stale, mut lost, mut never_read) = (Vec::new(), Vec::new(), Vec::new());
    let mut worst_stale = Vec::new();
    for timeline in timelines {
        let element = timeline.element;
        match timeline.outcome() {
            ElementOutcome::Stable { latency } => {
                stable_latencies.push(latency);
                if latency > 0 {
                    stale.push(element.clone());
                    worst_stale.push((latency, timeline));
                }
            }
            ElementOutcome::Lost { latency } => {
                lost_latencies.push(latency);
                lost.extend(timeline.lost(reads));
            }
            ElementOutcome::NeverRead => never_read.push(element.clone()),
        }
    }
    // A stable sort, then reversed: of two equal latencies, upstream shows the greater element
    // first.
    worst_stale.sort_by_key(|(latency, _)| *latency);
    let worst_stale =
        worst_stale.iter().rev().take(MAX_WORST_STALE).filter_map(|(latency, timeline)| {
            Some(StaleElement {
                element: timeline.element.clone(),
                stable_latency: *latency,
                known: timeline.known?.clone(),
                last_absent: timeline.last_absent?.clone(),
            })
        });
    SetFullResults {
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
        lost_with_killed_nodes: None,
        never_read,
        evidence: Evidence::default(),
        add: String::new(),
        read_anomalies: Vec::new(),
        null_reads: None,
        lost_by_type_change: None,
    }
}

impl ReadAnomaly {
    fn of(read: &Op, value: &Value, kind: ReadAnomalyKind) -> ReadAnomaly {
        let (process, index, value) = (read.process, read.index, value.clone());
        ReadAnomaly { process, index, value, kind }
    }
}
