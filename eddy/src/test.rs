//! What a test is: a value, from which everything else follows.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::checker::availability::Goal;
use crate::concurrency::Concurrency;
use crate::latency::Latency;
use crate::nemesis::Fault;
use crate::network::Delivery;
use crate::topology::Topology;
use crate::workload::Workload;

/// A test of a cluster. The defaults are those of `maelstrom test`, but for the number of nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// What clients do, and how it is judged.
    pub workload: Workload,
    /// How many nodes there are: `n0`, `n1`, ….
    pub nodes: usize,
    /// The nodes' names, if they are to have others; then `nodes` is ignored.
    pub names: Vec<String>,
    /// How many clients work at a time.
    pub concurrency: Concurrency,
    /// Operations per second, all clients together.
    pub rate: f64,
    /// How long operations go on, without the final ones.
    pub time_limit: Duration,
    /// How long messages between servers are on their way.
    pub latency: Latency,
    /// How receivers take messages.
    pub delivery: Delivery,
    /// The neighbors that the broadcast workload tells its nodes.
    pub topology: Topology,
    /// What goes wrong.
    pub faults: BTreeSet<Fault>,
    /// The mean time between two actions of the nemesis.
    pub nemesis_interval: Duration,
    /// How many operations must succeed.
    pub availability: Goal,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Whether to write down every message, for [`Report::trace`](crate::Report::trace).
    pub trace: bool,
}

impl Default for Test {
    fn default() -> Test {
        Test {
            workload: Workload::Echo,
            nodes: 1,
            names: Vec::new(),
            concurrency: Concurrency::default(),
            rate: 5.0,
            time_limit: Duration::from_secs(60),
            latency: Latency::default(),
            delivery: Delivery::default(),
            topology: Topology::default(),
            faults: BTreeSet::new(),
            nemesis_interval: Duration::from_secs(10),
            availability: Goal::default(),
            seed: 0,
            trace: false,
        }
    }
}

impl Test {
    /// The nodes' names.
    pub fn node_ids(&self) -> Vec<String> {
        if self.names.is_empty() {
            (0..self.nodes).map(|number| format!("n{number}")).collect()
        } else {
            self.names.clone()
        }
    }
}
