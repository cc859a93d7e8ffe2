//! A history as everything here looks it up.

use super::{
    acts::{Act, Acts, Key, Message},
    facts::Facts,
    version_orders::VersionOrders,
};
use crate::{
    edn::Value,
    history::{History, Op},
};

/// A history, what its operations say, who sent and polled each message, and the logs.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    pub(crate) history: &'a History,
    pub(crate) acts: Acts<'a>,
    pub(crate) facts: Facts,
    pub(crate) orders: VersionOrders,
}

impl<'a> Index<'a> {
    /// Understands a history.
    pub(super) fn of(history: &'a History) -> Index<'a> {
        let acts = Acts::of(history);
        let facts = Facts::of(&acts);
        let orders = VersionOrders::of(&acts, &facts);
        Index { history, acts, facts, orders }
    }

    /// The name of a key.
    pub(crate) fn key(&self, key: Key) -> &'a Value {
        self.acts.keys.value(key)
    }

    /// The value of a message.
    pub(crate) fn message(&self, message: Message) -> &'a Value {
        self.acts.messages.value(message)
    }

    /// The act of the operation at a place.
    pub(crate) fn act(&self, at: usize) -> &Act<'a> {
        &self.acts.all[at]
    }

    /// The operation at a place.
    pub(crate) fn op(&self, at: usize) -> &'a Op {
        self.act(at).op
    }

    /// The place of the first operation whose end told of a message at an offset.
    pub(crate) fn witness(&self, key: Key, offset: i64, message: Message) -> Option<usize> {
        let tells = |act: &Act<'_>| {
            let poll = act.poll_of(key);
            let is_polled = poll.is_some_and(|poll| poll.pairs.contains(&(Some(offset), message)));
            is_polled || act.sends_to(key, offset, message)
        };
        self.acts.all.iter().position(|act| act.is_completion() && tells(act))
    }
}
