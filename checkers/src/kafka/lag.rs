//! The real-time lag of a poll: how long ago the greatest offset that its process has polled
//! stopped being the end of the log.
//!
//! An offset is certainly not the end of the log from the first reply with a greater one.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{
    index::HistoryIndex,
    operations::{KeyId, ParsedOp},
};
use crate::{
    compat::clojure::order_map,
    edn::Value,
    history::{Kind, Process},
};

/// The poll with the greatest lag.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstLag {
    /// The time of its invocation, in nanoseconds.
    pub time: u64,
    /// The lag, in nanoseconds.
    pub lag: u64,
    /// The process that polled, and the key; `None` if no process polled anything.
    pub consumer: Option<(Process, Value)>,
}

/// Finds the first poll with the greatest lag.
pub(super) fn worst(index: &HistoryIndex<'_>) -> WorstLag {
    let marks = HighWaterMarks::of(index);
    let mut consumers: FxHashMap<Process, ConsumerPositions> = FxHashMap::default();
    let mut worst = WorstLag { time: 0, lag: 0, consumer: None };
    for parsed in index.ops.all.iter().filter(|parsed| parsed.op.kind == Kind::Ok) {
        let positions = consumers.entry(parsed.op.process).or_default();
        if parsed.op.f == "subscribe" {
            *positions = ConsumerPositions::default();
        } else if let Some(keys) = &parsed.assigned {
            positions.assign(keys);
        }
        let Some(invocation) = index.history.invocation(parsed.op) else { continue };
        if parsed.op.f != "poll" && parsed.op.f != "txn" {
            continue;
        }
        for (key, offset) in max_offsets(parsed) {
            positions.advance(key, offset);
        }
        let lag = |key, offset| {
            marks.exceeded_at(key, offset).map_or(0, |at| invocation.time.saturating_sub(at))
        };
        let lags = || positions.offsets.iter().map(|(key, offset)| (*key, lag(*key, *offset)));
        let Some(most) = lags().map(|(_, lag)| lag).max() else { continue };
        if most > worst.lag || worst.consumer.is_none() {
            let mut keys: Vec<(KeyId, u64)> = lags().collect();
            order_map(&mut keys, |(key, _)| index.ops.keys.trie_position(*key));
            let first = keys.into_iter().find(|(_, lag)| *lag == most);
            let consumer = first.map(|(key, _)| (parsed.op.process, index.key(key).clone()));
            worst = WorstLag { time: invocation.time, lag: most, consumer };
        }
    }
    worst
}

/// The greatest offset of each key that a process has polled; −1 if it has polled nothing.
#[derive(Debug, Default)]
struct ConsumerPositions {
    /// The keys in order of insertion.
    offsets: Vec<(KeyId, i64)>,
    places: FxHashMap<KeyId, usize>,
}

impl ConsumerPositions {
    fn advance(&mut self, key: KeyId, offset: i64) {
        let place = *self.places.entry(key).or_insert(self.offsets.len());
        match self.offsets.get_mut(place) {
            Some((_, reached)) => *reached = offset.max(*reached),
            None => self.offsets.push((key, offset)),
        }
    }

    fn assign(&mut self, keys: &[KeyId]) {
        let before = std::mem::take(self);
        for key in keys {
            let offset = before.places.get(key).map_or(-1, |place| before.offsets[*place].1);
            self.advance(*key, offset);
        }
    }
}

/// For each key, the offsets that exceeded all earlier ones, and the times at which they were
/// reported. Both increase.
#[derive(Debug)]
struct HighWaterMarks(Vec<Vec<(i64, u64)>>);

impl HighWaterMarks {
    fn of(index: &HistoryIndex<'_>) -> HighWaterMarks {
        let mut marks: Vec<Vec<(i64, u64)>> = vec![Vec::new(); index.ops.keys.len()];
        for parsed in &index.ops.all {
            if matches!(parsed.op.kind, Kind::Ok | Kind::Info) {
                for (key, offset) in max_offsets(parsed) {
                    let last = marks[key].last().map_or(-1, |(offset, _)| *offset);
                    if offset > last {
                        marks[key].push((offset, parsed.op.time));
                    }
                }
            }
        }
        HighWaterMarks(marks)
    }

    /// The time at which a greater offset than this was first reported.
    fn exceeded_at(&self, key: KeyId, offset: i64) -> Option<u64> {
        let marks = &self.0[key];
        let later = marks.partition_point(|(reported, _)| *reported <= offset);
        marks.get(later).map(|(_, time)| *time)
    }
}

/// The greatest offset of each key that an operation reports. Upstream takes a send to an offset
/// below 0 for a send to 0.
fn max_offsets(parsed: &ParsedOp<'_>) -> Vec<(KeyId, i64)> {
    let polled = parsed.polls.iter().map(|poll| {
        let offsets = poll.pairs.iter().filter_map(|(offset, _)| *offset);
        (poll.key, offsets.fold(-1, i64::max))
    });
    let mut offsets: Vec<(KeyId, i64)> = polled.collect();
    let mut sent: BTreeMap<KeyId, i64> = BTreeMap::new();
    for send in &parsed.sends {
        if let Some(offset) = send.offset {
            let greatest = sent.entry(send.key).or_default();
            *greatest = offset.max(*greatest);
        }
    }
    offsets.extend(sent);
    offsets
}
