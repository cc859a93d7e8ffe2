//! What clients ask for, what they expect to hear, and how the outcome is judged.

mod broadcast;
mod counter;
mod echo;
mod g_set;
mod kafka;
mod lin_kv;
mod txn;
mod unique_ids;

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::ops::Range;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use serde_json::json;

use crate::checker::elle::ConsistencyModel;
use crate::checker::quantiles::Quantiles;
use crate::checker::repair::Repair;
use crate::checker::set_full::SetFull;
use crate::checker::{Placement, Validity};
use crate::client::TIMEOUT;
use crate::edn::Value;
use crate::history::{History, Kind, Op};
use crate::name;
use crate::random::Random;
use crate::schema::{Reply, Schema};
use crate::test::Test;

/// A kind of test, as `--workload` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Workload {
    /// Values that every node must come to know.
    Broadcast,
    /// Messages that come back as they were.
    Echo,
    /// A number that clients add to.
    GCounter,
    /// A set that clients add to.
    GSet,
    /// Logs that clients append to, and follow.
    Kafka,
    /// Registers that are as good as one copy on one machine.
    LinKv,
    /// A number that clients add to and subtract from.
    PnCounter,
    /// Transactions over lists that clients append to.
    TxnListAppend,
    /// Transactions over registers.
    TxnRwRegister,
    /// Ids that nobody else has.
    UniqueIds,
}

/// One operation: what the history says of it, and what travels.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// What is done, as the history has it.
    pub(crate) f: &'static str,
    /// With what.
    pub(crate) value: Value,
    /// What else the history says of it.
    pub(crate) extra: Vec<(Cow<'static, str>, Value)>,
    pub(crate) work: Work,
    pub(crate) errors: Errors,
}

/// What a client does for an operation.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// It asks its node.
    Ask(Request),
    /// It asks nobody, and the operation has ended so.
    End(Kind),
}

/// A question to a node.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The body, but for its `msg_id`.
    pub(crate) body: Rc<serde_json::Value>,
    /// The reply that it must get.
    pub(crate) reply: Schema,
    /// What the history keeps of the reply.
    pub(crate) result: Outcome,
}

/// What an operation that succeeded has for its value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    /// What it was begun with.
    Sent,
    /// One field of the reply.
    Field(&'static str),
    /// The whole reply.
    Body,
    /// What this makes of what it was begun with, and the reply.
    Made(fn(&Value, &Reply<'_>) -> Result<Value, String>),
}

/// What an error, or no answer, means for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errors {
    /// After a definite error it has failed, otherwise nobody can tell.
    Tell,
    /// It has failed and no more, because it changes nothing.
    Harmless,
    /// Nobody can tell: Maelstrom's client for it does not look at errors.
    Unhandled,
}

/// Who performs an operation, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) now: Duration,
    pub(crate) thread: usize,
    pub(crate) process: u64,
}

/// What comes of a reply.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The operation has succeeded, with this value.
    Done(Value),
    /// The client has another question.
    Ask(Request),
}

/// Where a workload's operations come from, and what becomes of them.
pub(crate) trait Operations {
    /// The request, if any, that every node gets before the first operation.
    fn setup(&self, _nodes: &[String]) -> Option<Operation> {
        None
    }

    /// The threads that work together: an operation is for one of these crews, a larger one more
    /// often, for one part of it, likewise, and for a free thread of that.
    fn crews(&self, threads: usize) -> Vec<Vec<Range<usize>>> {
        vec![vec![Range { start: 0, end: threads }]]
    }

    /// How long a client waits for a reply.
    fn patience(&self) -> Duration {
        TIMEOUT
    }

    /// The next operation.
    fn next(&mut self, turn: Turn, random: &mut Random) -> Operation;

    /// Whether threads have something to do after the recovery.
    fn has_last(&self) -> bool {
        false
    }

    /// What the thread does after the recovery, if anything.
    fn last(&mut self, _turn: Turn, _random: &mut Random) -> Option<Operation> {
        None
    }

    /// When the thread has something to do again, after that.
    fn again(&mut self, _now: Duration, _thread: usize) -> Option<Duration> {
        None
    }

