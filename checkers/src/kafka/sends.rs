//! Messages of one process that the log has in another order than that of its sends.
//!
//! A client sends a message after its previous send was acknowledged, and a log grows only at its
//! end. So the offsets of a client's messages must increase. Skips are no errors, because other
//! clients send in between.

use std::collections::BTreeMap;

use super::{
    index::HistoryIndex,
    operations::{KeyId, MessageId, ParsedOp},
    polls::{LogSteps, by_process, retained_keys},
};
use crate::{compat::clojure::order_map, history::Kind};

/// The steps within one operation.
pub(super) fn steps_within_operations(index: &HistoryIndex<'_>) -> LogSteps {
    let mut steps = LogSteps::default();
    for (at, parsed) in
        index.ops.all.iter().enumerate().filter(|(_, parsed)| parsed.is_completion())
    {
        for (key, messages) in sent_by_key(index, parsed) {
            for pair in messages.windows(2) {
                steps.record(index, key, [pair[0], pair[1]], [at, at]);
            }
        }
    }
    steps
}

/// The steps from one operation of a process to its next send to the same key.
pub(super) fn steps_between_operations(index: &HistoryIndex<'_>) -> LogSteps {
    let mut steps = LogSteps::default();
    for (_, places) in by_process(index) {
        let mut last_sends: BTreeMap<KeyId, (usize, MessageId)> = BTreeMap::new();
        for at in places {
            let parsed = index.parsed(at);
            if !matches!(parsed.op.kind, Kind::Ok | Kind::Info) {
                continue;
            }
            if let Some(keys) = retained_keys(parsed) {
                last_sends.retain(|key, _| keys.contains(key));
            }
            for (key, messages) in sent_by_key(index, parsed) {
                if let Some((last, message)) = last_sends.get(&key) {
                    steps.record(index, key, [*message, messages[0]], [*last, at]);
                }
                last_sends.insert(key, (at, messages[messages.len() - 1]));
            }
        }
    }
    steps
}

/// The messages that an operation sent, by key; no list is empty.
pub(super) fn sent_by_key(
    index: &HistoryIndex<'_>,
    parsed: &ParsedOp<'_>,
) -> Vec<(KeyId, Vec<MessageId>)> {
    let mut by_key: Vec<(KeyId, Vec<MessageId>)> = Vec::new();
    for send in &parsed.sends {
        match by_key.iter_mut().find(|(key, _)| *key == send.key) {
            Some((_, messages)) => messages.push(send.message),
            None => by_key.push((send.key, vec![send.message])),
        }
    }
    order_map(&mut by_key, |(key, _)| index.ops.keys.trie_position(*key));
    by_key
}
