//! Whether transactions were isolated from each other as a consistency model promises: after
//! Kingsbury and Alvaro, *Elle: Inferring Isolation Anomalies from Experimental Observations* (VLDB
//! 2020), and Adya's thesis, *Weak Consistency* (1999).
//!
//! Adya defines isolation levels by what may not be in a graph of transactions. There is an edge
//! where one wrote what another one replaced (`ww`), where one wrote what another one read (`wr`),
//! and where one read what another one replaced (`rw`); stricter models add edges for the order
//! within a process and for that of time. Whatever executed the transactions one after the other,
//! in an order that respects the edges, has no cycle among them; so a cycle proves that it did not,
//! and which edges it has tells which models are ruled out. Clients do not see the edges, but the
//! workloads are made so that they can be inferred from what was read: every value is written
//! once, and a list shows all of its former versions. Only what is certain is inferred, so there
//! are no false alarms, and a history that is found valid may yet be wrong in what nobody read.
//!
//! Verdicts, anomalies and ruled-out models are those of Elle 0.2.2 as Maelstrom calls it. The
//! cycle that is shown for an anomaly may be another one; ours is a shortest one.

mod anomaly;
mod cycle;
mod dependencies;
mod existence;
mod findings;
mod graph;
mod iteration;
mod kind;
pub mod list_append;
mod lost_update;
mod model;
mod order;
pub mod rw_register;
#[cfg(test)]
mod tests;
mod transaction;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};

pub use self::model::strongest;
pub use self::{anomaly::Anomaly, findings::Case, model::ConsistencyModel};
use self::{dependencies::Beyond, findings::Findings};
use super::{
    Validity,
    contradiction::{self, Contradiction},
};
use crate::edn::{Map, Set, Value};

/// What is to be said about the transactions of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Elle {
    /// Invalid if there is an anomaly that the models forbid.
    pub valid: Validity,
    /// What was to hold.
    pub models: Vec<ConsistencyModel>,
    /// What was found that the models forbid, or that leaves the verdict open.
    pub anomalies: BTreeMap<Anomaly, Vec<Case>>,
    /// The weakest models that do not hold, whether or not they were to.
    pub not: BTreeSet<ConsistencyModel>,
    /// The stronger models, which therefore do not hold either.
    pub also_not: BTreeSet<ConsistencyModel>,
    /// Why nothing can be said, if that is so.
    pub error: Option<String>,
    /// Sentences about what upstream overlooks.
    pub warnings: Vec<String>,
    workload: Workload,
}

/// Upstream's results differ between the two in small things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Workload {
    ListAppend,
    RwRegister,
}

/// The order beyond data that these models speak of.
fn beyond(models: &[ConsistencyModel]) -> Beyond {
    let prohibited = model::prohibited(models);
    let any = |suffix| {
        let cycles = kind::specs();
        cycles
            .iter()
            .map(|spec| spec.anomaly)
            .any(|anomaly| anomaly.name().ends_with(suffix) && prohibited.contains(&anomaly))
    };
    match () {
        () if any("-realtime") => Beyond::Realtime,
        () if any("-process") => Beyond::Process,
        () => Beyond::Nothing,
    }
}

impl Elle {
    /// Nothing can be said, for this reason.
    fn unknown(workload: Workload, models: &[ConsistencyModel], error: String) -> Elle {
        Elle {
            valid: Validity::Unknown,
            models: models.to_vec(),
            anomalies: BTreeMap::new(),
            not: BTreeSet::new(),
            also_not: BTreeSet::new(),
            error: Some(error),
            warnings: Vec::new(),
            workload,
        }
    }

    /// The verdict on what was found.
    fn judge(workload: Workload, models: &[ConsistencyModel], findings: Findings) -> Elle {
        let Findings(mut anomalies) = findings;
        let prohibited = model::prohibited(models);
        let impossible = model::impossible(anomalies.keys().copied());
        anomalies.retain(|anomaly, _| {
            prohibited.contains(anomaly) || anomaly::UNKNOWN.contains(anomaly)
        });
        let redundant = existence::redundant(anomalies.keys().copied());
        anomalies.retain(|anomaly, _| !redundant.contains(anomaly));
        let is_bad = anomalies.keys().any(|anomaly| prohibited.contains(anomaly));
        let valid = match workload {
            _ if is_bad => Validity::Invalid,
            _ if anomalies.is_empty() => Validity::Valid,
            Workload::ListAppend => Validity::Unknown,
            Workload::RwRegister => {
                // Maelstrom takes everything but this for a violation in this workload.
                anomalies.remove(&anomaly::TIMEOUT);
                anomalies.is_empty().into()
            }
        };
        let not = model::weakest(&impossible);
        let silent = anomalies.is_empty();
        Elle {
            valid,
            models: models.to_vec(),
            also_not: if silent { BTreeSet::new() } else { &impossible - &not },
            not: if silent { BTreeSet::new() } else { not },
            anomalies,
            error: None,
            warnings: Vec::new(),
            workload,
        }
    }

