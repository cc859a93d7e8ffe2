//! What clients ask for, what they expect to hear, and how the outcome is judged.

mod broadcast;
mod echo;
mod unique_ids;

use std::fmt::{self, Display};
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use serde_json::json;

use crate::checker::quantiles::Quantiles;
use crate::checker::repair::Repair;
use crate::checker::{Placement, Validity};
use crate::edn::Value;
use crate::history::History;
use crate::name;
use crate::random::Random;
use crate::schema::Schema;
use crate::topology::Topology;

/// A kind of test, as `--workload` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Workload {
    /// Values that every node must come to know.
    Broadcast,
    /// Messages that come back as they were.
    Echo,
    /// Ids that nobody else has.
    UniqueIds,
}

/// Maelstrom's workloads that are still missing here.
const NOT_YET: [&str; 7] =
    ["g-counter", "g-set", "kafka", "lin-kv", "pn-counter", "txn-list-append", "txn-rw-register"];

/// One operation: what the history says of it, and what travels.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// What is done, as the history has it.
    pub(crate) f: &'static str,
    /// With what.
    pub(crate) value: Value,
    /// The request's body, but for its `msg_id`.
    pub(crate) request: Rc<serde_json::Value>,
    /// The reply that it must get.
    pub(crate) reply: Schema,
    /// What the history keeps of the reply.
    pub(crate) result: Outcome,
    /// Whether it changes nothing, so that one that was not answered has failed and no more.
    pub(crate) idempotent: bool,
}

/// What an operation that succeeded has for its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// What it was begun with.
    Sent,
    /// One field of the reply.
    Field(&'static str),
    /// The whole reply.
    Body,
}

/// Where a workload's operations come from.
pub(crate) trait Operations {
    /// The request, if any, that every node gets before the first operation.
    fn setup(&self, _nodes: &[String]) -> Option<Operation> {
        None
    }

    /// The next operation.
    fn next(&mut self, random: &mut Random) -> Operation;

    /// What every thread does after the recovery, if anything.
    fn last(&self) -> Option<Operation> {
        None
    }
}

/// What a workload's checker found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) valid: Validity,
    /// The map under `:workload`.
    pub(crate) results: Value,
    /// For the broadcast workload, how long values took to be everywhere, in milliseconds.
    pub(crate) stable_latency: Option<Quantiles>,
    /// For the broadcast workload, the values that vanished.
    pub(crate) lost: Vec<Value>,
    /// Those of them that were known to no node that was not killed.
    pub(crate) lost_with_nodes: Vec<Value>,
    /// Why it is not valid, if so.
    pub(crate) reason: Option<String>,
    /// What Maelstrom would not have said.
    pub(crate) warnings: Vec<String>,
}

impl Verdict {
    /// A verdict with nothing more to say.
    fn new(valid: Validity, results: Value, reason: Option<String>) -> Verdict {
        let (lost, lost_with_nodes, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Verdict { valid, results, stable_latency: None, lost, lost_with_nodes, reason, warnings }
    }
}

impl Workload {
    /// All workloads.
    pub const ALL: [Workload; 3] = [Workload::Broadcast, Workload::Echo, Workload::UniqueIds];

    pub(crate) fn operations(self, topology: Topology) -> Box<dyn Operations> {
        match self {
            Workload::Broadcast => Box::new(broadcast::Broadcast::new(topology)),
            Workload::Echo => Box::new(echo::Echo),
            Workload::UniqueIds => Box::new(unique_ids::UniqueIds),
        }
    }

    pub(crate) fn check(self, history: &History, placement: &Placement<'_>) -> Verdict {
        match self {
            Workload::Broadcast => broadcast::check(history, placement),
            Workload::Echo => echo::check(history),
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
            Workload::Echo | Workload::UniqueIds => None,
        }
    }
}

impl Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Workload::Broadcast => "broadcast",
            Workload::Echo => "echo",
            Workload::UniqueIds => "unique-ids",
        })
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(received: &str) -> Result<Workload, String> {
        if NOT_YET.contains(&received) {
            let known = Workload::ALL.map(|workload| workload.to_string()).join(", ");
            return Err(format!(
                "the workload {received} does not work yet (those that do: {known})"
            ));
        }
        name::find("workload", &Workload::ALL, received).map_err(|error| error.to_string())
    }
}

/// The `init` request of a node.
pub(crate) fn init(node: &str, nodes: &[String]) -> Operation {
    Operation {
        f: "init",
        value: Value::Nil,
        request: json!({"type": "init", "node_id": node, "node_ids": nodes}).into(),
        reply: Schema::new("init_ok", &[]),
        result: Outcome::Sent,
        idempotent: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_that_is_missing_is_told_from_one_that_does_not_exist() {
        #[track_caller]
        fn check(received: &str, expected: &str) {
            let answer = match received.parse::<Workload>() {
                Ok(workload) => workload.to_string(),
                Err(error) => error,
            };
            assert!(answer.contains(expected), "{answer}");
        }
        check("unique-ids", "unique-ids");
        check("kafka", "does not work yet (those that do: broadcast, echo, unique-ids)");
        check("brodcast", "did you mean broadcast?");
    }
}
