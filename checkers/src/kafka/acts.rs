//! What operations of this workload say: which messages were sent and polled, at which offsets.
//!
//! Keys and messages become small numbers, so that everything else is about lists and indices.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::{
    compat::clojure::{Place, order_map},
    edn::Value,
    history::{History, Kind, Op},
};

/// The number of a key.
pub(crate) type Key = usize;
/// The number of a message; the same message under two keys has one number.
pub(crate) type Message = usize;

/// The operations of clients, understood.
#[derive(Debug, Default)]
pub(crate) struct Acts<'a> {
    /// In the order of the history.
    pub(crate) all: Vec<Act<'a>>,
    /// What the keys are called.
    pub(crate) keys: Names<'a>,
    /// What the messages are.
    pub(crate) messages: Names<'a>,
    /// The first offset that upstream cannot take.
    pub(crate) bad_offset: Option<&'a Value>,
    /// How many operations have values that say nothing.
    pub(crate) not_understood: usize,
}

/// One operation, understood.
#[derive(Debug)]
pub(crate) struct Act<'a> {
    /// The operation.
    pub(crate) op: &'a Op,
    /// What was sent, in order.
    pub(crate) sends: Vec<Send>,
    /// What was polled, by key, in the order in which upstream goes through the keys.
    pub(crate) polls: Vec<Poll>,
    /// The keys that an `assign` names.
    pub(crate) assigned: Option<Vec<Key>>,
    /// Whether it has a send, or an answer to a poll, that was understood.
    pub(crate) tells_something: bool,
}

/// A message that was to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Send {
    pub(crate) key: Key,
    /// Where it was put, if that was told.
    pub(crate) offset: Option<i64>,
    pub(crate) message: Message,
}

/// All that one operation polled of a key.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) key: Key,
    pub(crate) pairs: Vec<(Option<i64>, Message)>,
}

/// Values and their numbers.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    values: Vec<&'a Value>,
    places: Vec<Place>,
    numbers: FxHashMap<&'a Value, usize>,
}

impl<'a> Names<'a> {
    /// The value of a number.
    pub(crate) fn value(&self, number: usize) -> &'a Value {
        self.values[number]
    }

    /// The number of a value, if it occurs.
    pub(crate) fn known(&self, value: &Value) -> Option<usize> {
        self.numbers.get(value).copied()
    }

    /// Where the value of a number comes in Clojure's maps and sets.
    pub(crate) fn place(&self, number: usize) -> Place {
        self.places[number]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    fn number(&mut self, value: &'a Value) -> usize {
        match self.numbers.entry(value) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.values.push(value);
                self.places.push(Place::of(value));
                *new.insert(self.values.len() - 1)
            }
        }
    }
}

impl Act<'_> {
    /// Whether this operation sends or polls.
    pub(crate) fn is_transaction(&self) -> bool {
        ["send", "poll", "txn"].contains(&&*self.op.f)
    }

    /// Whether this is the end of an operation.
    pub(crate) fn is_completion(&self) -> bool {
        self.op.kind != Kind::Invoke
    }

    /// What this operation polled of a key, if that was in the answer at all.
    pub(crate) fn poll_of(&self, key: Key) -> Option<&Poll> {
        self.polls.iter().find(|poll| poll.key == key)
    }

    /// True if this operation tells that it sent a message to an offset.
    pub(crate) fn sends_to(&self, key: Key, offset: i64, message: Message) -> bool {
        let mut sends = self.sends.iter();
        sends.any(|sent| (sent.key, sent.offset, sent.message) == (key, Some(offset), message))
    }
}

impl<'a> Acts<'a> {
    /// Understands a history.
    pub(crate) fn of(history: &'a History) -> Acts<'a> {
        let mut acts = Acts::default();
        for op in history.clients() {
            let act = acts.understand(op);
            acts.all.push(act);
        }
        acts
    }

    fn understand(&mut self, op: &'a Op) -> Act<'a> {
        let (sends, polls) = (Vec::new(), Vec::new());
        let mut act = Act { op, sends, polls, assigned: None, tells_something: false };
        let parts = op.value.as_sequence();
        match (&*op.f, parts) {
            ("assign" | "subscribe", Some(keys)) => {
                act.assigned = Some(keys.iter().map(|key| self.keys.number(key)).collect());
            }
            ("send" | "poll" | "txn", Some(parts)) => {
                for part in parts {
                    match self.understand_part(part, &mut act) {
                        Some(tells_something) => act.tells_something |= tells_something,
                        None => self.not_understood += 1,
                    }
                }
                order_map(&mut act.polls, |poll| self.keys.place(poll.key));
            }
            ("send" | "poll" | "txn" | "assign" | "subscribe", None) => self.not_understood += 1,
            _ => {}
        }
        act
    }

    /// Understands a send or a poll, and answers whether it tells something: a poll without an
    /// answer does not.
    fn understand_part(&mut self, part: &'a Value, act: &mut Act<'a>) -> Option<bool> {
        let part = part.as_sequence()?;
        let Value::Keyword(name) = part.first()? else { return None };
        match (&**name, &part[1..]) {
            ("send", [key, Value::Vector(pair)]) => {
                let [offset, message] = &pair[..] else { return None };
                let (offset, message) = (self.offset(offset), self.messages.number(message));
                act.sends.push(Send { key: self.keys.number(key), offset, message });
            }
            ("send", [key, message]) => {
                let message = self.messages.number(message);
                act.sends.push(Send { key: self.keys.number(key), offset: None, message });
            }
            ("poll", []) => return Some(false),
            ("poll", [Value::Map(polled), ..]) => {
                let before = act.polls.len();
                for (key, pairs) in polled.iter() {
                    let key = self.keys.number(key);
                    let pairs = self.pairs(pairs)?;
                    match act.polls[..before].iter_mut().find(|poll| poll.key == key) {
                        Some(poll) => poll.pairs.extend(pairs),
                        None => act.polls.push(Poll { key, pairs }),
                    }
                }
            }
            _ => return None,
        }
        Some(true)
    }

    /// The messages of a key; nil are none, as in Clojure.
    fn pairs(&mut self, pairs: &'a Value) -> Option<Vec<(Option<i64>, Message)>> {
        let pairs = if *pairs == Value::Nil { &[] } else { pairs.as_sequence()? };
        let pairs = pairs.iter().map(|pair| match pair.as_sequence()? {
            [offset, message] => Some((self.offset(offset), self.messages.number(message))),
            _ => None,
        });
        pairs.collect()
    }

    fn offset(&mut self, offset: &'a Value) -> Option<i64> {
        if offset.as_int().is_none() && *offset != Value::Nil {
            self.bad_offset.get_or_insert(offset);
        }
        offset.as_int()
    }
}
