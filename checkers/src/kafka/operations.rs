//! The parser of operations: the messages that each sent and polled, and their offsets.
//!
//! Keys and messages are interned as small numbers, so the rest of the checker works on indices.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::{
    compat::clojure::{TriePosition, order_map},
    edn::Value,
    history::{History, Kind, Op},
};

/// The number of an interned key.
pub(crate) type KeyId = usize;
/// The number of an interned message; the same value under two keys has one number.
pub(crate) type MessageId = usize;

/// The parsed operations of clients.
#[derive(Debug, Default)]
pub(crate) struct ParsedOps<'a> {
    /// All operations, in the order of the history.
    pub(crate) all: Vec<ParsedOp<'a>>,
    /// The interned keys.
    pub(crate) keys: Interner<'a>,
    /// The interned messages.
    pub(crate) messages: Interner<'a>,
    /// The first offset on which upstream fails.
    pub(crate) bad_offset: Option<&'a Value>,
    /// The number of values that could not be parsed.
    pub(crate) unparsed: usize,
}

/// A parsed operation.
#[derive(Debug)]
pub(crate) struct ParsedOp<'a> {
    pub(crate) op: &'a Op,
    /// The messages to send, in order.
    pub(crate) sends: Vec<SentMessage>,
    /// The messages that were polled, by key, in the order in which upstream iterates over keys.
    pub(crate) polls: Vec<KeyPoll>,
    /// The keys that an `assign` or `subscribe` names.
    pub(crate) assigned: Option<Vec<KeyId>>,
    /// True if a send, or a poll with an answer, could be parsed.
    pub(crate) is_informative: bool,
}

/// A message to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentMessage {
    pub(crate) key: KeyId,
    /// The acknowledged offset, if there is one.
    pub(crate) offset: Option<i64>,
    pub(crate) message: MessageId,
}

/// The messages of one key that an operation polled.
#[derive(Debug)]
pub(crate) struct KeyPoll {
    pub(crate) key: KeyId,
    /// Offsets and messages, in the order of the reply.
    pub(crate) pairs: Vec<(Option<i64>, MessageId)>,
}

/// An interner: distinct values, numbered in the order of first occurrence.
#[derive(Debug, Default)]
pub(crate) struct Interner<'a> {
    values: Vec<&'a Value>,
    trie_positions: Vec<TriePosition>,
    numbers: FxHashMap<&'a Value, usize>,
}

impl<'a> Interner<'a> {
    /// The value with this number.
    pub(crate) fn value(&self, number: usize) -> &'a Value {
        self.values[number]
    }

    /// The number of a value, if it occurs.
    pub(crate) fn get(&self, value: &Value) -> Option<usize> {
        self.numbers.get(value).copied()
    }

    /// The trie position of the value with this number in Clojure's maps and sets.
    pub(crate) fn trie_position(&self, number: usize) -> TriePosition {
        self.trie_positions[number]
    }

    /// The number of distinct values.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    fn intern(&mut self, value: &'a Value) -> usize {
        match self.numbers.entry(value) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.values.push(value);
                self.trie_positions.push(TriePosition::of(value));
                *new.insert(self.values.len() - 1)
            }
        }
    }
}

impl ParsedOp<'_> {
    /// True if this operation sends or polls.
    pub(crate) fn sends_or_polls(&self) -> bool {
        ["send", "poll", "txn"].contains(&&*self.op.f)
    }

    /// True if this is the completion of an operation.
    pub(crate) fn is_completion(&self) -> bool {
        self.op.kind != Kind::Invoke
    }

    /// The messages of a key that this operation polled; `None` if the key is not in the reply.
    pub(crate) fn poll_of(&self, key: KeyId) -> Option<&KeyPoll> {
        self.polls.iter().find(|poll| poll.key == key)
    }

    /// True if the reply to this operation has its message at this offset.
    pub(crate) fn sends_to(&self, key: KeyId, offset: i64, message: MessageId) -> bool {
        let mut sends = self.sends.iter();
        sends.any(|sent| (sent.key, sent.offset, sent.message) == (key, Some(offset), message))
    }
}

impl<'a> ParsedOps<'a> {
    /// Parses the operations of a history.
    pub(crate) fn of(history: &'a History) -> ParsedOps<'a> {
        let mut ops = ParsedOps::default();
        for op in history.client_ops() {
            let parsed = ops.parse(op);
            ops.all.push(parsed);
        }
        ops
    }

    fn parse(&mut self, op: &'a Op) -> ParsedOp<'a> {
        let (sends, polls) = (Vec::new(), Vec::new());
        let mut parsed = ParsedOp { op, sends, polls, assigned: None, is_informative: false };
        let parts = op.value.as_sequence();
        match (&*op.f, parts) {
            ("assign" | "subscribe", Some(keys)) => {
                parsed.assigned = Some(keys.iter().map(|key| self.keys.intern(key)).collect());
            }
            ("send" | "poll" | "txn", Some(parts)) => {
                for part in parts {
                    match self.parse_mop(part, &mut parsed) {
                        Some(is_informative) => parsed.is_informative |= is_informative,
                        None => self.unparsed += 1,
                    }
                }
                order_map(&mut parsed.polls, |poll| self.keys.trie_position(poll.key));
            }
            ("send" | "poll" | "txn" | "assign" | "subscribe", None) => self.unparsed += 1,
            _ => {}
        }
        parsed
    }

    /// Parses a send or a poll. Returns false for a poll without an answer, which shows nothing,
    /// and `None` if the value cannot be parsed.
    fn parse_mop(&mut self, part: &'a Value, parsed: &mut ParsedOp<'a>) -> Option<bool> {
        let part = part.as_sequence()?;
        let Value::Keyword(name) = part.first()? else { return None };
        match (&**name, &part[1..]) {
            ("send", [key, Value::Vector(pair)]) => {
                let [offset, message] = &pair[..] else { return None };
                let (offset, message) = (self.parse_offset(offset), self.messages.intern(message));
                parsed.sends.push(SentMessage { key: self.keys.intern(key), offset, message });
            }
            ("send", [key, message]) => {
                let message = self.messages.intern(message);
                parsed.sends.push(SentMessage {
                    key: self.keys.intern(key),
                    offset: None,
                    message,
                });
            }
            ("poll", []) => return Some(false),
            ("poll", [Value::Map(polled), ..]) => {
                let before = parsed.polls.len();
                for (key, pairs) in polled.iter() {
                    let key = self.keys.intern(key);
                    let pairs = self.parse_pairs(pairs)?;
                    match parsed.polls[..before].iter_mut().find(|poll| poll.key == key) {
                        Some(poll) => poll.pairs.extend(pairs),
                        None => parsed.polls.push(KeyPoll { key, pairs }),
                    }
                }
            }
            _ => return None,
        }
        Some(true)
    }

    /// Parses the offsets and messages of a key; nil is an empty list, as in Clojure.
    fn parse_pairs(&mut self, pairs: &'a Value) -> Option<Vec<(Option<i64>, MessageId)>> {
        let pairs = if *pairs == Value::Nil { &[] } else { pairs.as_sequence()? };
        let pairs = pairs.iter().map(|pair| match pair.as_sequence()? {
            [offset, message] => Some((self.parse_offset(offset), self.messages.intern(message))),
            _ => None,
        });
        pairs.collect()
    }

    fn parse_offset(&mut self, offset: &'a Value) -> Option<i64> {
        if offset.as_int().is_none() && *offset != Value::Nil {
            self.bad_offset.get_or_insert(offset);
        }
        offset.as_int()
    }
}
