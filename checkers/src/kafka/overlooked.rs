//! The errors that upstream overlooks.

use std::collections::{BTreeMap, BTreeSet};

use super::{errors::LogError, index::HistoryIndex, operations::KeyId, polls::LogSteps};
use crate::history::{Kind, Process};

/// The greatest offset without a warning. Upstream's checker keeps a list entry for each offset up
/// to the last, so beyond this one it takes gigabytes. A lower limit would warn where upstream
/// copes.
const MAX_DENSE_OFFSET: i64 = 10_000_000;

/// Errors that upstream overlooks, and offsets that it cannot hold or ignores.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Overlooked {
    /// Skips and steps back with an empty poll in between.
    pub(crate) steps: Vec<LogError>,
    /// Polls of keys that were not assigned to the process, given by the position of the operation.
    pub(crate) unassigned: Vec<(usize, KeyId)>,
    /// The last offset of each key, if it is greater than the limit.
    pub(crate) excessive_offsets: Vec<(KeyId, i64)>,
    /// An offset below 0 of each key that has one.
    pub(crate) negative_offsets: BTreeMap<KeyId, i64>,
}

/// Collects the errors; `steps` are those that the comparison of polls found.
pub(super) fn of(index: &HistoryIndex<'_>, steps: LogSteps) -> Overlooked {
    let steps = steps.skips.into_iter().chain(steps.backwards);
    let last_offsets =
        index.logs.nonempty().filter_map(|(key, log)| Some((key, log.slots().last()?.offset)));
    Overlooked {
        steps: steps.map(LogError::PollStep).collect(),
        unassigned: unassigned_polls(index),
        excessive_offsets: last_offsets.filter(|(_, offset)| *offset > MAX_DENSE_OFFSET).collect(),
        negative_offsets: negative_offsets(index),
    }
}

fn unassigned_polls(index: &HistoryIndex<'_>) -> Vec<(usize, KeyId)> {
    let mut assigned: BTreeMap<Process, BTreeSet<KeyId>> = BTreeMap::new();
    let mut unassigned = Vec::new();
    let ops = index.ops.all.iter().enumerate();
    for (at, parsed) in ops.filter(|(_, parsed)| parsed.op.kind == Kind::Ok) {
        if let Some(keys) = &parsed.assigned {
            assigned.insert(parsed.op.process, keys.iter().copied().collect());
        }
        let assigned = assigned.get(&parsed.op.process);
        let is_assigned = |key| assigned.is_some_and(|keys| keys.contains(&key));
        let polled = parsed.polls.iter().map(|poll| poll.key);
        unassigned.extend(polled.filter(|key| !is_assigned(*key)).map(|key| (at, key)));
    }
    unassigned
}

fn negative_offsets(index: &HistoryIndex<'_>) -> BTreeMap<KeyId, i64> {
    let offsets = index.ops.all.iter().flat_map(|parsed| {
        let polled =
            parsed.polls.iter().flat_map(|poll| poll.pairs.iter().map(|pair| (poll.key, pair.0)));
        polled.chain(parsed.sends.iter().map(|sent| (sent.key, sent.offset)))
    });
    let offsets = offsets.filter_map(|(key, offset)| Some((key, offset?)));
    offsets.filter(|(_, offset)| *offset < 0).collect()
}
