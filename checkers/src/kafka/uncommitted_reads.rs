//! Polls of uncommitted messages: of messages whose sends failed, or had not completed.

use super::{errors::LogError, index::HistoryIndex, operations::MessageId, sends::sent_by_key};
use crate::{compat::clojure::order_set, history::Kind};

/// The polls of messages whose sends failed.
pub(super) fn aborted_reads(index: &HistoryIndex<'_>) -> Vec<LogError> {
    let mut aborted = Vec::new();
    let ops = index.ops.all.iter().enumerate();
    for (reader, parsed) in ops.filter(|(_, parsed)| parsed.op.kind == Kind::Ok) {
        for poll in &parsed.polls {
            let key = poll.key;
            let messages = poll.pairs.iter().map(|(_, message)| *message);
            let failed =
                messages.filter(|message| index.by_message.failed.contains(&(key, *message)));
            aborted.extend(failed.map(|message| {
                let writer = index.by_message.writer(key, message);
                LogError::AbortedRead { key, message, writer, reader }
            }));
        }
    }
    aborted
}

/// The operations that polled a message of their own, with one such message each.
pub(super) fn precommitted_reads(index: &HistoryIndex<'_>) -> Vec<LogError> {
    let both = index.ops.all.iter().enumerate();
    let both = both.filter(|(_, parsed)| !parsed.sends.is_empty() && !parsed.polls.is_empty());
    both.filter_map(|(op, parsed)| {
        sent_by_key(index, parsed).into_iter().find_map(|(key, mut messages)| {
            let poll = parsed.poll_of(key)?;
            order_set(&mut messages, |message| index.ops.messages.trie_position(*message));
            let polled =
                |message: &MessageId| poll.pairs.iter().any(|(_, polled)| polled == message);
            let message = messages.into_iter().find(polled)?;
            Some(LogError::PrecommittedRead { key, message, op })
        })
    })
    .collect()
}
