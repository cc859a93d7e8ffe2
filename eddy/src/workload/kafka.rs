//! Logs that clients append to and follow, in the manner of Kafka.
//!
//! A client sends messages to keys, and polls the keys that it was assigned from the offsets up to
//! which it has got; what it has seen, it commits. Now and then it is assigned other keys, or
//! crashes, and another takes its place. At the end each client follows every key from its
//! beginning until it has seen all that anybody has, or for ten seconds. Operations are drawn as in
//! Jepsen's `tests/kafka.clj`, without transactions; what a client does for one is Maelstrom's
//! `workload/kafka.clj`.

mod commits;
mod consumer;
mod progress;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use self::commits::Commits;
use self::consumer::Consumer;
use self::progress::Progress;
use super::txn::{Limits, MicroOp, Transactions};
use super::{Kafka, Operations, Parameters, Turn, Workload};
use crate::client::{Answer, Errors, Operation, Outcome, Reply, Request, Schema, Shape, Work};
use crate::edn::Value;
use crate::history::{Kind, Op, Process};
use crate::random::Random;

/// One in so many operations assigns a client a key.
const ASSIGN: u64 = 64;

/// One in so many of these assigns all keys, too, of which something was sent and not polled.
const CATCH_UP: u64 = 3;

/// The mean time between two crashes of each client.
const CRASH: Duration = Duration::from_secs(30);

/// The mean time between two polls of a client after the recovery.
const POLL: Duration = Duration::from_millis(200);

/// How long clients poll after the recovery, if they do not see everything.
const LAST_POLLS: Duration = Duration::from_secs(10);

impl Workload for Kafka {
    fn operations(&self, parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(Logs::new(parameters))
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("message", &["send", "txn"]))
    }
}

struct Logs {
    sends_and_polls: Transactions,
    /// One that was drawn and not used.
    drawn: Option<MicroOp>,
    /// The mean time between two crashes of any client.
    crash_gap: Duration,
    /// When the next client crashes, once the first operation has begun.
    crash_at: Option<Duration>,
    consumers: BTreeMap<u64, Consumer>,
    progress: Progress,
    commits: Commits,
    /// What each thread does after the recovery, and until when any does.
    last: BTreeMap<usize, Last>,
    last_until: Option<Duration>,
}

/// A thread after the recovery.
struct Last {
    next: Step,
    /// The keys of which it has something to see, and up to which offset.
    targets: BTreeMap<u64, i64>,
    /// When the next poll is due, at the earliest.
    due: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Crash,
    Assign,
    Poll,
}

impl Logs {
    fn new(parameters: &Parameters) -> Logs {
        Logs {
            sends_and_polls: Transactions::new(Limits { length: 1, ..Limits::of(parameters) }),
            drawn: None,
            crash_gap: CRASH / u32::try_from(parameters.clients).unwrap_or(u32::MAX).max(1),
            crash_at: None,
            consumers: BTreeMap::new(),
            progress: Progress::default(),
            commits: Commits::default(),
            last: BTreeMap::new(),
            last_until: None,
        }
    }

    /// Whether a client crashes now. Jepsen tosses a coin between a crash that is due and any other
    /// operation.
    fn crashes(&mut self, now: Duration, random: &mut Random) -> bool {
        if *self.crash_at.get_or_insert(now) > now || random.below(2) == 0 {
            return false;
        }
        self.crash_at = Some(now + random.time_below(2 * self.crash_gap));
        true
    }

    /// Assigns a key, and perhaps those that somebody should catch up with.
    fn assign(&mut self, process: u64, key: u64, random: &mut Random) -> Operation {
        let mut keys = vec![key];
        let mut extra = Vec::new();
        let behind = self.progress.behind();
        if random.below(CATCH_UP) == 0 && !behind.is_empty() {
            keys = behind.keys().copied().filter(|other| *other != key).chain(keys).collect();
            extra.push(("unseen".into(), self.progress.to_edn()));
        }
        let keys: Vec<String> = keys.iter().map(u64::to_string).collect();
        self.commits.ask(process, &keys);
        let body = json!({"type": "list_committed_offsets", "keys": keys});
        let request = Request::new(body, consumer::COMMITTED, Outcome::Sent);
        let value = keys.into_iter().map(Value::Str).collect::<Vec<_>>().into();
        Operation { extra, errors: Errors::Harmless, ..Operation::ask("assign", value, request) }
    }

    fn poll(&self, process: u64) -> Operation {
        let offsets = self.consumers.get(&process).map(Consumer::offsets);
        let body = json!({"type": "poll", "offsets": offsets.unwrap_or_default()});
        let request = Request::new(body, consumer::POLLED, Outcome::Sent);
        let value = vec![vec![Value::keyword("poll")].into()].into();
        Operation::ask("poll", value, request)
    }
}

