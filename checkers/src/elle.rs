//! The isolation checker for transactions, after Kingsbury and Alvaro, *Elle: Inferring Isolation
//! Anomalies from Experimental Observations* (VLDB 2020), and Adya's thesis, *Weak Consistency*
//! (1999).
//!
//! Adya defines isolation levels by the cycles that a graph of transactions must not have. A write
//! dependency (`ww`) leads from a transaction to the one that overwrote its version, a read
//! dependency (`wr`) to the one that read its version, and an anti-dependency (`rw`) to the one
//! that overwrote the version it read. Stricter models add edges for the order within a process and
//! for real time. If the database executed the transactions one after the other, in an order that
//! respects the edges, then the graph has no cycle. So a cycle proves that it did not, and the
//! edges of the cycle tell which models are violated.
//!
//! Clients do not see the edges, but the workloads allow to infer them from what was read: every
//! value is written once, and a list shows all of its former versions. The checker infers only what
//! is certain. So there are no false alarms, but a valid history may hide anomalies in versions
//! that nobody read.
//!
//! Verdicts, anomalies and violated models are those of Elle 0.2.2 as Maelstrom calls it. The cycle
//! that is shown for an anomaly may differ from Elle's; ours is a shortest one.

mod anomaly;
mod cycle;
mod cycle_exists;
mod cycle_kinds;
mod dependencies;
mod dirty_reads;
mod findings;
mod graph;
pub mod list_append;
mod lost_update;
mod model;
mod order;
pub mod rw_register;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod transaction;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};

pub use self::findings::{AnalysisError, Case, CycleStep, DirtyRead};
pub use self::model::strongest;
pub use self::warnings::{Observation, Warning};
pub use self::{anomaly::Anomaly, graph::Rels, model::ConsistencyModel};
use self::{findings::Findings, transaction::TxnHistory};
use super::Validity;
use crate::history::History;

/// The result of the isolation checker.
#[derive(Debug, Clone)]
pub struct ElleResults<'h> {
    /// The verdict: invalid if the history has an anomaly that the models forbid.
    pub valid: Validity,
    /// The models that the history is checked against.
    pub models: Vec<ConsistencyModel>,
    /// The anomalies that the models forbid, and those that leave the verdict unknown.
    pub anomalies: BTreeMap<Anomaly, Vec<Case<'h>>>,
    /// The weakest models that are violated, whether or not they were checked.
    pub not: BTreeSet<ConsistencyModel>,
    /// The models stronger than those in `not`, which are therefore violated as well.
    pub also_not: BTreeSet<ConsistencyModel>,
    /// The reason why the history cannot be analyzed, if it cannot.
    pub error: Option<AnalysisError<'h>>,
    /// Errors that upstream overlooks, grouped by kind.
    pub warnings: Vec<Warning<'h>>,
    pub(crate) workload: TxnWorkload,
    pub(crate) history: &'h History,
}

/// The two workloads of transactions, whose results differ in details upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TxnWorkload {
    ListAppend,
    RwRegister,
}

impl TxnWorkload {
    /// The function of a micro-operation that writes.
    pub(crate) fn write_function(self) -> &'static str {
        match self {
            TxnWorkload::ListAppend => "append",
            TxnWorkload::RwRegister => "w",
        }
    }
}

impl<'h> ElleResults<'h> {
    /// Reads the transactions, analyzes them, and draws the verdict.
    fn judge(
        workload: TxnWorkload,
        history: &'h History,
        models: &[ConsistencyModel],
        analyze: impl FnOnce(&TxnHistory<'h>) -> Result<Findings<'h>, AnalysisError<'h>>,
    ) -> ElleResults<'h> {
        let mut elle = ElleResults {
            valid: Validity::Unknown,
            models: models.to_vec(),
            anomalies: BTreeMap::new(),
            not: BTreeSet::new(),
            also_not: BTreeSet::new(),
            error: None,
            warnings: Vec::new(),
            workload,
            history,
        };
        let transactions = match TxnHistory::read(history, workload) {
            Ok(transactions) => transactions,
            Err(error) => return ElleResults { error: Some(error), ..elle },
        };
        elle.warnings = warnings::check(&transactions);
        match analyze(&transactions) {
            Ok(Findings(anomalies)) => elle.conclude(anomalies),
            Err(error) => elle.error = Some(error),
        }
        if elle.valid == Validity::Valid && workload == TxnWorkload::RwRegister {
            elle.warnings.extend(rw_register::dirty_writes(&transactions));
        }
        elle
    }

    /// Draws the verdict from all anomalies that were found.
    fn conclude(&mut self, mut anomalies: BTreeMap<Anomaly, Vec<Case<'h>>>) {
        let prohibited = model::prohibited(&self.models);
        let impossible = model::impossible(anomalies.keys().copied());
        anomalies.retain(|anomaly, _| {
            prohibited.contains(anomaly) || anomaly::INCONCLUSIVE.contains(anomaly)
        });
        let redundant = cycle_exists::redundant(anomalies.keys().copied());
        anomalies.retain(|anomaly, _| !redundant.contains(anomaly));
        let is_bad = anomalies.keys().any(|anomaly| prohibited.contains(anomaly));
        self.valid = match self.workload {
            _ if is_bad => Validity::Invalid,
            _ if anomalies.is_empty() => Validity::Valid,
            TxnWorkload::ListAppend => Validity::Unknown,
            TxnWorkload::RwRegister => {
                // In this workload Maelstrom takes every anomaly but this one for a violation.
                anomalies.remove(&anomaly::TIMEOUT);
                anomalies.is_empty().into()
            }
        };
        if !anomalies.is_empty() {
            self.not = model::weakest(&impossible);
            self.also_not = &impossible - &self.not;
        }
        self.anomalies = anomalies;
    }

    /// The anomalies with their cases, the worst ones first.
    pub(crate) fn worst_first(&self) -> Vec<(Anomaly, &[Case<'h>])> {
        let depths = anomaly::depths();
        let mut anomalies: Vec<_> =
            self.anomalies.iter().map(|(anomaly, cases)| (*anomaly, &cases[..])).collect();
        anomalies.sort_by_key(|(anomaly, _)| depths.get(anomaly).copied());
        anomalies
    }
}
