//! Reads of what was not there: of messages that were not sent, or not sent yet.

use super::{acts::Message, anomaly::Error, index::Index, sends::sent_by_key};
use crate::{compat::clojure::order_set, history::Kind};

/// The polls of messages whose sends failed.
pub(super) fn aborted_reads(index: &Index<'_>) -> Vec<Error> {
    let mut aborted = Vec::new();
    let acts = index.acts.all.iter().enumerate();
    for (reader, act) in acts.filter(|(_, act)| act.op.kind == Kind::Ok) {
        for poll in &act.polls {
            let key = poll.key;
            let messages = poll.pairs.iter().map(|(_, message)| *message);
            let failed = messages.filter(|message| index.facts.failed.contains(&(key, *message)));
            aborted.extend(failed.map(|message| {
                let writer = index.facts.writer(key, message);
                Error::AbortedRead { key, message, writer, reader }
            }));
        }
    }
    aborted
}

/// The polls of what was sent in the same operation, one each.
pub(super) fn precommitted_reads(index: &Index<'_>) -> Vec<Error> {
    let both = index.acts.all.iter().enumerate();
    let both = both.filter(|(_, act)| !act.sends.is_empty() && !act.polls.is_empty());
    both.filter_map(|(op, act)| {
        sent_by_key(index, act).into_iter().find_map(|(key, mut messages)| {
            let poll = act.poll_of(key)?;
            order_set(&mut messages, |message| index.acts.messages.place(*message));
            let polled = |message: &Message| poll.pairs.iter().any(|(_, polled)| polled == message);
            let message = messages.into_iter().find(polled)?;
            Some(Error::PrecommittedRead { key, message, op })
        })
    })
    .collect()
}
