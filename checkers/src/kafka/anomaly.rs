//! Errors as data: what contradicts the claim that keys are logs.

use super::{
    acts::{Key, Message},
    polls::Step,
};

/// All errors of one type in a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// Their type.
    pub error_type: ErrorType,
    /// At least one, in the order in which upstream sorts them.
    pub(crate) errors: Vec<Error>,
}

/// Types of errors, in the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// A message was polled although sending it failed.
    G1a,
    /// A message was polled before it was sent.
    G1cRealtime,
    /// One message stands at several offsets.
    Duplicate,
    /// Upstream found nothing that it could compare.
    EmptyTransactionGraph,
    /// Different messages stand at one offset.
    InconsistentOffsets,
    /// A poll goes back within one operation.
    IntNonmonotonicPoll,
    /// Sends of one operation stand in another order.
    IntNonmonotonicSend,
    /// A poll leaves out messages within one operation.
    IntPollSkip,
    /// Other messages stand between the sends of one operation.
    IntSendSkip,
    /// A message is left out below offsets that were polled.
    LostWrite,
    /// A poll begins before the message after the last one.
    NonmonotonicPoll,
    /// A later send of a process stands earlier.
    NonmonotonicSend,
    /// A poll begins beyond the message after the last one.
    PollSkip,
    /// An operation polled what it sent itself.
    PrecommittedRead,
    /// Operations come before themselves.
    StrongPl2CycleExists,
    /// An acknowledged message is polled by nobody; [`Unseen`](super::Unseen) has these.
    Unseen,
}

/// One error. Keys and messages are named by their numbers, operations by their places in
/// [`Acts::all`](super::acts::Acts::all).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Error {
    /// An offset, by its index in the log, of which different messages were told.
    InconsistentOffset { key: Key, index: usize },
    /// A message that was told to stand at several offsets.
    Duplicate { key: Key, message: Message, offsets: Vec<i64> },
    /// Messages polled one after the other of which the second is not the next in the log.
    PollStep(Step),
    /// The same of messages that were sent.
    SendStep(Step),
    /// An acknowledged message that nobody polled.
    LostWrite {
        key: Key,
        message: Message,
        /// The first index where it is told to stand.
        index: usize,
        /// The greatest index that was polled.
        bound: usize,
        writer: usize,
        /// The poll that came that far.
        reader: Option<usize>,
    },
    /// A poll of a message whose send failed: Adya's G1a.
    AbortedRead { key: Key, message: Message, writer: Option<usize>, reader: usize },
    /// An operation that polled what it sent itself.
    PrecommittedRead { key: Key, message: Message, op: usize },
    /// A poll that ended before the send of its message began.
    PrematureRead { key: Key, message: Message, writer: usize, reader: usize },
    /// Operations of which each comes before each other one: two or more, by their indices in the
    /// history, sorted.
    Component { indices: Vec<usize> },
    /// No two operations are related at all.
    NothingRelated,
}

impl Anomaly {
    /// The number of errors.
    pub fn count(&self) -> usize {
        self.errors.len()
    }

    /// The errors in the order in which they showed.
    pub(crate) fn in_turn(&self) -> Vec<&Error> {
        let mut errors: Vec<&Error> = self.errors.iter().collect();
        errors.sort_by_key(|error| error.shown_at());
        errors
    }
}

impl ErrorType {
    /// Upstream's name.
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

    /// True if it makes a history invalid. Upstream lets a log interleave what one client sends.
    pub fn is_bad(self) -> bool {
        self != ErrorType::IntSendSkip
    }
}

impl Error {
    /// The place of the operation that showed it; of an offset, where it is in its log.
    fn shown_at(&self) -> usize {
        match *self {
            Error::Duplicate { .. } | Error::NothingRelated => 0,
            Error::InconsistentOffset { index, .. } => index,
            Error::PollStep(Step { ops: [_, at], .. })
            | Error::SendStep(Step { ops: [_, at], .. })
            | Error::LostWrite { writer: at, .. }
            | Error::AbortedRead { reader: at, .. }
            | Error::PrecommittedRead { op: at, .. }
            | Error::PrematureRead { reader: at, .. } => at,
            Error::Component { ref indices } => indices[0],
        }
    }
}
