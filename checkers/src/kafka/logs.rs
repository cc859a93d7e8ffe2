//! Logs that contradict themselves: an offset with two messages, a message at two offsets.

use super::{
    acts::{Key, Message},
    anomaly::Error,
    index::Index,
};
use crate::compat::clojure::order_map;

/// The offsets with more than one message, those with the fewest first.
pub(super) fn inconsistent_offsets(index: &Index<'_>) -> Vec<Error> {
    let slots = index.orders.logs().flat_map(|(key, log)| {
        log.slots().iter().enumerate().map(move |(index, slot)| (key, index, slot.messages.len()))
    });
    let mut inconsistent: Vec<_> = slots.filter(|(.., messages)| *messages > 1).collect();
    inconsistent.sort_by_key(|(.., messages)| *messages);
    let inconsistent = inconsistent.into_iter();
    inconsistent.map(|(key, index, _)| Error::InconsistentOffset { key, index }).collect()
}

/// The messages with more than one offset, those with the fewest first.
pub(super) fn duplicates(index: &Index<'_>) -> Vec<Error> {
    let mut duplicates: Vec<(Key, Message, Vec<i64>)> = Vec::new();
    for (key, log) in index.orders.logs() {
        let mut messages: Vec<Message> = Vec::new();
        for (at, slot) in log.slots().iter().enumerate() {
            let first =
                |message: &&Message| log.bounds(**message).is_some_and(|(first, _)| first == at);
            messages.extend(slot.messages.iter().filter(first));
        }
        order_map(&mut messages, |message| index.acts.messages.place(*message));
        for message in messages {
            let Some((first, last)) = log.bounds(message).filter(|(first, last)| first < last)
            else {
                continue;
            };
            let slots = log.slots()[first..=last].iter();
            let offsets = slots.filter(|slot| slot.messages.contains(&message));
            duplicates.push((key, message, offsets.map(|slot| slot.offset).collect()));
        }
    }
    duplicates.sort_by_key(|(.., offsets)| offsets.len());
    let duplicates = duplicates.into_iter();
    duplicates.map(|(key, message, offsets)| Error::Duplicate { key, message, offsets }).collect()
}
