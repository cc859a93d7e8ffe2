//! Timelines: the first and last times at which each element was known, present and absent.
//!
//! Every read says something about every element, so a long test spends its checking time in this
//! loop. Elements get ids once; a read marks the elements that it has, and one pass over all finds
//! those that it lacks.

use rustc_hash::FxHashMap;

use super::{LostElement, ReadAnomaly, ReadAnomalyKind};
use crate::{edn::Value, history::Op};

/// The timelines of all elements, in the order in which they first occurred.
#[derive(Default)]
pub(super) struct Timelines<'a> {
    ids: FxHashMap<&'a Value, usize>,
    all: Vec<Timeline<'a>>,
    /// The invocations of the reads, by index.
    reads: Vec<usize>,
}

/// The timeline of one element.
pub(super) struct Timeline<'a> {
    pub(super) element: &'a Value,
    /// The invocation of its last add; `None` if there was none.
    pub(super) add: Option<&'a Op>,
    /// The first completion that proves it is in the set.
    pub(super) known: Option<&'a Op>,
    /// The last invocation of a read that has it.
    pub(super) last_present: Option<&'a Op>,
    /// The last invocation of a read that lacks it.
    pub(super) last_absent: Option<&'a Op>,
    /// The completion of the first read that has it.
    pub(super) first_read: Option<&'a Op>,
    /// The completion of the first read that has it more than once.
    pub(super) first_duplicate: Option<&'a Op>,
    /// The ordinal of the last read that has it, from 1; 0 if there is none.
    last_read_with_it: usize,
}

/// The outcome of an element; latencies are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElementOutcome {
    /// The last read that has it is later than the last read that lacks it.
    Stable { latency: u64 },
    /// It was in the set, and a later read lacks it for good.
    Lost { latency: u64 },
    /// No read decides.
    NeverRead,
}

impl<'a> Timelines<'a> {
    /// Handles the invocation of an add; to add an element again resets its timeline.
    pub(super) fn invoke_add(&mut self, add: &'a Op) {
        let timeline = self.of(&add.value);
        timeline.add = Some(add);
        timeline.known = None;
        timeline.last_present = None;
        timeline.last_absent = None;
    }

    /// Handles the success of an add.
    pub(super) fn complete_add(&mut self, add: &'a Op) {
        self.of(&add.value).known.get_or_insert(add);
    }

    /// Handles the success of a read.
    pub(super) fn complete_read(&mut self, invocation: &'a Op, completion: &'a Op) {
        self.reads.push(invocation.index);
        let read = self.reads.len();
        for element in completion.value.elements().unwrap_or_default() {
            let timeline = self.of(element);
            if timeline.last_read_with_it == read {
                timeline.first_duplicate.get_or_insert(completion);
            }
            timeline.last_read_with_it = read;
            timeline.known.get_or_insert(completion);
            timeline.first_read.get_or_insert(completion);
            advance(&mut timeline.last_present, invocation);
        }
        for timeline in &mut self.all {
            if timeline.last_read_with_it != read {
                advance(&mut timeline.last_absent, invocation);
            }
        }
    }

    /// The elements that no operation added, then those that one read has several times.
    pub(super) fn anomalies(&self) -> Vec<ReadAnomaly> {
        let unexpected = self.all.iter().filter(|timeline| timeline.add.is_none());
        let foreign = unexpected.filter_map(|timeline| {
            Some(ReadAnomaly::of(
                timeline.first_read?,
                timeline.element,
                ReadAnomalyKind::Unexpected,
            ))
        });
        let duplicated = self.all.iter().filter_map(|timeline| {
            let read = timeline.first_duplicate?;
            let elements = read.value.elements().unwrap_or_default().into_iter();
            let times = elements.filter(|element| *element == timeline.element).count();
            Some(ReadAnomaly::of(read, timeline.element, ReadAnomalyKind::Duplicated(times)))
        });
        foreign.chain(duplicated).collect()
    }

    /// The timelines of the elements that clients tried to add, sorted by element, and the
    /// invocations of all reads in order.
    pub(super) fn attempted(self) -> (Vec<Timeline<'a>>, Vec<usize>) {
        let Timelines { all: mut timelines, mut reads, .. } = self;
        timelines.retain(|timeline| timeline.add.is_some());
        timelines.sort_unstable_by_key(|timeline| timeline.element);
        reads.sort_unstable();
        (timelines, reads)
    }

    fn of(&mut self, element: &'a Value) -> &mut Timeline<'a> {
        if let Some(id) = self.ids.get(element) {
            return &mut self.all[*id];
        }
        let id = self.all.len();
        self.ids.insert(element, id);
        self.all.push(Timeline {
            element,
            add: None,
            known: None,
            last_present: None,
            last_absent: None,
            first_read: None,
            first_duplicate: None,
            last_read_with_it: 0,
        });
        &mut self.all[id]
    }
}

/// Replaces an invocation by a later one.
fn advance<'a>(last: &mut Option<&'a Op>, invocation: &'a Op) {
    if last.is_none_or(|last| last.index < invocation.index) {
        *last = Some(invocation);
    }
}

impl Timeline<'_> {
    /// The outcome of the element.
    pub(super) fn outcome(&self) -> ElementOutcome {
        let Some(known) = self.known else { return ElementOutcome::NeverRead };
        let index = |op: Option<&Op>| op.map(|op| op.index);
        let latency_until = |last: Option<&Op>| {
            // As upstream: one nanosecond after that read.
            let until = last.map_or(0, |op| op.time + 1);
            until.saturating_sub(known.time) / 1_000_000
        };
        if index(self.last_absent) < index(self.last_present) {
            ElementOutcome::Stable { latency: latency_until(self.last_absent) }
        } else if index(self.last_absent) > Some(known.index) {
            ElementOutcome::Lost { latency: latency_until(self.last_present) }
        } else {
            ElementOutcome::NeverRead
        }
    }

    /// The entries that show the loss, given the invocations of all reads in order. No read after
    /// `last_present` has the element, so every read after both `last_present` and `known` lacks
    /// it.
    pub(super) fn lost(&self, reads: &[usize]) -> Option<LostElement> {
        let (known, last_present) = (self.known?.index, self.last_present.map(|read| read.index));
        let since = last_present.map_or(known, |read| read.max(known));
        Some(LostElement {
            element: self.element.clone(),
            add: self.add?.index,
            known,
            last_present,
            first_absent: *reads.get(reads.partition_point(|read| *read <= since))?,
            last_absent: self.last_absent?.index,
        })
    }
}
