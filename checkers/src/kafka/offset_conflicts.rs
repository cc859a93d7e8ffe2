//! Conflicting offsets: two messages at one offset, or one message at two offsets.

use super::{
    errors::LogError,
    index::HistoryIndex,
    operations::{KeyId, MessageId},
};
use crate::compat::clojure::order_map;

/// The offsets with more than one message, ordered by the number of messages.
pub(super) fn inconsistent_offsets(index: &HistoryIndex<'_>) -> Vec<LogError> {
    let slots = index.logs.nonempty().flat_map(|(key, log)| {
        log.slots().iter().enumerate().map(move |(at, slot)| (key, at, slot.messages.len()))
    });
    let mut inconsistent: Vec<_> = slots.filter(|(.., messages)| *messages > 1).collect();
    inconsistent.sort_by_key(|(.., messages)| *messages);
    let inconsistent = inconsistent.into_iter();
    inconsistent.map(|(key, at, _)| LogError::InconsistentOffset { key, slot: at }).collect()
}

/// The messages with more than one offset, ordered by the number of offsets.
pub(super) fn duplicates(index: &HistoryIndex<'_>) -> Vec<LogError> {
    let mut duplicates: Vec<(KeyId, MessageId, Vec<i64>)> = Vec::new();
    for (key, log) in index.logs.nonempty() {
        let mut messages: Vec<MessageId> = Vec::new();
        for (at, slot) in log.slots().iter().enumerate() {
            let first =
                |message: &&MessageId| log.bounds(**message).is_some_and(|(first, _)| first == at);
            messages.extend(slot.messages.iter().filter(first));
        }
        order_map(&mut messages, |message| index.ops.messages.trie_position(*message));
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
    duplicates
        .map(|(key, message, offsets)| LogError::Duplicate { key, message, offsets })
        .collect()
}
