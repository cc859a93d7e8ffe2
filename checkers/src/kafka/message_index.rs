//! An index of the history by message: the operations that sent and polled each.

use rustc_hash::{FxHashMap, FxHashSet};

use super::operations::{KeyId, MessageId, ParsedOp, ParsedOps};
use crate::{compat::clojure::order_map, history::Kind};

/// The operations that sent and polled each message, given by their positions in `ParsedOps::all`.
#[derive(Debug, Default)]
pub(crate) struct MessageIndex {
    /// The completion of the last operation that tried to send a message.
    writers: FxHashMap<(KeyId, MessageId), usize>,
    /// The completions of all operations that polled a message.
    readers: FxHashMap<(KeyId, MessageId), Vec<usize>>,
    /// The messages that successful operations polled.
    pub(crate) read: FxHashSet<(KeyId, MessageId)>,
    /// The keys in the replies to successful polls, in the order in which upstream iterates over
    /// them, with the messages that were polled. The list is empty if every poll of the key
    /// returned nothing.
    pub(crate) read_keys: Vec<(KeyId, Vec<MessageId>)>,
    /// The messages whose sends definitely failed.
    pub(crate) failed: FxHashSet<(KeyId, MessageId)>,
    /// The first message that was polled but that no operation tried to send: its poll, key and
    /// number.
    pub(crate) without_writer: Option<(usize, KeyId, MessageId)>,
}

impl MessageIndex {
    /// Indexes the operations of a history.
    pub(crate) fn of(ops: &ParsedOps<'_>) -> MessageIndex {
        let mut by_message = MessageIndex::default();
        let mut read_keys: FxHashMap<KeyId, usize> = FxHashMap::default();
        for (at, parsed) in ops.all.iter().enumerate().filter(|(_, parsed)| parsed.is_completion())
        {
            for send in &parsed.sends {
                by_message.writers.insert((send.key, send.message), at);
                if parsed.op.kind == Kind::Fail {
                    by_message.failed.insert((send.key, send.message));
                }
            }
            for poll in &parsed.polls {
                for (_, message) in &poll.pairs {
                    by_message.readers.entry((poll.key, *message)).or_default().push(at);
                }
                if parsed.op.kind == Kind::Ok {
                    let messages = *read_keys.entry(poll.key).or_insert_with(|| {
                        by_message.read_keys.push((poll.key, Vec::new()));
                        by_message.read_keys.len() - 1
                    });
                    let unread = poll.pairs.iter().map(|(_, message)| *message);
                    let unread =
                        unread.filter(|message| by_message.read.insert((poll.key, *message)));
                    by_message.read_keys[messages].1.extend(unread);
                }
            }
        }
        order_map(&mut by_message.read_keys, |(key, _)| ops.keys.trie_position(*key));
        by_message.without_writer = by_message.find_without_writer(ops);
        by_message
    }

    /// The completion of the operation that tried to send this message.
    pub(crate) fn writer(&self, key: KeyId, message: MessageId) -> Option<usize> {
        self.writers.get(&(key, message)).copied()
    }

    /// The completions of the operations that polled this message.
    pub(crate) fn readers(&self, key: KeyId, message: MessageId) -> &[usize] {
        self.readers.get(&(key, message)).map(Vec::as_slice).unwrap_or_default()
    }

    /// True if the messages of this operation are certainly in the logs: the operation succeeded,
    /// or it is indeterminate and one of its messages was polled.
    pub(crate) fn has_happened(&self, parsed: &ParsedOp<'_>) -> bool {
        match parsed.op.kind {
            Kind::Ok => true,
            Kind::Info => {
                parsed.sends.iter().any(|sent| self.read.contains(&(sent.key, sent.message)))
            }
            Kind::Invoke | Kind::Fail => false,
        }
    }

    fn find_without_writer(&self, ops: &ParsedOps<'_>) -> Option<(usize, KeyId, MessageId)> {
        ops.all.iter().enumerate().filter(|(_, parsed)| parsed.is_completion()).find_map(
            |(at, parsed)| {
                parsed.polls.iter().find_map(|poll| {
                    let mut messages = poll.pairs.iter().map(|(_, message)| *message);
                    let message =
                        messages.find(|message| self.writer(poll.key, *message).is_none())?;
                    Some((at, poll.key, message))
                })
            },
        )
    }
}
