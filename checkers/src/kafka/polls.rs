//! Polls that skip messages or go back, within one operation and from one to the next.
//!
//! A consumer reads a log from an offset on. So each message that it polls should be the next one
//! in the log. Upstream compares the last message of a key in one poll with the first in the next
//! one of the same process, until an `assign` leaves the key out. It forgets what came before a
//! poll that returned the key with an empty list; what it overlooks for that is a warning.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    acts::{Act, Key, Message, Poll},
    index::Index,
    version_orders::Delta,
};
use crate::{
    compat::clojure::{Place, order_map},
    edn::Value,
    history::{Kind, Process},
};

/// A step from one message to another that is not the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) key: Key,
    pub(crate) from: Message,
    pub(crate) to: Message,
    pub(crate) delta: Delta,
    /// The operations of the one and of the other, which may be the same.
    pub(crate) ops: [usize; 2],
}

/// The steps that skip messages, and those that go back or nowhere.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) skips: Vec<Step>,
    pub(super) backwards: Vec<Step>,
}

impl Steps {
    /// Notes a step, unless it leads to the next message.
    pub(super) fn note(
        &mut self,
        index: &Index<'_>,
        key: Key,
        [from, to]: [Message; 2],
        ops: [usize; 2],
    ) {
        let delta = index.orders.log(key).delta(from, to);
        let steps = match delta.steps() {
            1 => return,
            2.. => &mut self.skips,
            ..1 => &mut self.backwards,
        };
        steps.push(Step { key, from, to, delta, ops });
    }
}

/// The steps within one operation.
pub(super) fn within(index: &Index<'_>) -> Steps {
    let mut steps = Steps::default();
    for (at, act) in index.acts.all.iter().enumerate() {
        for Poll { key, pairs } in &act.polls {
            for pair in pairs.windows(2) {
                steps.note(index, *key, [pair[0].1, pair[1].1], [at, at]);
            }
        }
    }
    steps
}

/// The steps from one operation of a process to another: those that upstream sees, and those that
/// it overlooks.
pub(super) fn between(index: &Index<'_>) -> (Steps, Steps) {
    let (mut seen, mut overlooked) = (Steps::default(), Steps::default());
    for (_, places) in by_process(index) {
        let mut last_polls = LastPolls::default();
        for at in places {
            let act = index.act(at);
            last_polls.assign(act);
            for poll in &act.polls {
                let first = poll.pairs.first();
                if let Some(((last, message), (_, first))) =
                    last_polls.seen.get(&poll.key).zip(first)
                {
                    if let Some(message) = message {
                        seen.note(index, poll.key, [*message, *first], [*last, at]);
                    } else if let Some((last, message)) = last_polls.not_empty.get(&poll.key) {
                        overlooked.note(index, poll.key, [*message, *first], [*last, at]);
                    }
                }
                if act.op.kind == Kind::Ok {
                    last_polls.note(at, poll);
                }
            }
        }
    }
    (seen, overlooked)
}

/// The last message that a process polled of each key, and when.
#[derive(Debug, Default)]
struct LastPolls {
    /// As upstream remembers it.
    seen: BTreeMap<Key, (usize, Option<Message>)>,
    /// Without polls that returned nothing.
    not_empty: BTreeMap<Key, (usize, Message)>,
}

impl LastPolls {
    fn note(&mut self, at: usize, poll: &Poll) {
        let last = poll.pairs.last().map(|(_, message)| *message);
        self.seen.insert(poll.key, (at, last));
        if let Some(message) = last {
            self.not_empty.insert(poll.key, (at, message));
        }
    }

    fn assign(&mut self, act: &Act<'_>) {
        if let Some(keys) = keys_left(act) {
            self.seen.retain(|key, _| keys.contains(key));
            self.not_empty.retain(|key, _| keys.contains(key));
        }
    }
}

/// The keys that an `assign` leaves to a process, sorted; it forgets all others.
pub(super) fn keys_left(act: &Act<'_>) -> Option<BTreeSet<Key>> {
    let assigned = matches!(act.op.kind, Kind::Ok | Kind::Info).then_some(act.assigned.as_ref());
    Some(assigned??.iter().copied().collect())
}

/// The places of each process's operations, in the order in which upstream goes through processes.
pub(super) fn by_process(index: &Index<'_>) -> Vec<(Process, Vec<usize>)> {
    let mut processes: Vec<(Process, Vec<usize>)> = Vec::new();
    let mut numbers = BTreeMap::new();
    for (at, act) in index.acts.all.iter().enumerate() {
        let number = *numbers.entry(act.op.process).or_insert(processes.len());
        if number == processes.len() {
            processes.push((act.op.process, Vec::new()));
        }
        processes[number].1.push(at);
    }
    order_map(&mut processes, |(process, _)| Place::of(&Value::from(*process)));
    processes
}
