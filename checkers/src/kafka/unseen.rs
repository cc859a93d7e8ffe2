//! Messages that were acknowledged and never polled.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::{
    index::HistoryIndex,
    operations::{KeyId, MessageId},
};
use crate::{edn::Value, history::Kind};

/// The acknowledged messages that nobody has polled by the end of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Unseen {
    /// The completion time of the last successful operation, in nanoseconds.
    pub time: u64,
    /// The sorted messages of each key; no list is empty.
    pub messages: BTreeMap<Value, Vec<Value>>,
    /// The unseen messages that were acknowledged, in order of time.
    pub(crate) acknowledged: Vec<(KeyId, MessageId)>,
    /// The messages that the last operation polled, of keys to which no send was acknowledged.
    /// Upstream takes them for unseen, and would correct that at the next operation.
    pub(crate) polled_last: Vec<(KeyId, MessageId)>,
}

/// Finds the acknowledged messages that were not polled; `None` if there are none.
pub(super) fn find(index: &HistoryIndex<'_>) -> Option<Unseen> {
    let mut acknowledged: Vec<(KeyId, MessageId)> = Vec::new();
    let mut known: FxHashSet<KeyId> = FxHashSet::default();
    let (mut time, mut polled_last) = (0, Vec::new());
    let succeeded = index.ops.all.iter().filter(|parsed| parsed.op.kind == Kind::Ok);
    for parsed in succeeded.filter(|parsed| parsed.sends_or_polls()) {
        time = parsed.op.time;
        acknowledged.extend(parsed.sends.iter().map(|sent| (sent.key, sent.message)));
        known.extend(parsed.sends.iter().map(|sent| sent.key));
        let new = parsed.polls.iter().filter(|poll| !known.contains(&poll.key));
        polled_last = new
            .flat_map(|poll| poll.pairs.iter().map(|(_, message)| (poll.key, *message)))
            .collect();
        known.extend(parsed.polls.iter().map(|poll| poll.key));
    }
    acknowledged.retain(|sent| !index.by_message.read.contains(sent));
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
