//! Kafka-style logs: clients append messages to keys, and consume them by offset.
//!
//! A client sends messages to keys. It polls the keys assigned to it, from the offset after the
//! last message that it has seen, and commits the offsets of polled messages. Now and then it is
//! assigned other keys, or crashes, and a new client replaces it. At the end each client polls
//! every key from offset 0, until it has seen all messages known to any client, or for ten seconds.
//! Operations are drawn as in Jepsen's `tests/kafka.clj`, without transactions. Clients perform
//! them as in Maelstrom's `workload/kafka.clj`.

mod commits;
mod consumer;
mod known_offsets;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use self::commits::CommitCheck;
use self::consumer::Consumer;
use self::known_offsets::KnownOffsets;
use super::txn::{MicroOp, TxnGenerator, TxnLimits};
use super::{ClientContext, Kafka, Operations, Parameters, Workload};
use crate::client::{
    ClientReply, ClientRequest, ErrorPolicy, Operation, OperationStep, ResultSource, Schema, Shape,
    Work,
};
use crate::edn::Value;
use crate::history::{Kind, Op, Process};
use crate::random::Random;

/// One operation in this many assigns a key to a client, as in Jepsen. More assignments would leave
/// fewer polls between them.
const ASSIGN_ONE_IN: u64 = 64;

/// One assignment in this many also assigns all keys that have unpolled messages, as in Jepsen.
const CATCH_UP_ONE_IN: u64 = 3;

/// The mean time between two crashes of one client, as in Jepsen. More crashes would leave
/// consumers too little time to follow a key.
const MEAN_CRASH_INTERVAL: Duration = Duration::from_secs(30);

/// The mean time between two final polls of a client, as in Jepsen.
const MEAN_FINAL_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Maximum time of final polls, if they do not see everything, as in Jepsen. More would delay
/// the verdict on lost messages; less would take slow nodes for lossy ones.
const MAX_FINAL_POLL_TIME: Duration = Duration::from_secs(10);

impl Workload for Kafka {
    fn operations(&self, parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(KafkaOperations::new(parameters))
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("message", &["send", "txn"]))
    }
}

struct KafkaOperations {
    sends_and_polls: TxnGenerator,
    /// A micro-operation that was drawn and deferred, because an assignment came first.
    deferred: Option<MicroOp>,
    /// The mean time between two crashes among all clients.
    mean_crash_gap: Duration,
    /// The time of the next crash; `None` before the first operation.
    crash_at: Option<Duration>,
    consumers: BTreeMap<u64, Consumer>,
    known_offsets: KnownOffsets,
    commits: CommitCheck,
    /// The final polls of each thread, and the time at which all of them end.
    final_polls: BTreeMap<usize, FinalPolls>,
    final_polls_end: Option<Duration>,
}

/// The final polls of one thread, after the recovery.
struct FinalPolls {
    next: FinalStep,
    /// The highest known offset of each key, until a poll has reached it.
    targets: BTreeMap<u64, i64>,
    /// The earliest time of the next poll.
    due: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FinalStep {
    Crash,
    Assign,
    Poll,
}

impl KafkaOperations {
    fn new(parameters: &Parameters) -> KafkaOperations {
        KafkaOperations {
            sends_and_polls: TxnGenerator::new(TxnLimits {
                max_length: 1,
                ..TxnLimits::of(parameters)
            }),
            deferred: None,
            mean_crash_gap: MEAN_CRASH_INTERVAL
                / u32::try_from(parameters.clients).unwrap_or(u32::MAX).max(1),
            crash_at: None,
            consumers: BTreeMap::new(),
            known_offsets: KnownOffsets::default(),
            commits: CommitCheck::default(),
            final_polls: BTreeMap::new(),
            final_polls_end: None,
        }
    }

    /// Decides if a client crashes now. As in Jepsen, a crash that is due and any other operation
    /// are equally likely.
    fn draw_crash(&mut self, now: Duration, random: &mut Random) -> bool {
        if *self.crash_at.get_or_insert(now) > now || random.below(2) == 0 {
            return false;
        }
        self.crash_at = Some(now + random.time_below(2 * self.mean_crash_gap));
        true
    }

    /// Assigns a key, and sometimes all keys that have unpolled messages.
    fn assign(&mut self, process: u64, key: u64, random: &mut Random) -> Operation {
        let mut keys = vec![key];
        let mut extra = Vec::new();
        let unpolled = self.known_offsets.unpolled();
        if random.below(CATCH_UP_ONE_IN) == 0 && !unpolled.is_empty() {
            keys = unpolled.keys().copied().filter(|other| *other != key).chain(keys).collect();
            extra.push(("unseen".into(), self.known_offsets.to_edn()));
        }
        let keys: Vec<String> = keys.iter().map(u64::to_string).collect();
        self.commits.note_request(process, &keys);
        let body = json!({"type": "list_committed_offsets", "keys": keys});
        let request = ClientRequest::new(body, consumer::LIST_COMMITTED_REPLY, ResultSource::Sent);
        let value = keys.into_iter().map(Value::Str).collect::<Vec<_>>().into();
        Operation {
            extra,
            errors: ErrorPolicy::Harmless,
            ..Operation::ask("assign", value, request)
        }
    }

