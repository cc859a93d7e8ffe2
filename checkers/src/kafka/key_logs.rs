//! The log of each key, as far as clients know it. Upstream calls this the version order.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{
    message_index::MessageIndex,
    operations::{KeyId, MessageId, ParsedOps},
};
use crate::compat::clojure::{order_map, order_set};

/// The logs of all keys.
#[derive(Debug, Default)]
pub(crate) struct KeyLogs {
    /// The log of each key, by its number.
    logs: Vec<KeyLog>,
    /// The keys with a nonempty log, in the order in which upstream iterates over them.
    keys: Vec<KeyId>,
}

/// The log of a key. Offsets may be sparse; a *slot* counts only the offsets in use.
#[derive(Debug, Default)]
pub(crate) struct KeyLog {
    /// The offsets in use with their messages; more than one message is an error.
    slots: Vec<OffsetSlot>,
    /// The last slot of which a message is the first.
    indices: FxHashMap<MessageId, usize>,
    /// The first and the last slot of a message.
    bounds: FxHashMap<MessageId, (usize, usize)>,
}

/// An offset in use.
#[derive(Debug)]
pub(crate) struct OffsetSlot {
    pub(crate) offset: i64,
    /// The messages reported at this offset, at least one. The first represents the offset.
    pub(crate) messages: Vec<MessageId>,
}

impl KeyLogs {
    /// Collects the offsets of all polls, whatever their type, and of the sends that have happened.
    /// Offsets below 0 are ignored.
    pub(crate) fn of(ops: &ParsedOps<'_>, by_message: &MessageIndex) -> KeyLogs {
        let mut offsets: Vec<BTreeMap<i64, Vec<MessageId>>> = Vec::new();
        offsets.resize_with(ops.keys.len(), BTreeMap::new);
        let mut keys = Vec::new();
        let mut report = |key: KeyId, offset: Option<i64>, message| {
            let Some(offset) = offset.filter(|offset| *offset >= 0) else { return };
            if offsets[key].is_empty() {
                keys.push(key);
            }
            let messages = offsets[key].entry(offset).or_default();
            if !messages.contains(&message) {
                messages.push(message);
            }
        };
        for parsed in &ops.all {
            let sent_messages =
                if by_message.has_happened(parsed) { &parsed.sends[..] } else { &[] };
            for sent in sent_messages {
                report(sent.key, sent.offset, sent.message);
            }
            for poll in &parsed.polls {
                for (offset, message) in &poll.pairs {
                    report(poll.key, *offset, *message);
                }
            }
        }
        order_map(&mut keys, |key| ops.keys.trie_position(*key));
        let logs = offsets.into_iter().map(|slots| KeyLog::of(slots, ops)).collect();
        KeyLogs { logs, keys }
    }

    /// The log of a key.
    pub(crate) fn get(&self, key: KeyId) -> &KeyLog {
        &self.logs[key]
    }

    /// The nonempty logs, in the order in which upstream iterates over them.
    pub(crate) fn nonempty(&self) -> impl Iterator<Item = (KeyId, &KeyLog)> {
        self.keys.iter().map(|key| (*key, &self.logs[*key]))
    }
}

impl KeyLog {
    fn of(slots: BTreeMap<i64, Vec<MessageId>>, ops: &ParsedOps<'_>) -> KeyLog {
        let mut log = KeyLog::default();
        for (index, (offset, mut messages)) in slots.into_iter().enumerate() {
            order_set(&mut messages, |message| ops.messages.trie_position(*message));
            log.indices.insert(messages[0], index);
            for message in &messages {
                log.bounds.entry(*message).or_insert((index, index)).1 = index;
            }
            log.slots.push(OffsetSlot { offset, messages });
        }
        log
    }

    /// The offsets in use.
    pub(crate) fn slots(&self) -> &[OffsetSlot] {
        &self.slots
    }

    /// The last slot that a message represents; `None` if there is none.
    pub(crate) fn slot_of(&self, message: MessageId) -> Option<usize> {
        self.indices.get(&message).copied()
    }

    /// The first and the last slot of a message; `None` if its offset is unknown.
    pub(crate) fn bounds(&self, message: MessageId) -> Option<(usize, usize)> {
        self.bounds.get(&message).copied()
    }

    /// The distance from one message to another; 1, as if adjacent, if it is unknown.
    pub(crate) fn delta(&self, from: MessageId, to: MessageId) -> Delta {
        match self.slot_of(from).zip(self.slot_of(to)) {
            None => Delta { from: 0, to: 1 },
            Some((from, to)) => Delta { from, to },
        }
    }

    /// The slots between both ends of a step.
    pub(crate) fn skipped(&self, delta: Delta) -> &[OffsetSlot] {
        self.slots.get(delta.from + 1..delta.to).unwrap_or_default()
    }
}

/// A step in a log, between two slots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Delta {
    from: usize,
    to: usize,
}

impl Delta {
    /// The length of the step: 1 to the next message, more for a skip, less for a step back.
    pub(crate) fn steps(self) -> i64 {
        let index = |index| i64::try_from(index).unwrap_or(i64::MAX);
        index(self.to) - index(self.from)
    }
}
