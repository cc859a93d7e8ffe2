//! Workloads: the operations of clients in a test, and the checker of their history.
//!
//! A [`Workload`] is a [`WorkloadChecker`] that can also be run: it has [`Operations`] for its
//! [clients](crate::client). Each of Maelstrom's ten is a struct without fields, in a file of its
//! own, and is named as in `Test { workload: &workload::Broadcast, .. }`. A workload that is not
//! among them implements the same traits; `workbench/examples/lock.rs` is one.

mod broadcast;
mod echo;
mod g_counter;
mod g_set;
mod kafka;
mod lin_kv;
mod operations;
mod pn_counter;
mod txn;
mod txn_list_append;
mod txn_rw_register;
mod unique_ids;

use std::time::Duration;

pub use eddy_checkers::workload::{
    Broadcast, CheckContext, Echo, GCounter, GSet, Kafka, LinKv, PnCounter, TxnListAppend,
    TxnRwRegister, UniqueIds, WorkloadChecker, by_name, fitting, recognize,
};

pub use self::operations::{ClientContext, Operations};
use crate::topology::Topology;

/// All workloads of Maelstrom, in the order of their names.
pub const ALL: [&dyn Workload; 10] = [
    &Broadcast,
    &Echo,
    &GCounter,
    &GSet,
    &Kafka,
    &LinKv,
    &PnCounter,
    &TxnListAppend,
    &TxnRwRegister,
    &UniqueIds,
];

/// A kind of test: what clients do, and how it is judged.
pub trait Workload: WorkloadChecker {
    /// Creates the operations of one run of a test.
    fn operations(&self, parameters: &Parameters) -> Box<dyn Operations>;

    /// Checks that it can run with these parameters. An error says what is wrong, and what is
    /// expected.
    fn validate(&self, _parameters: &Parameters) -> Result<(), String> {
        Ok(())
    }

    /// The noun for what clients write, such as `value`, and the functions that write it. `None` if
    /// nodes need to store nothing. The report warns of kills that struck before the first write.
    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        None
    }

    /// True if every written value is unique and must reach every node. If such a value is lost,
    /// the report shows its path through the cluster. In other workloads the same small number
    /// occurs in half of all messages, so its path would mean nothing.
    fn spreads_values(&self) -> bool {
        false
    }
}

impl PartialEq for dyn Workload {
    fn eq(&self, other: &dyn Workload) -> bool {
        self.name() == other.name()
    }
}

/// The parameters of a test that matter to workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// The number of nodes.
    pub nodes: usize,
    /// The number of clients that work at a time.
    pub clients: usize,
    /// The mean latency of messages between servers.
    pub latency: Duration,
    /// The topology that nodes receive.
    pub topology: Topology,
    /// The number of keys that are in use at a time.
    pub key_count: usize,
    /// The greatest number of operations in a transaction.
    pub max_txn_length: u64,
    /// The greatest number of writes to a key.
    pub max_writes_per_key: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_that_is_judged_can_be_run() {
        let judged = eddy_checkers::workload::ALL.map(WorkloadChecker::name);
        assert_eq!(ALL.map(WorkloadChecker::name), judged);
    }
}