fn send(key: u64, message: u64) -> Operation {
    let key = key.to_string();
    let body = json!({"type": "send", "key": key, "msg": message});
    let reply = Schema::new("send_ok", &[("offset", Shape::Integer)]);
    let request = Request::new(body, reply, Outcome::Made(with_offset));
    let send = vec![Value::keyword("send"), key.into(), message.into()];
    Operation::ask("send", vec![send.into()].into(), request)
}

/// What was sent, and at which offset it is.
fn with_offset(sent: &Value, reply: &Reply<'_>) -> Result<Value, String> {
    let offset = Outcome::Field("offset").of(sent, reply)?;
    let micro_ops = sent.as_sequence().unwrap_or_default().iter();
    let micro_ops = micro_ops.map(|micro_op| match micro_op.as_sequence() {
        Some([f, key, message]) => {
            let placed = vec![offset.clone(), message.clone()].into();
            Value::Vector(vec![f.clone(), key.clone(), placed])
        }
        _ => micro_op.clone(),
    });
    Ok(Value::Vector(micro_ops.collect()))
}

/// A client that asks nobody.
fn end(f: &'static str, value: Value, kind: Kind) -> Operation {
    let (extra, errors) = (Vec::new(), Errors::Tell);
    Operation { f, value, extra, work: Work::End(kind), errors }
}

impl Operations for Logs {
    fn next(&mut self, turn: Turn, random: &mut Random) -> Operation {
        if self.crashes(turn.now, random) {
            return end("crash", Value::Nil, Kind::Info);
        }
        let drawn = self.drawn.take();
        let drawn = drawn.unwrap_or_else(|| self.sends_and_polls.next(random)[0]);
        let (MicroOp::Read { key } | MicroOp::Write { key, .. }) = drawn;
        if random.below(ASSIGN) == 0 {
            self.drawn = Some(drawn);
            return self.assign(turn.process, key, random);
        }
        match drawn {
            MicroOp::Read { .. } => self.poll(turn.process),
            MicroOp::Write { key, value } => send(key, value),
        }
    }

    fn has_last(&self) -> bool {
        true
    }

    fn last(&mut self, turn: Turn, random: &mut Random) -> Option<Operation> {
        let Turn { now, thread, process } = turn;
        self.last_until.get_or_insert(now + LAST_POLLS);
        let targets = || self.progress.highest().clone();
        let start = || Last { next: Step::Crash, targets: targets(), due: now };
        let last = self.last.entry(thread).or_insert_with(start);
        if last.targets.is_empty() {
            return None;
        }
        let step = last.next;
        last.next = if step == Step::Crash { Step::Assign } else { Step::Poll };
        Some(match step {
            Step::Crash => end("crash", Value::Nil, Kind::Info),
            Step::Assign => {
                let keys: Vec<String> =
                    self.progress.highest().keys().map(u64::to_string).collect();
                self.consumers.insert(process, Consumer::at_the_beginning_of(&keys));
                let keys: Vec<Value> = keys.into_iter().map(Value::Str).collect();
                let extra = vec![("seek-to-beginning?".into(), Value::Bool(true))];
                Operation { extra, ..end("assign", keys.into(), Kind::Ok) }
            }
            Step::Poll => {
                last.due = now + random.time_below(2 * POLL);
                let extra = vec![("poll-ms".into(), Value::Int(1000))];
                Operation { extra, ..self.poll(process) }
            }
        })
    }

    fn again(&mut self, now: Duration, thread: usize) -> Option<Duration> {
        let last = self.last.get(&thread).filter(|last| !last.targets.is_empty())?;
        let due = if last.next == Step::Poll { now.max(last.due) } else { now };
        Some(due).filter(|due| Some(*due) < self.last_until)
    }

    fn answered(
        &mut self,
        process: u64,
        operation: &Operation,
        request: &Request,
        reply: &Reply<'_>,
    ) -> Result<Answer, String> {
        let consumer = self.consumers.entry(process).or_default();
        match operation.f {
            "assign" => {
                let committed = consumer.assign(&operation.value, reply)?;
                self.commits.hear(process, &committed);
            }
            "poll" => {
                self.commits.acknowledge(consumer.committed(reply).unwrap_or_default());
                return consumer.polled(&operation.value, reply);
            }
            _ => {}
        }
        request.result.of(&operation.value, reply).map(Answer::Done)
    }

    fn completed(&mut self, thread: usize, op: &Op) {
        if let Process::Client(process) = op.process
            && op.kind == Kind::Info
        {
            self.consumers.remove(&process);
        }
        if op.kind != Kind::Ok {
            return;
        }
        let polled = self.progress.note(&op.value);
        if let Some(last) = self.last.get_mut(&thread) {
            last.targets.retain(|key, target| polled.get(key).is_none_or(|seen| seen < target));
        }
    }

    fn warning(&self) -> Option<String> {
        self.commits.warning()
    }
}
