//! Polls that skip messages or go back, within one operation and from one to the next.
//!
//! A consumer reads a log from an offset on. So each message that it polls should be the next one
//! in the log. Upstream compares the last message of a key in one poll with the first in the next
//! one of the same process, until an `assign` leaves the key out. It forgets what came before a
//! poll that returned the key with an empty list; what it overlooks for that is a warning.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    acts::{Act, Key, Message, Poll},
    anomaly::{Case, Told, when, who},
    clojure::{Place, order_map},
    contradictions::Evidence,
    version_orders::{Delta, Slot},
};
use crate::{
    edn::{Map, Value},
    history::{Kind, Process},
};

/// A step from one message to another that is not the next.
#[derive(Debug)]
pub(super) struct Step {
    key: Key,
    from: Message,
    to: Message,
    delta: Delta,
    /// The polls of the one and of the other, which may be the same.
    ops: [usize; 2],
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
        told: &Told<'_>,
        key: Key,
        [from, to]: [Message; 2],
        ops: [usize; 2],
    ) {
        let delta = told.orders.log(key).delta(from, to);
        let steps = match delta.steps() {
            1 => return,
            2.. => &mut self.skips,
            ..1 => &mut self.backwards,
        };
        steps.push(Step { key, from, to, delta, ops });
    }
}

/// The steps within one operation.
pub(super) fn within(told: &Told<'_>) -> Steps {
    let mut steps = Steps::default();
    for (at, act) in told.acts.all.iter().enumerate() {
        for Poll { key, pairs } in &act.polls {
            for pair in pairs.windows(2) {
                steps.note(told, *key, [pair[0].1, pair[1].1], [at, at]);
            }
        }
    }
    steps
}

/// The steps from one operation of a process to another: those that upstream sees, and those that
/// it overlooks.
pub(super) fn between(told: &Told<'_>) -> (Steps, Steps) {
    let (mut seen, mut overlooked) = (Steps::default(), Steps::default());
    for (_, places) in by_process(told) {
        let mut last_polls = LastPolls::default();
        for at in places {
            let act = told.act(at);
            last_polls.assign(act);
            for poll in &act.polls {
                let first = poll.pairs.first();
                if let Some(((last, message), (_, first))) =
                    last_polls.seen.get(&poll.key).zip(first)
                {
                    if let Some(message) = message {
                        seen.note(told, poll.key, [*message, *first], [*last, at]);
                    } else if let Some((last, message)) = last_polls.not_empty.get(&poll.key) {
                        overlooked.note(told, poll.key, [*message, *first], [*last, at]);
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
pub(super) fn by_process(told: &Told<'_>) -> Vec<(Process, Vec<usize>)> {
    let mut processes: Vec<(Process, Vec<usize>)> = Vec::new();
    let mut numbers = BTreeMap::new();
    for (at, act) in told.acts.all.iter().enumerate() {
        let number = *numbers.entry(act.op.process).or_insert(processes.len());
        if number == processes.len() {
            processes.push((act.op.process, Vec::new()));
        }
        processes[number].1.push(at);
    }
    order_map(&mut processes, |(process, _)| Place::of(&Value::from(*process)));
    processes
}

impl Step {
    /// The operations in words: `process 4 polled 7 at offset 6 (index 120, 4.523 s), and next 9 at
    /// offset 8 (index 131, 4.530 s)`.
    fn told(&self, told: &Told<'_>, verb: &str) -> String {
        let [first, second] = self.ops.map(|at| told.act(at).op);
        let [from, to] = [self.from, self.to].map(|message| told.at_offset(self.key, message));
        let (key, who, first_when, second_when) =
            (told.key(self.key).json(), who(first), when(first), when(second));
        if self.ops[0] == self.ops[1] {
            format!("key {key}: {who} {verb} {from} and then {to} in one operation ({first_when})")
        } else {
            format!("key {key}: {who} {verb} {from} ({first_when}), and next {to} ({second_when})")
        }
    }

    fn skipped<'a>(&self, told: &Told<'a>) -> &'a [Slot] {
        told.orders.log(self.key).skipped(self.delta)
    }

    fn values(&self, told: &Told<'_>) -> Value {
        vec![told.message(self.from).clone(), told.message(self.to).clone()].into()
    }
}

impl Case for Step {
    fn to_edn(&self, told: &Told<'_>) -> Value {
        let delta = self.delta.steps();
        let skips = delta > 1;
        let mut map = Map::new().with("key", told.key(self.key).clone());
        let within = self.ops[0] == self.ops[1];
        if within || !skips {
            map = map.with("values", self.values(told));
        }
        map = map.with("delta", delta);
        if skips {
            map = map.with("skipped", told.firsts(self.skipped(told)));
        }
        if within {
            map.with("op", told.quoted(self.ops[0])).into()
        } else {
            map.with("ops", self.ops.map(|at| told.quoted(at)).to_vec()).into()
        }
    }

    fn sentence(&self, told: &Told<'_>) -> String {
        let polled = told.act(self.ops[1]).sends.is_empty();
        let step = self.told(told, if polled { "polled" } else { "sent" });
        match self.skipped(told) {
            [] if polled && self.from == self.to => {
                format!("{step}: the same message again, though nothing rewound it")
            }
            [] if polled => format!("{step}: back in the log, though nothing rewound it"),
            [] => format!("{step}: what is sent later belongs to a later offset"),
            skipped => {
                let left_out = told.left_out(self.key, skipped, told.act(self.ops[1]).op);
                format!("{step}, but not {left_out}")
            }
        }
    }

    /// Both operations, and the send of the first message left out, or of the one that goes back.
    fn evidence(&self, told: &Told<'_>) -> Evidence {
        let left_out = self.skipped(told).first().map(|slot| slot.messages[0]);
        Evidence::of(told, (self.key, left_out.unwrap_or(self.to)), self.ops)
    }

    fn shown_at(&self) -> usize {
        self.ops[1]
    }

    fn measure(&self) -> i64 {
        self.delta.steps()
    }
}
