//! Sends of one process that the log has in another order.
//!
//! A client sends a message after it was told where the one before it stands, and a log only grows
//! at its end. Skips are no errors: others send in between.

use std::collections::BTreeMap;

use super::{
    acts::{Act, Key, Message},
    index::Index,
    polls::{Steps, by_process, keys_left},
};
use crate::{compat::clojure::order_map, history::Kind};

/// The steps within one operation.
pub(super) fn within(index: &Index<'_>) -> Steps {
    let mut steps = Steps::default();
    for (at, act) in index.acts.all.iter().enumerate().filter(|(_, act)| act.is_completion()) {
        for (key, messages) in sent_by_key(index, act) {
            for pair in messages.windows(2) {
                steps.note(index, key, [pair[0], pair[1]], [at, at]);
            }
        }
    }
    steps
}

/// The steps from one operation of a process to the next to the same key.
pub(super) fn between(index: &Index<'_>) -> Steps {
    let mut steps = Steps::default();
    for (_, places) in by_process(index) {
        let mut last_sends: BTreeMap<Key, (usize, Message)> = BTreeMap::new();
        for at in places {
            let act = index.act(at);
            if !matches!(act.op.kind, Kind::Ok | Kind::Info) {
                continue;
            }
            if let Some(keys) = keys_left(act) {
                last_sends.retain(|key, _| keys.contains(key));
            }
            for (key, messages) in sent_by_key(index, act) {
                if let Some((last, message)) = last_sends.get(&key) {
                    steps.note(index, key, [*message, messages[0]], [*last, at]);
                }
                last_sends.insert(key, (at, messages[messages.len() - 1]));
            }
        }
    }
    steps
}

/// What an operation sent, by key; no list is empty.
pub(super) fn sent_by_key(index: &Index<'_>, act: &Act<'_>) -> Vec<(Key, Vec<Message>)> {
    let mut by_key: Vec<(Key, Vec<Message>)> = Vec::new();
    for send in &act.sends {
        match by_key.iter_mut().find(|(key, _)| *key == send.key) {
            Some((_, messages)) => messages.push(send.message),
            None => by_key.push((send.key, vec![send.message])),
        }
    }
    order_map(&mut by_key, |(key, _)| index.acts.keys.place(*key));
    by_key
}
