//! What clients ask for, what they expect to hear, and how the outcome is judged.

mod broadcast;
mod counter;
mod echo;
mod g_set;
mod kafka;
mod lin_kv;
mod operation;
mod recognition;
mod txn;
mod unique_ids;

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use serde_json::json;

pub(crate) use self::operation::{
    Answer, Errors, Operation, Operations, Outcome, Request, Turn, Work,
};
use crate::checker::elle::ConsistencyModel;
use crate::checker::evidence;
use crate::checker::quantiles::Quantiles;
use crate::checker::repair::Repair;
use crate::checker::set_full::SetFull;
use crate::checker::{Contradiction, Evidence, Placement, Validity};
use crate::edn::{Map, Value};
use crate::history::History;
use crate::name;
use crate::schema::Schema;
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
    /// That of them which explains the verdict, if one does.
    pub(crate) decisive: Option<String>,
    /// The operations that contradict each other, the most telling first.
    pub(crate) contradictions: Vec<Contradiction>,
    /// What it rests on; `None` if nobody has looked.
    pub(crate) evidence: Option<Evidence>,
}

impl Verdict {
    /// A verdict with nothing more to say.
    fn new(evidence: Evidence, valid: Validity, results: Value, reason: Option<String>) -> Verdict {
        Verdict {
            valid,
            results,
            stable_latency: None,
            lost: Vec::new(),
            lost_with_nodes: Vec::new(),
            reason,
            explanation: Vec::new(),
            warnings: Vec::new(),
            decisive: None,
            contradictions: Vec::new(),
            evidence: Some(evidence),
        }
    }

    /// Nobody has looked, for there is nothing to look at.
    pub(crate) fn without_operations(workload: Workload, history: &History) -> Verdict {
        let (wanted, found) = (workload.with_functions(), evidence::found(history));
        let other = Workload::of(history)
            .map_or_else(|_| String::new(), |other| format!("; did you mean -w {other}?"));
        let reason = format!("there is no operation of {wanted}; the history has {found}{other}");
        let results = Map::new().with("valid?", Validity::Unknown).into();
        Verdict { results, reason: Some(reason), ..Verdict::unknown() }
    }

    /// Nobody has looked.
    pub(crate) fn unknown() -> Verdict {
        let nothing = Verdict::new(Evidence::default(), Validity::Unknown, Value::Nil, None);
        Verdict { evidence: None, ..nothing }
    }

    /// The same, but unknown for this reason, with the results that it has.
    pub(crate) fn doubted(mut self, reason: String) -> Verdict {
        if let Value::Map(results) = &mut self.results {
            results.insert(Value::keyword("valid?"), Validity::Unknown);
        }
        Verdict { valid: Validity::Unknown, reason: Some(reason), ..self }
    }

    /// The same for a test that was cut off: what nobody has seen yet may have been on its way, so
    /// that alone makes it unknown.
    pub(crate) fn cut_off(self) -> Verdict {
        let is_unseen_alone = self.results.get("bad-error-types").is_some_and(|types| {
            types.as_sequence().is_some_and(|types| *types == [Value::keyword("unseen")])
        });
        if self.valid != Validity::Invalid || self.lost.is_empty() && !is_unseen_alone {
            return self;
        }
        let found = self.reason.clone().unwrap_or_default();
        let reason = format!("{found}; later operations may have shown them");
        let (explanation, contradictions) = (Vec::new(), Vec::new());
        Verdict { explanation, contradictions, decisive: None, ..self.doubted(reason) }
    }

    /// The same with more to say: an explanation, unless the reason has said it.
    fn with(self, explanation: Vec<String>, warnings: Vec<String>) -> Verdict {
        let is_said = explanation.len() == 1 && explanation.first() == self.reason.as_ref();
        let explanation = if is_said { Vec::new() } else { explanation };
        Verdict { explanation, warnings, ..self }
    }

    fn of_set(set: SetFull) -> Verdict {
        let verdict = Verdict::new(set.evidence, set.valid, set.to_edn(), set.reason());
        // That all values were lost with their nodes comes last.
        let is_by_kills = set.lost_with_nodes.as_ref() == Some(&set.lost) && !set.lost.is_empty();
        Verdict {
            decisive: set.warnings.last().filter(|_| is_by_kills).cloned(),
            stable_latency: set.stable_latencies,
            lost: set.lost,
            lost_with_nodes: set.lost_with_nodes.unwrap_or_default(),
            warnings: set.warnings,
            contradictions: set.contradictions,
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
            Workload::GCounter | Workload::PnCounter => counter::check(history, placement),
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
    let request = Request::new(body, Schema::of_type("init_ok"), Outcome::Sent);
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