    /// What comes of a good reply.
    fn answered(
        &mut self,
        _process: u64,
        operation: &Operation,
        request: &Request,
        reply: &Reply<'_>,
    ) -> Result<Answer, String> {
        request.result.of(&operation.value, reply).map(Answer::Done)
    }

    /// An operation of this thread has ended.
    fn completed(&mut self, _thread: usize, _op: &Op) {}
}

impl Operation {
    /// An operation that asks its node one thing.
    fn ask(f: &'static str, value: Value, request: Request) -> Operation {
        Operation { f, value, extra: Vec::new(), work: Work::Ask(request), errors: Errors::Tell }
    }
}

impl Request {
    fn new(body: serde_json::Value, reply: Schema, result: Outcome) -> Request {
        Request { body: body.into(), reply, result }
    }
}

impl Outcome {
    /// The value of an operation that was begun with `sent`, once it has this reply.
    pub(crate) fn of(self, sent: &Value, reply: &Reply<'_>) -> Result<Value, String> {
        match self {
            Outcome::Sent => Ok(sent.clone()),
            Outcome::Body => Value::body_from_json(reply.body).map_err(|error| error.to_string()),
            Outcome::Field(name) => {
                let field = reply.field(name).ok_or_else(|| format!("{name} is missing"))?;
                Value::from_json(field).map_err(|error| error.to_string())
            }
            Outcome::Made(make) => make(sent, reply),
        }
    }
}

/// What a workload's checker found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) valid: Validity,
    /// The map under `:workload`.
    pub(crate) results: Value,
    /// For sets, how long values took to be everywhere, in milliseconds.
    pub(crate) stable_latency: Option<Quantiles>,
    /// For sets, the values that vanished.
    pub(crate) lost: Vec<Value>,
    /// Those of them that were known to no node that was not killed.
    pub(crate) lost_with_nodes: Vec<Value>,
    /// Why it is not valid, if so.
    pub(crate) reason: Option<String>,
    /// What contradicts what, in lines for a person to read.
    pub(crate) explanation: Vec<String>,
    /// What Maelstrom would not have said.
    pub(crate) warnings: Vec<String>,
}