    fn poll(&self, process: u64) -> Operation {
        let offsets = self.consumers.get(&process).map(Consumer::offsets);
        let body = json!({"type": "poll", "offsets": offsets.unwrap_or_default()});
        let request = ClientRequest::new(body, consumer::POLL_REPLY, ResultSource::Sent);
        let value = vec![vec![Value::keyword("poll")].into()].into();
        Operation::ask("poll", value, request)
    }
}

fn send(key: u64, message: u64) -> Operation {
    let key = key.to_string();
    let body = json!({"type": "send", "key": key, "msg": message});
    let reply = Schema::new("send_ok", &[("offset", Shape::Integer)]);
    let request = ClientRequest::new(body, reply, ResultSource::Computed(with_offset));
    let send = vec![Value::keyword("send"), key.into(), message.into()];
    Operation::ask("send", vec![send.into()].into(), request)
}

/// The sent message with the offset in its reply.
fn with_offset(sent: &Value, reply: &ClientReply<'_>) -> Result<Value, String> {
    let offset = ResultSource::Field("offset").value(sent, reply)?;
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

/// An operation without a request, which completes at once.
fn without_request(f: &'static str, value: Value, kind: Kind) -> Operation {
    let (extra, errors) = (Vec::new(), ErrorPolicy::Classify);
    Operation { f, value, extra, work: Work::End(kind), errors }
}

impl Operations for KafkaOperations {
    fn next(&mut self, context: ClientContext, random: &mut Random) -> Operation {
        if self.draw_crash(context.now, random) {
            return without_request("crash", Value::Nil, Kind::Info);
        }
        let drawn = self.deferred.take();
        let drawn = drawn.unwrap_or_else(|| self.sends_and_polls.next(random)[0]);
        let (MicroOp::Read { key } | MicroOp::Write { key, .. }) = drawn;
        if random.below(ASSIGN_ONE_IN) == 0 {
            self.deferred = Some(drawn);
            return self.assign(context.process, key, random);
        }
        match drawn {
            MicroOp::Read { .. } => self.poll(context.process),
            MicroOp::Write { key, value } => send(key, value),
        }
    }

    fn has_final(&self) -> bool {
        true
    }

    fn next_final(&mut self, context: ClientContext, random: &mut Random) -> Option<Operation> {
        let ClientContext { now, thread, process } = context;
        self.final_polls_end.get_or_insert(now + MAX_FINAL_POLL_TIME);
        let targets = || self.known_offsets.highest().clone();
        let start = || FinalPolls { next: FinalStep::Crash, targets: targets(), due: now };
        let polls = self.final_polls.entry(thread).or_insert_with(start);
        if polls.targets.is_empty() {
            return None;
        }
        let step = polls.next;
        polls.next = if step == FinalStep::Crash { FinalStep::Assign } else { FinalStep::Poll };
        Some(match step {
            FinalStep::Crash => without_request("crash", Value::Nil, Kind::Info),
            FinalStep::Assign => {
                let keys: Vec<String> =
                    self.known_offsets.highest().keys().map(u64::to_string).collect();
                self.consumers.insert(process, Consumer::from_beginning(&keys));
                let keys: Vec<Value> = keys.into_iter().map(Value::Str).collect();
                let extra = vec![("seek-to-beginning?".into(), Value::Bool(true))];
                Operation { extra, ..without_request("assign", keys.into(), Kind::Ok) }
            }
            FinalStep::Poll => {
                polls.due = now + random.time_below(2 * MEAN_FINAL_POLL_INTERVAL);
                let extra = vec![("poll-ms".into(), Value::Int(1000))];
                Operation { extra, ..self.poll(process) }
            }
        })
    }

    fn next_final_due(&mut self, now: Duration, thread: usize) -> Option<Duration> {
        let polls = self.final_polls.get(&thread).filter(|last| !last.targets.is_empty())?;
        let due = if polls.next == FinalStep::Poll { now.max(polls.due) } else { now };
        Some(due).filter(|due| Some(*due) < self.final_polls_end)
    }

    fn interpret_reply(
        &mut self,
        process: u64,
        operation: &Operation,
        request: &ClientRequest,
        reply: &ClientReply<'_>,
    ) -> Result<OperationStep, String> {
        let consumer = self.consumers.entry(process).or_default();
        match operation.f {
            "assign" => {
                let committed = consumer.assign(&operation.value, reply)?;
                self.commits.check_reply(process, &committed);
            }
            "poll" => {
                self.commits.acknowledge(consumer.acknowledged_commit(reply).unwrap_or_default());
                return consumer.handle_poll_reply(&operation.value, reply);
            }
            _ => {}
        }
        request.result.value(&operation.value, reply).map(OperationStep::Done)
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
        let polled = self.known_offsets.note(&op.value);
        if let Some(polls) = self.final_polls.get_mut(&thread) {
            polls.targets.retain(|key, target| polled.get(key).is_none_or(|seen| seen < target));
        }
    }

    fn warning(&self) -> Option<String> {
        self.commits.warning()
    }
}
