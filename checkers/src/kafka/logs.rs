//! Logs that contradict themselves: an offset with two messages, a message at two offsets.

use super::{
    acts::{Act, Key, Message},
    anomaly::{Case, Told, when, who},
    clojure::order_map,
    contradictions::Evidence,
};
use crate::{
    edn::{Map, Set, Value},
    sentence::listed,
};

/// An offset of which different messages were told.
#[derive(Debug)]
pub(super) struct InconsistentOffset {
    key: Key,
    index: usize,
    /// How many messages were told.
    messages: usize,
}

/// A message that was told to stand at several offsets.
#[derive(Debug)]
pub(super) struct Duplicate {
    key: Key,
    message: Message,
    offsets: Vec<i64>,
}

/// The offsets with more than one message.
pub(super) fn inconsistent_offsets(told: &Told<'_>) -> Vec<InconsistentOffset> {
    let slots = told.orders.logs().flat_map(|(key, log)| {
        log.slots().iter().enumerate().map(move |(index, slot)| (key, index, slot))
    });
    let inconsistent = slots.filter(|(_, _, slot)| slot.messages.len() > 1);
    inconsistent
        .map(|(key, index, slot)| InconsistentOffset { key, index, messages: slot.messages.len() })
        .collect()
}

/// The messages with more than one offset.
pub(super) fn duplicates(told: &Told<'_>) -> Vec<Duplicate> {
    let mut duplicates = Vec::new();
    for (key, log) in told.orders.logs() {
        let mut messages: Vec<Message> = Vec::new();
        for (index, slot) in log.slots().iter().enumerate() {
            let first =
                |message: &&Message| log.bounds(**message).is_some_and(|(at, _)| at == index);
            messages.extend(slot.messages.iter().filter(first));
        }
        order_map(&mut messages, |message| told.acts.messages.place(*message));
        for message in messages {
            let Some((first, last)) = log.bounds(message).filter(|(first, last)| first < last)
            else {
                continue;
            };
            let slots = log.slots()[first..=last].iter();
            let offsets = slots.filter(|slot| slot.messages.contains(&message));
            let offsets = offsets.map(|slot| slot.offset).collect();
            duplicates.push(Duplicate { key, message, offsets });
        }
    }
    duplicates
}

/// The place of the first operation that told of a message at an offset.
fn witness(told: &Told<'_>, key: Key, offset: i64, message: Message) -> Option<usize> {
    let polled = |act: &Act<'_>| {
        act.poll_of(key).is_some_and(|poll| poll.pairs.contains(&(Some(offset), message)))
    };
    let tells = |act: &Act<'_>| was_sent(act, key, offset, message) || polled(act);
    told.acts.all.iter().position(|act| act.is_completion() && tells(act))
}

fn was_sent(act: &Act<'_>, key: Key, offset: i64, message: Message) -> bool {
    let mut sends = act.sends.iter();
    sends.any(|sent| (sent.key, sent.offset, sent.message) == (key, Some(offset), message))
}

/// The same in words: `process 3 polled (index 12, 0.120 s)`.
fn witnessed(told: &Told<'_>, key: Key, offset: i64, message: Message) -> String {
    let Some(at) = witness(told, key, offset, message) else {
        return "somebody was told".to_owned();
    };
    let act = told.act(at);
    let sent = was_sent(act, key, offset, message);
    let verb = if sent { "was told by send_ok" } else { "polled" };
    format!("{} {verb} ({})", who(act.op), when(act.op))
}

impl Case for InconsistentOffset {
    fn to_edn(&self, told: &Told<'_>) -> Value {
        let slot = &told.orders.log(self.key).slots()[self.index];
        let mut values: Vec<Value> =
            slot.messages.iter().map(|message| told.message(*message).clone()).collect();
        values.sort();
        Map::new()
            .with("key", told.key(self.key).clone())
            .with("offset", slot.offset)
            .with("index", self.index)
            .with("values", values.into_iter().collect::<Set>())
            .into()
    }

    fn sentence(&self, told: &Told<'_>) -> String {
        let slot = &told.orders.log(self.key).slots()[self.index];
        let witnesses = slot.messages.iter().map(|message| {
            let witness = witnessed(told, self.key, slot.offset, *message);
            format!("{witness} {}", told.message(*message).json())
        });
        format!(
            "key {}: {} stand at the same offset {}: {}",
            told.key(self.key).json(),
            listed(slot.messages.iter().map(|message| told.message(*message))),
            slot.offset,
            witnesses.collect::<Vec<_>>().join("; "),
        )
    }

    /// Who told of the messages, and what was told first.
    fn evidence(&self, told: &Told<'_>) -> Evidence {
        let slot = &told.orders.log(self.key).slots()[self.index];
        let messages = slot.messages.iter().copied();
        let mut acts: Vec<(usize, Message)> = messages
            .filter_map(|message| Some((witness(told, self.key, slot.offset, message)?, message)))
            .collect();
        acts.sort_unstable();
        let message = acts.first().map(|(_, message)| *message);
        Evidence { acts: acts.into_iter().map(|(at, _)| at).collect(), message }
    }

    fn shown_at(&self) -> usize {
        self.index
    }

    fn measure(&self) -> i64 {
        i64::try_from(self.messages).unwrap_or(i64::MAX)
    }
}

impl Case for Duplicate {
    fn to_edn(&self, told: &Told<'_>) -> Value {
        let offsets: Vec<Value> = self.offsets.iter().map(|offset| Value::from(*offset)).collect();
        Map::new()
            .with("key", told.key(self.key).clone())
            .with("value", told.message(self.message).clone())
            .with("count", self.offsets.len())
            .with("offsets", offsets)
            .into()
    }

    fn sentence(&self, told: &Told<'_>) -> String {
        let witnesses = self.offsets.iter().take(crate::sentence::NAMED).map(|offset| {
            let witness = witnessed(told, self.key, *offset, self.message);
            format!("{witness} offset {offset}")
        });
        format!(
            "key {}: {} stands at {} offsets, but was sent once ({}): {}",
            told.key(self.key).json(),
            told.message(self.message).json(),
            self.offsets.len(),
            told.send(self.key, self.message),
            witnesses.collect::<Vec<_>>().join("; "),
        )
    }

    fn evidence(&self, told: &Told<'_>) -> Evidence {
        let offsets = self.offsets.iter();
        let acts = offsets.filter_map(|offset| witness(told, self.key, *offset, self.message));
        Evidence::of(told, (self.key, self.message), acts)
    }

    fn shown_at(&self) -> usize {
        0
    }

    fn measure(&self) -> i64 {
        i64::try_from(self.offsets.len()).unwrap_or(i64::MAX)
    }
}