    /// Why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        if let Some(error) = &self.error {
            return Some(format!("nothing can be said about isolation: {error}"));
        }
        let found: Vec<String> = self
            .anomalies
            .iter()
            .map(|(anomaly, cases)| format!("{anomaly} ({})", cases.len()))
            .collect();
        let (found, expected) = (found.join(", "), listed(&self.models));
        let is_news = self.not.iter().any(|model| !self.models.contains(model));
        match self.valid {
            Validity::Valid => None,
            Validity::Unknown => {
                Some(format!("it remains open whether this is {expected}: {found}"))
            }
            Validity::Invalid if is_news => {
                Some(format!("not {expected}, and not even {}: {found}", listed(&self.not)))
            }
            Validity::Invalid => Some(format!("not {expected}: {found}")),
        }
    }

    /// The transactions that contradict each other, and why, in lines for a person.
    pub fn explanation(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.error.iter().cloned().collect();
        for (anomaly, cases) in self.worst_first() {
            lines.push(match anomaly.meaning() {
                "" => format!("{anomaly}:"),
                meaning => format!("{anomaly}: {meaning}"),
            });
            let mut explained = cases.iter().filter(|case| !case.lines.is_empty()).peekable();
            let mut shown = 0;
            while let Some(case) = explained.next() {
                shown += 1;
                lines.extend(case.lines.iter().map(|line| format!("  {line}")));
                if explained.peek().is_some() && case.lines.len() > 1 {
                    lines.push(String::new());
                }
            }
            if cases.len() > shown {
                lines.push(format!("  and {} more {anomaly}", cases.len() - shown));
            }
        }
        lines
    }

    /// The transactions of each case, the worst anomalies first.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let of =
            |cases: &[Case]| cases.iter().filter_map(|case| case.contradiction.clone()).collect();
        contradiction::by_turns(
            self.worst_first().into_iter().map(|(_, cases)| of(cases)).collect(),
        )
    }

    fn worst_first(&self) -> Vec<(&Anomaly, &Vec<Case>)> {
        let depths = anomaly::depths();
        let mut anomalies: Vec<_> = self.anomalies.iter().collect();
        anomalies.sort_by_key(|(anomaly, _)| depths.get(*anomaly).copied());
        anomalies
    }

    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let map = Map::new().with("valid?", self.valid);
        if let Some(error) = &self.error {
            return map.with("error", error.clone()).into();
        }
        let types = Value::List(self.anomalies.keys().map(|a| Value::keyword(a.name())).collect());
        if self.anomalies.is_empty() {
            return match self.workload {
                Workload::ListAppend => map.into(),
                Workload::RwRegister => {
                    map.with("anomaly-types", types).with("anomalies", Value::Nil).into()
                }
            };
        }
        let anomalies = self.anomalies.iter().fold(Map::new(), |map, (anomaly, cases)| {
            map.with(anomaly.name(), self.cases_to_edn(*anomaly, cases))
        });
        let models = |models: &BTreeSet<ConsistencyModel>| {
            let names: BTreeSet<&str> = models.iter().map(|m| m.name_in_results()).collect();
            names.into_iter().map(Value::keyword).collect::<Set>()
        };
        map.with("anomaly-types", types)
            .with("anomalies", anomalies)
            .with("not", models(&self.not))
            .with("also-not", models(&self.also_not))
            .into()
    }

    fn cases_to_edn(&self, anomaly: Anomaly, cases: &[Case]) -> Value {
        let values = cases.iter().map(|case| case.value.clone());
        match (anomaly.name(), self.workload) {
            ("empty-transaction-graph", _) => Value::Bool(true),
            ("incompatible-order" | "dirty-update", _)
            | ("internal" | "G1a" | "G1b", Workload::RwRegister) => Value::List(values.collect()),
            _ => Value::Vector(values.collect()),
        }
    }
}

fn listed<'a>(models: impl IntoIterator<Item = &'a ConsistencyModel>) -> String {
    models.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
