//! Errors in what clients were told that upstream overlooks.

use std::collections::{BTreeMap, BTreeSet};

use super::{acts::Key, anomaly::Error, index::Index, polls::Steps};
use crate::history::{Kind, Process};

/// Beyond this offset upstream's checker, which keeps a list entry for each offset up to the last,
/// takes gigabytes.
const DENSE: i64 = 10_000_000;

/// Errors that upstream overlooks, and offsets that it cannot hold or does not look at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Overlooked {
    /// Steps with an empty poll in between.
    pub(crate) steps: Vec<Error>,
    /// Polls of keys that their processes had not asked for, by the places of the operations.
    pub(crate) unasked: Vec<(usize, Key)>,
    /// The last offset of each key that has too great ones.
    pub(crate) too_great: Vec<(Key, i64)>,
    /// An offset below 0 of each key that has any.
    pub(crate) below_zero: BTreeMap<Key, i64>,
}

/// Collects it; steps come from whoever compares polls.
pub(super) fn of(index: &Index<'_>, steps: Steps) -> Overlooked {
    let steps = steps.skips.into_iter().chain(steps.backwards);
    let last_offsets =
        index.orders.logs().filter_map(|(key, log)| Some((key, log.slots().last()?.offset)));
    Overlooked {
        steps: steps.map(Error::PollStep).collect(),
        unasked: unasked(index),
        too_great: last_offsets.filter(|(_, offset)| *offset > DENSE).collect(),
        below_zero: below_zero(index),
    }
}

fn unasked(index: &Index<'_>) -> Vec<(usize, Key)> {
    let mut assigned: BTreeMap<Process, BTreeSet<Key>> = BTreeMap::new();
    let mut unasked = Vec::new();
    let acts = index.acts.all.iter().enumerate();
    for (at, act) in acts.filter(|(_, act)| act.op.kind == Kind::Ok) {
        if let Some(keys) = &act.assigned {
            assigned.insert(act.op.process, keys.iter().copied().collect());
        }
        let asked = assigned.get(&act.op.process);
        let was_asked = |key| asked.is_some_and(|keys| keys.contains(&key));
        let polled = act.polls.iter().map(|poll| poll.key);
        unasked.extend(polled.filter(|key| !was_asked(*key)).map(|key| (at, key)));
    }
    unasked
}

fn below_zero(index: &Index<'_>) -> BTreeMap<Key, i64> {
    let told = index.acts.all.iter().flat_map(|act| {
        let polled =
            act.polls.iter().flat_map(|poll| poll.pairs.iter().map(|pair| (poll.key, pair.0)));
        polled.chain(act.sends.iter().map(|sent| (sent.key, sent.offset)))
    });
    let told = told.filter_map(|(key, offset)| Some((key, offset?)));
    told.filter(|(_, offset)| *offset < 0).collect()
}