impl Verdict {
    /// A verdict with nothing more to say.
    fn new(valid: Validity, results: Value, reason: Option<String>) -> Verdict {
        Verdict {
            valid,
            results,
            stable_latency: None,
            lost: Vec::new(),
            lost_with_nodes: Vec::new(),
            reason,
            explanation: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn of_set(set: SetFull) -> Verdict {
        let verdict = Verdict::new(set.valid, set.to_edn(), set.reason());
        Verdict {
            stable_latency: set.stable_latencies,
            lost: set.lost,
            lost_with_nodes: set.lost_with_nodes.unwrap_or_default(),
            warnings: set.warnings,
            ..verdict
        }
    }
}

impl Workload {
    /// All workloads.
    pub const ALL: [Workload; 10] = [
        Workload::Broadcast,
        Workload::Echo,
        Workload::GCounter,
        Workload::GSet,
        Workload::Kafka,
        Workload::LinKv,
        Workload::PnCounter,
        Workload::TxnListAppend,
        Workload::TxnRwRegister,
        Workload::UniqueIds,
    ];

    /// Whether this can be done with so many nodes and clients.
    pub(crate) fn validate(self, nodes: usize, clients: usize) -> Result<(), String> {
        match self {
            Workload::LinKv => lin_kv::LinKv::validate(nodes, clients),
            _ => Ok(()),
        }
    }

    /// The workload of a history, as far as its operations tell: those of the two counters are the
    /// same.
    pub(crate) fn of(history: &History) -> Option<Workload> {
        // Others read, too; so those that are told by their reads come last.
        let last = |workload: &Workload| matches!(workload, Workload::GSet | Workload::PnCounter);
        let mut workloads = Workload::ALL.to_vec();
        workloads.retain(|workload| *workload != Workload::GCounter);
        workloads.sort_by_key(last);
        workloads.into_iter().find(|workload| workload.is_of(history))
    }

    /// Whether a history has any operation that is only in histories of this workload.
    pub(crate) fn is_of(self, history: &History) -> bool {
        history.clients().any(|op| self.is_distinct(op))
    }

    fn is_distinct(self, op: &Op) -> bool {
        let is_list = || op.value.as_sequence().is_some();
        let writes = |name| {
            let micro_ops = op.value.as_sequence().unwrap_or_default().iter();
            let mut functions = micro_ops.filter_map(|op| op.as_sequence()?.first());
            functions.any(|f| *f == Value::keyword(name))
        };
        match (self, &*op.f) {
            (Workload::Broadcast, "broadcast")
            | (Workload::Echo, "echo")
            | (Workload::Kafka, "send" | "poll" | "assign")
            | (Workload::LinKv, "write" | "cas")
            | (Workload::UniqueIds, "generate") => true,
            (Workload::GSet, "read") => op.kind == Kind::Ok && is_list(),
            (Workload::GCounter | Workload::PnCounter, "read") => op.kind == Kind::Ok && !is_list(),
            (Workload::TxnListAppend, "txn") => writes("append"),
            (Workload::TxnRwRegister, "txn") => writes("w"),
            _ => false,
        }
    }

    /// Where the operations of a test come from.
    pub(crate) fn operations(test: &Test) -> Box<dyn Operations> {
        match test.workload {
            Workload::Broadcast => Box::new(broadcast::Broadcast::new(test.topology)),
            Workload::Echo => Box::new(echo::Echo),
            Workload::GCounter => Box::new(counter::Counter::growing()),
            Workload::GSet => Box::new(g_set::GSet::default()),
            Workload::Kafka => Box::new(kafka::Kafka::new(test)),
            Workload::LinKv => Box::new(lin_kv::LinKv::new(test)),
            Workload::PnCounter => Box::new(counter::Counter::both_ways()),
            Workload::TxnListAppend => Box::new(txn::Txn::append(test)),
            Workload::TxnRwRegister => Box::new(txn::Txn::write(test)),
            Workload::UniqueIds => Box::new(unique_ids::UniqueIds),
        }
    }

    /// Judges a history, transactions by what these models promise.
    pub(crate) fn check(
        self,
        history: &History,
        placement: &Placement<'_>,
        models: &[ConsistencyModel],
    ) -> Verdict {
        match self {
            Workload::Broadcast => broadcast::check(history, placement),
            Workload::Echo => echo::check(history),
            Workload::GCounter | Workload::PnCounter => counter::check(history),
            Workload::GSet => g_set::check(history, placement),
            Workload::Kafka => kafka::check(history),
            Workload::LinKv => lin_kv::check(history),
            Workload::TxnListAppend => txn::check_append(history, models),
            Workload::TxnRwRegister => txn::check_write(history, models),
            Workload::UniqueIds => unique_ids::check(history),
        }
    }

    /// How soon after the heal, a time of the history, nodes knew again what they should, but for
    /// what is excused; `None` where nodes need to know nothing.
    pub(crate) fn repair(
        self,
        history: &History,
        heal: Duration,
        placement: &Placement<'_>,
        excused: &[Value],
    ) -> Option<Repair> {
        match self {
            Workload::Broadcast => Some(broadcast::repair(history, heal, placement, excused)),
            _ => None,
        }
    }
}

impl Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Workload::Broadcast => "broadcast",
            Workload::Echo => "echo",
            Workload::GCounter => "g-counter",
            Workload::GSet => "g-set",
            Workload::Kafka => "kafka",
            Workload::LinKv => "lin-kv",
            Workload::PnCounter => "pn-counter",
            Workload::TxnListAppend => "txn-list-append",
            Workload::TxnRwRegister => "txn-rw-register",
            Workload::UniqueIds => "unique-ids",
        })
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(received: &str) -> Result<Workload, String> {
        name::find("workload", &Workload::ALL, received).map_err(|error| error.to_string())
    }
}

/// The `init` request of a node.
pub(crate) fn init(node: &str, nodes: &[String]) -> Operation {
    let body = json!({"type": "init", "node_id": node, "node_ids": nodes});
    let request = Request::new(body, Schema::new("init_ok", &[]), Outcome::Sent);
    Operation::ask("init", Value::Nil, request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_found_by_the_name_that_it_displays() {
        for workload in Workload::ALL {
            assert_eq!(workload.to_string().parse(), Ok(workload));
        }
        let error = "brodcast".parse::<Workload>().unwrap_err();
        assert!(error.contains("did you mean broadcast?"), "{error}");
    }
}
