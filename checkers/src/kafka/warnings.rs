//! What clients were told wrong without upstream's minding.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    acts::Key,
    anomaly::{Case, Told, when, who},
    polls::Steps,
};
use crate::{
    history::{Kind, Process},
    sentence::{counted, folded},
};

/// Beyond this offset upstream's checker, which keeps a list entry for each offset up to the last,
/// takes gigabytes.
const DENSE: i64 = 10_000_000;

/// Sentences about steps that upstream overlooks, polls of keys that were not asked for, offsets
/// that it cannot hold or does not look at, and operations that say nothing.
pub(super) fn of(told: &Told<'_>, overlooked: &Steps) -> Vec<String> {
    let steps = overlooked.skips.iter().chain(&overlooked.backwards);
    let steps =
        steps.map(|step| format!("{} (with an empty poll in between)", step.sentence(told)));
    let mut warnings = Vec::from_iter(folded(steps, "steps in logs that upstream overlooks"));
    warnings.extend(folded(unasked(told).into_iter(), "polls of keys that were not assigned"));
    warnings.extend(folded(odd_offsets(told).into_iter(), "keys with odd offsets"));
    if told.acts.not_understood > 0 {
        let operations = counted(told.acts.not_understood as u64, "value");
        warnings.push(format!("{operations} of operations could not be understood"));
    }
    warnings
}

fn unasked(told: &Told<'_>) -> Vec<String> {
    let mut assigned: BTreeMap<Process, BTreeSet<Key>> = BTreeMap::new();
    let mut sentences = Vec::new();
    for act in told.acts.all.iter().filter(|act| act.op.kind == Kind::Ok) {
        if let Some(keys) = &act.assigned {
            assigned.insert(act.op.process, keys.iter().copied().collect());
        }
        let asked = assigned.get(&act.op.process);
        let was_asked = |key| asked.is_some_and(|keys| keys.contains(&key));
        for poll in act.polls.iter().filter(|poll| !was_asked(poll.key)) {
            let (who, when, key) = (who(act.op), when(act.op), told.key(poll.key).json());
            sentences.push(format!("{who} polled key {key} ({when}), which it had not asked for"));
        }
    }
    sentences
}

fn odd_offsets(told: &Told<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    for (key, log) in told.orders.logs() {
        if let Some(last) = log.slots().last().filter(|slot| slot.offset > DENSE) {
            let (key, offset) = (told.key(key).json(), last.offset);
            sentences.push(format!(
                "key {key}: offset {offset} is too great for Maelstrom's checker, which keeps an \
                 entry for each offset up to it"
            ));
        }
    }
    let mut below: BTreeMap<Key, i64> = BTreeMap::new();
    for act in &told.acts.all {
        let polled =
            act.polls.iter().flat_map(|poll| poll.pairs.iter().map(|pair| (poll.key, pair.0)));
        let sent = act.sends.iter().map(|sent| (sent.key, sent.offset));
        for (key, offset) in polled.chain(sent) {
            if let Some(offset) = offset.filter(|offset| *offset < 0) {
                below.insert(key, offset);
            }
        }
    }
    sentences.extend(below.into_iter().map(|(key, offset)| {
        format!(
            "key {}: offset {offset} is below 0, where upstream does not look",
            told.key(key).json()
        )
    }));
    sentences
}
