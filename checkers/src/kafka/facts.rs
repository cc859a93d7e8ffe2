//! What a history says of each message: who sent it, and who polled it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::acts::{Act, Acts, Key, Message};
use crate::{compat::clojure::order_map, history::Kind};

/// Who sent and polled what. Operations are named by their place in [`Acts::all`].
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The end of the last operation that was to send a message.
    writers: FxHashMap<(Key, Message), usize>,
    /// The ends of all operations that polled a message.
    readers: FxHashMap<(Key, Message), Vec<usize>>,
    /// The messages that operations that succeeded polled.
    pub(crate) read: FxHashSet<(Key, Message)>,
    /// The keys in the answers to polls that succeeded, in the order in which upstream goes through
    /// them, each with its messages; there are none if all that was ever polled were empty lists.
    pub(crate) read_keys: Vec<(Key, Vec<Message>)>,
    /// The messages that were certainly not sent.
    pub(crate) failed: FxHashSet<(Key, Message)>,
    /// The first message that somebody polled and nobody was to send: who polled it, and what.
    pub(crate) without_writer: Option<(usize, Key, Message)>,
}

impl Facts {
    /// Collects them.
    pub(crate) fn of(acts: &Acts<'_>) -> Facts {
        let mut facts = Facts::default();
        let mut read_keys: FxHashMap<Key, usize> = FxHashMap::default();
        for (at, act) in acts.all.iter().enumerate().filter(|(_, act)| act.is_completion()) {
            for send in &act.sends {
                facts.writers.insert((send.key, send.message), at);
                if act.op.kind == Kind::Fail {
                    facts.failed.insert((send.key, send.message));
                }
            }
            for poll in &act.polls {
                for (_, message) in &poll.pairs {
                    facts.readers.entry((poll.key, *message)).or_default().push(at);
                }
                if act.op.kind == Kind::Ok {
                    let messages = *read_keys.entry(poll.key).or_insert_with(|| {
                        facts.read_keys.push((poll.key, Vec::new()));
                        facts.read_keys.len() - 1
                    });
                    let unread = poll.pairs.iter().map(|(_, message)| *message);
                    let unread = unread.filter(|message| facts.read.insert((poll.key, *message)));
                    facts.read_keys[messages].1.extend(unread);
                }
            }
        }
        order_map(&mut facts.read_keys, |(key, _)| acts.keys.place(*key));
        facts.without_writer = facts.find_without_writer(acts);
        facts
    }

    /// The end of the operation that was to send this.
    pub(crate) fn writer(&self, key: Key, message: Message) -> Option<usize> {
        self.writers.get(&(key, message)).copied()
    }

    /// The ends of the operations that polled this.
    pub(crate) fn readers(&self, key: Key, message: Message) -> &[usize] {
        self.readers.get(&(key, message)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether what this operation sent is certainly in the logs: it was acknowledged, or somebody
    /// polled it although it was not.
    pub(crate) fn has_happened(&self, act: &Act<'_>) -> bool {
        match act.op.kind {
            Kind::Ok => true,
            Kind::Info => {
                act.sends.iter().any(|sent| self.read.contains(&(sent.key, sent.message)))
            }
            Kind::Invoke | Kind::Fail => false,
        }
    }

    fn find_without_writer(&self, acts: &Acts<'_>) -> Option<(usize, Key, Message)> {
        acts.all.iter().enumerate().filter(|(_, act)| act.is_completion()).find_map(|(at, act)| {
            act.polls.iter().find_map(|poll| {
                let mut messages = poll.pairs.iter().map(|(_, message)| *message);
                let message = messages.find(|message| self.writer(poll.key, *message).is_none())?;
                Some((at, poll.key, message))
            })
        })
    }
}
