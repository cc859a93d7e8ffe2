//! The index of a history, which all parts of the checker use.

use super::{
    key_logs::KeyLogs,
    message_index::MessageIndex,
    operations::{KeyId, MessageId, ParsedOp, ParsedOps},
};
use crate::{
    edn::Value,
    history::{History, Op},
};

/// A history, its parsed operations, the index by message, and the log of each key.
#[derive(Debug)]
pub(crate) struct HistoryIndex<'a> {
    pub(crate) history: &'a History,
    pub(crate) ops: ParsedOps<'a>,
    pub(crate) by_message: MessageIndex,
    pub(crate) logs: KeyLogs,
}

impl<'a> HistoryIndex<'a> {
    /// Indexes a history.
    pub(super) fn of(history: &'a History) -> HistoryIndex<'a> {
        let ops = ParsedOps::of(history);
        let by_message = MessageIndex::of(&ops);
        let logs = KeyLogs::of(&ops, &by_message);
        HistoryIndex { history, ops, by_message, logs }
    }

    /// The value of a key.
    pub(crate) fn key(&self, key: KeyId) -> &'a Value {
        self.ops.keys.value(key)
    }

    /// The value of a message.
    pub(crate) fn message(&self, message: MessageId) -> &'a Value {
        self.ops.messages.value(message)
    }

    /// The parsed operation at a position.
    pub(crate) fn parsed(&self, at: usize) -> &ParsedOp<'a> {
        &self.ops.all[at]
    }

    /// The operation at a position.
    pub(crate) fn op(&self, at: usize) -> &'a Op {
        self.parsed(at).op
    }

    /// The position of the first completion that reports a message at an offset.
    pub(crate) fn first_report(
        &self,
        key: KeyId,
        offset: i64,
        message: MessageId,
    ) -> Option<usize> {
        let reports = |parsed: &ParsedOp<'_>| {
            let poll = parsed.poll_of(key);
            let is_polled = poll.is_some_and(|poll| poll.pairs.contains(&(Some(offset), message)));
            is_polled || parsed.sends_to(key, offset, message)
        };
        self.ops.all.iter().position(|parsed| parsed.is_completion() && reports(parsed))
    }
}
