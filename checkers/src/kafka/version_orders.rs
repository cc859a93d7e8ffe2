//! The log of each key, as far as anybody knows it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{
    acts::{Acts, Key, Message},
    facts::Facts,
};
use crate::compat::clojure::{order_map, order_set};

/// The logs of all keys.
#[derive(Debug, Default)]
pub(crate) struct VersionOrders {
    logs: Vec<Log>,
    /// The keys that have a log, in the order in which upstream goes through them.
    keys: Vec<Key>,
}

/// What stands at which offset of a key. Offsets may be sparse; an index counts those in use.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// By index: the offset, and what stands there; more than one message is an error.
    slots: Vec<Slot>,
    /// The last index where a message is the one that stands for its offset.
    indices: FxHashMap<Message, usize>,
    /// The first and the last index where a message stands at all.
    bounds: FxHashMap<Message, (usize, usize)>,
}

/// An offset in use.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) offset: i64,
    /// What was told of this offset. The first stands for it; there is always one.
    pub(crate) messages: Vec<Message>,
}

impl VersionOrders {
    /// Collects what polls tell, whatever became of them, and what the sends that have happened
    /// tell. Offsets below 0 are left out.
    pub(crate) fn of(acts: &Acts<'_>, facts: &Facts) -> VersionOrders {
        let mut offsets: Vec<BTreeMap<i64, Vec<Message>>> = Vec::new();
        offsets.resize_with(acts.keys.len(), BTreeMap::new);
        let mut keys = Vec::new();
        let mut tell = |key: Key, offset: Option<i64>, message| {
            let Some(offset) = offset.filter(|offset| *offset >= 0) else { return };
            if offsets[key].is_empty() {
                keys.push(key);
            }
            let messages = offsets[key].entry(offset).or_default();
            if !messages.contains(&message) {
                messages.push(message);
            }
        };
        for act in &acts.all {
            let told = if facts.has_happened(act) { &act.sends[..] } else { &[] };
            for sent in told {
                tell(sent.key, sent.offset, sent.message);
            }
            for poll in &act.polls {
                for (offset, message) in &poll.pairs {
                    tell(poll.key, *offset, *message);
                }
            }
        }
        order_map(&mut keys, |key| acts.keys.place(*key));
        let logs = offsets.into_iter().map(|slots| Log::of(slots, acts)).collect();
        VersionOrders { logs, keys }
    }

    /// The log of a key.
    pub(crate) fn log(&self, key: Key) -> &Log {
        &self.logs[key]
    }

    /// All that is known of any log, in the order in which upstream goes through it.
    pub(crate) fn logs(&self) -> impl Iterator<Item = (Key, &Log)> {
        self.keys.iter().map(|key| (*key, &self.logs[*key]))
    }
}

impl Log {
    fn of(slots: BTreeMap<i64, Vec<Message>>, acts: &Acts<'_>) -> Log {
        let mut log = Log::default();
        for (index, (offset, mut messages)) in slots.into_iter().enumerate() {
            order_set(&mut messages, |message| acts.messages.place(*message));
            log.indices.insert(messages[0], index);
            for message in &messages {
                log.bounds.entry(*message).or_insert((index, index)).1 = index;
            }
            log.slots.push(Slot { offset, messages });
        }
        log
    }

    /// The offsets in use.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Where a message is; `None` if nobody told, or another one stands for its offset.
    pub(crate) fn index(&self, message: Message) -> Option<usize> {
        self.indices.get(&message).copied()
    }

    /// The first and the last index of a message.
    pub(crate) fn bounds(&self, message: Message) -> Option<(usize, usize)> {
        self.bounds.get(&message).copied()
    }

    /// How far it is from one message to the next; 1 where that is not known.
    pub(crate) fn delta(&self, from: Message, to: Message) -> Delta {
        match self.index(from).zip(self.index(to)) {
            None => Delta { from: 0, to: 1 },
            Some((from, to)) => Delta { from, to },
        }
    }

    /// What lies between.
    pub(crate) fn skipped(&self, delta: Delta) -> &[Slot] {
        self.slots.get(delta.from + 1..delta.to).unwrap_or_default()
    }
}

/// A step in a log, between two indices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Delta {
    from: usize,
    to: usize,
}

impl Delta {
    /// How far it goes; 1 is as it should be.
    pub(crate) fn steps(self) -> i64 {
        let index = |index| i64::try_from(index).unwrap_or(i64::MAX);
        index(self.to) - index(self.from)
    }
}
