//! The errors that the checker finds, as data.

use super::{
    operations::{KeyId, MessageId},
    polls::LogStep,
};

/// The errors of one type in a history.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorsOfType {
    /// The type of the errors.
    pub error_type: ErrorType,
    /// At least one error, in upstream's order.
    pub(crate) errors: Vec<LogError>,
}

/// Types of errors, ordered by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// A poll returned a message whose send failed (aborted read).
    G1a,
    /// A poll of a message completed before the send of it was invoked.
    G1cRealtime,
    /// A message is at several offsets.
    Duplicate,
    /// The dependency graph of upstream has no edges.
    EmptyTransactionGraph,
    /// Different messages are at one offset.
    InconsistentOffsets,
    /// A poll goes back in the log within one operation.
    IntNonmonotonicPoll,
    /// The log has the messages of one operation in another order.
    IntNonmonotonicSend,
    /// A poll skips messages within one operation.
    IntPollSkip,
    /// The log has other messages between those of one operation.
    IntSendSkip,
    /// Nobody polled an acknowledged message, though somebody polled a greater offset.
    LostWrite,
    /// A poll goes back in the log since the process's previous poll.
    NonmonotonicPoll,
    /// A later send of a process got an earlier place in the log.
    NonmonotonicSend,
    /// A poll skips messages since the process's previous poll.
    PollSkip,
    /// An operation polled a message that it sent itself.
    PrecommittedRead,
    /// The dependency graph has a cycle.
    StrongPl2CycleExists,
    /// Nobody polled an acknowledged message; [`Unseen`](super::Unseen) has these.
    Unseen,
}

/// An error. Operations are given by their positions in `ParsedOps::all`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LogError {
    /// An offset with different messages, given by its slot in the log.
    InconsistentOffset { key: KeyId, slot: usize },
    /// A message at several offsets.
    Duplicate { key: KeyId, message: MessageId, offsets: Vec<i64> },
    /// Two messages polled in succession that are not adjacent in the log.
    PollStep(LogStep),
    /// Two messages sent in succession that are not adjacent in the log.
    SendStep(LogStep),
    /// An acknowledged message that nobody polled, though somebody polled a greater offset.
    LostWrite {
        key: KeyId,
        message: MessageId,
        /// The first slot of the message in the log.
        slot: usize,
        /// The greatest slot of the log that was polled.
        bound: usize,
        writer: usize,
        /// The poll that reached `bound`.
        reader: Option<usize>,
    },
    /// A poll of a message whose send failed (Adya's G1a).
    AbortedRead { key: KeyId, message: MessageId, writer: Option<usize>, reader: usize },
    /// An operation that polled a message that it sent itself.
    PrecommittedRead { key: KeyId, message: MessageId, op: usize },
    /// A poll that completed before the send of its message was invoked.
    PrematureRead { key: KeyId, message: MessageId, writer: usize, reader: usize },
    /// A strongly connected component of two or more operations, by their indices in the history,
    /// sorted.
    Component { indices: Vec<usize> },
    /// The dependency graph has no edges.
    EmptyGraph,
}

impl ErrorsOfType {
    /// The number of errors.
    pub fn count(&self) -> usize {
        self.errors.len()
    }

    /// The errors in the order in which they appeared.
    pub(crate) fn chronological(&self) -> Vec<&LogError> {
        let mut errors: Vec<&LogError> = self.errors.iter().collect();
        errors.sort_by_key(|error| error.shown_at());
        errors
    }
}

impl ErrorType {
    /// The name upstream.
    pub fn name(self) -> &'static str {
        match self {
            ErrorType::G1a => "G1a",
            ErrorType::G1cRealtime => "G1c-realtime",
            ErrorType::Duplicate => "duplicate",
            ErrorType::EmptyTransactionGraph => "empty-transaction-graph",
            ErrorType::InconsistentOffsets => "inconsistent-offsets",
            ErrorType::IntNonmonotonicPoll => "int-nonmonotonic-poll",
            ErrorType::IntNonmonotonicSend => "int-nonmonotonic-send",
            ErrorType::IntPollSkip => "int-poll-skip",
            ErrorType::IntSendSkip => "int-send-skip",
            ErrorType::LostWrite => "lost-write",
            ErrorType::NonmonotonicPoll => "nonmonotonic-poll",
            ErrorType::NonmonotonicSend => "nonmonotonic-send",
            ErrorType::PollSkip => "poll-skip",
            ErrorType::PrecommittedRead => "precommitted-read",
            ErrorType::StrongPl2CycleExists => "strong-PL-2-cycle-exists",
            ErrorType::Unseen => "unseen",
        }
    }

    /// True if such errors make a history invalid. Upstream allows other messages between those of
    /// one operation.
    pub fn is_bad(self) -> bool {
        self != ErrorType::IntSendSkip
    }
}

impl LogError {
    /// A sort key: the position of the operation that shows the error; for an inconsistent offset,
    /// its slot in the log.
    fn shown_at(&self) -> usize {
        match *self {
            LogError::Duplicate { .. } | LogError::EmptyGraph => 0,
            LogError::InconsistentOffset { slot: index, .. } => index,
            LogError::PollStep(LogStep { ops: [_, at], .. })
            | LogError::SendStep(LogStep { ops: [_, at], .. })
            | LogError::LostWrite { writer: at, .. }
            | LogError::AbortedRead { reader: at, .. }
            | LogError::PrecommittedRead { op: at, .. }
            | LogError::PrematureRead { reader: at, .. } => at,
            LogError::Component { ref indices } => indices[0],
        }
    }
}
