//! Polls that skip messages or go back, within one operation and from one operation to the next.
//!
//! A consumer reads a log from an offset on, so each message that it polls should be the next one
//! in the log. Upstream compares the last message of a key in one poll with the first message in
//! the next poll by the same process, until an `assign` or `subscribe` omits the key. A poll that
//! returns an empty list for the key makes upstream forget the message before. The errors that it
//! misses because of that are warnings here.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    index::HistoryIndex,
    key_logs::Delta,
    operations::{KeyId, KeyPoll, MessageId, ParsedOp},
};
use crate::{
    compat::clojure::{TriePosition, order_map},
    edn::Value,
    history::{Kind, Process},
};

/// A step from one message to another that is not the next in the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogStep {
    pub(crate) key: KeyId,
    pub(crate) from: MessageId,
    pub(crate) to: MessageId,
    pub(crate) delta: Delta,
    /// The operations of the first and of the second message, which may be the same.
    pub(crate) ops: [usize; 2],
}

/// The steps that skip messages, and those that go back or repeat a message.
#[derive(Debug, Default)]
pub(super) struct LogSteps {
    pub(super) skips: Vec<LogStep>,
    pub(super) backwards: Vec<LogStep>,
}

impl LogSteps {
    /// Records a step, unless it leads to the next message.
    pub(super) fn record(
        &mut self,
        index: &HistoryIndex<'_>,
        key: KeyId,
        [from, to]: [MessageId; 2],
        ops: [usize; 2],
    ) {
        let delta = index.logs.get(key).delta(from, to);
        let steps = match delta.steps() {
            1 => return,
            2.. => &mut self.skips,
            ..1 => &mut self.backwards,
        };
        steps.push(LogStep { key, from, to, delta, ops });
    }
}

/// The steps within one operation.
pub(super) fn steps_within_operations(index: &HistoryIndex<'_>) -> LogSteps {
    let mut steps = LogSteps::default();
    for (at, parsed) in index.ops.all.iter().enumerate() {
        for KeyPoll { key, pairs } in &parsed.polls {
            for pair in pairs.windows(2) {
                steps.record(index, *key, [pair[0].1, pair[1].1], [at, at]);
            }
        }
    }
    steps
}

/// The steps from one operation of a process to the next: those that upstream finds, and those that
/// it overlooks.
pub(super) fn steps_between_operations(index: &HistoryIndex<'_>) -> (LogSteps, LogSteps) {
    let (mut seen, mut overlooked) = (LogSteps::default(), LogSteps::default());
    for (_, places) in by_process(index) {
        let mut last_polls = LastPolls::default();
        for at in places {
            let parsed = index.parsed(at);
            last_polls.assign(parsed);
            for poll in &parsed.polls {
                let first = poll.pairs.first();
                if let Some(((last, message), (_, first))) =
                    last_polls.upstream.get(&poll.key).zip(first)
                {
                    if let Some(message) = message {
                        seen.record(index, poll.key, [*message, *first], [*last, at]);
                    } else if let Some((last, message)) = last_polls.nonempty.get(&poll.key) {
                        overlooked.record(index, poll.key, [*message, *first], [*last, at]);
                    }
                }
                if parsed.op.kind == Kind::Ok {
                    last_polls.record(at, poll);
                }
            }
        }
    }
    (seen, overlooked)
}

/// The last message that a process polled of each key, with the operation.
#[derive(Debug, Default)]
struct LastPolls {
    /// Upstream's view: `None` after an empty poll.
    upstream: BTreeMap<KeyId, (usize, Option<MessageId>)>,
    /// The same without empty polls.
    nonempty: BTreeMap<KeyId, (usize, MessageId)>,
}

impl LastPolls {
    fn record(&mut self, at: usize, poll: &KeyPoll) {
        let last = poll.pairs.last().map(|(_, message)| *message);
        self.upstream.insert(poll.key, (at, last));
        if let Some(message) = last {
            self.nonempty.insert(poll.key, (at, message));
        }
    }

    fn assign(&mut self, parsed: &ParsedOp<'_>) {
        if let Some(keys) = retained_keys(parsed) {
            self.upstream.retain(|key, _| keys.contains(key));
            self.nonempty.retain(|key, _| keys.contains(key));
        }
    }
}

/// The keys that an `assign` or `subscribe` leaves to a process; `None` if the operation is
/// neither. A process forgets its position in all other keys.
pub(super) fn retained_keys(parsed: &ParsedOp<'_>) -> Option<BTreeSet<KeyId>> {
    let assigned =
        matches!(parsed.op.kind, Kind::Ok | Kind::Info).then_some(parsed.assigned.as_ref());
    Some(assigned??.iter().copied().collect())
}

/// The positions of each process's operations, in the order in which upstream iterates over
/// processes.
pub(super) fn by_process(index: &HistoryIndex<'_>) -> Vec<(Process, Vec<usize>)> {
    let mut processes: Vec<(Process, Vec<usize>)> = Vec::new();
    let mut numbers = BTreeMap::new();
    for (at, parsed) in index.ops.all.iter().enumerate() {
        let number = *numbers.entry(parsed.op.process).or_insert(processes.len());
        if number == processes.len() {
            processes.push((parsed.op.process, Vec::new()));
        }
        processes[number].1.push(at);
    }
    order_map(&mut processes, |(process, _)| TriePosition::of(&Value::from(*process)));
    processes
}
