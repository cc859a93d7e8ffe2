//! Messages that were acknowledged and never polled.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::{
    acts::{Key, Message},
    index::Index,
};
use crate::{edn::Value, history::Kind};

/// The messages that nobody has polled at the end of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Unseen {
    /// When the last operation succeeded, in nanoseconds.
    pub time: u64,
    /// By key, the messages, sorted; no list is empty.
    pub messages: BTreeMap<Value, Vec<Value>>,
    /// Those that were acknowledged, in order of time.
    pub(crate) acknowledged: Vec<(Key, Message)>,
    /// Those that the last operation polled, of keys to which no send was acknowledged. Upstream
    /// takes them for unseen; the next operation would correct that.
    pub(crate) polled_last: Vec<(Key, Message)>,
}

/// Compares what was acknowledged with what was polled; `None` if all was seen.
pub(super) fn find(index: &Index<'_>) -> Option<Unseen> {
    let mut acknowledged: Vec<(Key, Message)> = Vec::new();
    let mut known: FxHashSet<Key> = FxHashSet::default();
    let (mut time, mut polled_last) = (0, Vec::new());
    let succeeded = index.acts.all.iter().filter(|act| act.op.kind == Kind::Ok);
    for act in succeeded.filter(|act| act.is_transaction()) {
        time = act.op.time;
        acknowledged.extend(act.sends.iter().map(|sent| (sent.key, sent.message)));
        known.extend(act.sends.iter().map(|sent| sent.key));
        let new = act.polls.iter().filter(|poll| !known.contains(&poll.key));
        polled_last = new
            .flat_map(|poll| poll.pairs.iter().map(|(_, message)| (poll.key, *message)))
            .collect();
        known.extend(act.polls.iter().map(|poll| poll.key));
    }
    acknowledged.retain(|sent| !index.facts.read.contains(sent));
    let mut messages: BTreeMap<Value, Vec<Value>> = BTreeMap::new();
    for (key, message) in acknowledged.iter().chain(&polled_last) {
        let of_key = messages.entry(index.key(*key).clone()).or_default();
        of_key.push(index.message(*message).clone());
    }
    for messages in messages.values_mut() {
        messages.sort();
        messages.dedup();
    }
    (!messages.is_empty()).then_some(Unseen { time, messages, acknowledged, polled_last })
}
