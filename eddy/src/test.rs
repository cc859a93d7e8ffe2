//! A test of a cluster, as a value: cluster, load, network, faults, and the seed of all random
//! choices.
//!
//! Everything else follows from it, so a test can be repeated, changed and shrunk.

pub(crate) mod rust;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::checkers::availability::Goal;
use crate::checkers::elle::ConsistencyModel;
use crate::concurrency::Concurrency;
use crate::latency::Latency;
use crate::nemesis::{Fault, Strike};
use crate::network::{Delivery, is_client};
use crate::service::is_service;
use crate::topology::Topology;
use crate::workload::{self, Parameters, Workload};

/// Maximum number of nodes, and of clients. More can only be a typo, and would use up the memory of
/// a machine before the test begins.
const MAX_NODES_OR_CLIENTS: usize = 100_000;

/// Maximum rate, in operations per second. At more, operations would be closer together than
/// the nanosecond of the test's clock.
const MAX_RATE: f64 = 1e9;

/// Maximum time of any kind. Sums of longer times might overflow.
const MAX_TIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Maximum number of bytes of a node's id, which is also part of file names. Most file systems take
/// 255.
const MAX_ID_LEN: usize = 200;

/// A test of a cluster. The defaults are those of `maelstrom test`, but for the number of nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// The operations of clients, and their checker.
    pub workload: &'static dyn Workload,
    /// The number of nodes: `n0`, `n1`, ….
    pub nodes: usize,
    /// Other ids for the nodes. Unless it is empty, `nodes` is ignored.
    pub ids: Vec<String>,
    /// The number of clients that work at a time.
    pub concurrency: Concurrency,
    /// Operations per second, all clients together.
    pub rate: f64,
    /// The time during which operations start, without the final ones.
    pub time_limit: Duration,
    /// The latency of messages between servers.
    pub latency: Latency,
    /// The order and concurrency in which receivers take messages.
    pub delivery: Delivery,
    /// The neighbors that the broadcast workload tells its nodes.
    pub topology: Topology,
    /// The number of keys that transactions, or sends, use at a time.
    pub key_count: usize,
    /// Maximum number of operations of a transaction.
    pub max_txn_length: u64,
    /// Maximum number of writes to a key, after which another key replaces it.
    pub max_writes_per_key: u64,
    /// The consistency models that transactions must satisfy.
    pub consistency_models: Vec<ConsistencyModel>,
    /// Faults that strike at random.
    pub faults: BTreeSet<Fault>,
    /// The mean time between two actions of the nemesis.
    pub nemesis_interval: Duration,
    /// Further faults at exact times, for tests that need an exact schedule.
    pub strikes: Vec<Strike>,
    /// The time at which all faults end for good, counted from the first operation. Operations go
    /// on until the time limit, which shows how soon the nodes repair the effects of the faults. By
    /// default faults go on as long as operations.
    pub faults_until: Duration,
    /// The fraction of operations that must succeed.
    pub availability: Goal,
    /// True if an invalid line, or a message to an unknown destination, does not end the test. As
    /// in Maelstrom, the readable part of the line is sent, or else the node's output is ignored
    /// from then on.
    pub lenient: bool,
    /// The seed of all random choices.
    pub seed: u64,
    /// True to record every message in [`Report::trace`](crate::Report::trace).
    pub trace: bool,
}

impl Default for Test {
    fn default() -> Test {
        Test {
            workload: &workload::Echo,
            nodes: 1,
            ids: Vec::new(),
            concurrency: Concurrency::default(),
            rate: 5.0,
            time_limit: Duration::from_secs(60),
            latency: Latency::default(),
            delivery: Delivery::default(),
            topology: Topology::default(),
            key_count: 10,
            max_txn_length: 4,
            max_writes_per_key: 16,
            consistency_models: vec![ConsistencyModel::StrictSerializable],
            faults: BTreeSet::new(),
            nemesis_interval: Duration::from_secs(10),
            strikes: Vec::new(),
            faults_until: Duration::MAX,
            availability: Goal::default(),
            lenient: false,
            seed: 0,
            trace: false,
        }
    }
}

impl Test {
    /// The ids of the nodes.
    pub fn node_ids(&self) -> Vec<String> {
        if self.ids.is_empty() {
            (0..self.nodes).map(|number| format!("n{number}")).collect()
        } else {
            self.ids.clone()
        }
    }

    /// True if the test has faults that Maelstrom lacks. Such a test always ends with a recovery
    /// time and a final operation of every thread, and is judged by those as well.
    pub fn has_faults_beyond_maelstrom(&self) -> bool {
        let scheduled = self.strikes.iter().map(|strike| strike.effect.fault());
        self.faults.iter().copied().chain(scheduled).any(|fault| fault != Fault::Partition)
    }

    /// Checks that the workload can run with these numbers of nodes and clients. An error says what
    /// is expected.
    ///
    /// # Errors
    /// If it cannot.
    pub fn validate_workload(&self) -> Result<(), String> {
        self.workload.validate(&self.parameters())
    }

    /// The parameters that the workload needs.
    pub(crate) fn parameters(&self) -> Parameters {
        let nodes = self.node_ids().len();
        Parameters {
            nodes,
            clients: self.concurrency.threads(nodes),
            latency: self.latency.mean,
            topology: self.topology,
            key_count: self.key_count,
            max_txn_length: self.max_txn_length,
            max_writes_per_key: self.max_writes_per_key,
        }
    }

    /// Checks that the test can run. An error says what is wrong, and what is expected.
    pub fn validate(&self) -> Result<(), String> {
        let Test { rate, time_limit, latency, nemesis_interval, faults_until, .. } = self;
        let nodes = if self.ids.is_empty() { self.nodes } else { self.ids.len() };
        if !(1..=MAX_NODES_OR_CLIENTS).contains(&nodes) {
            return Err(format!(
                "{nodes} is not a possible number of nodes; expected 1 to {MAX_NODES_OR_CLIENTS}"
            ));
        }
        let clients = self.concurrency.threads(nodes);
        if clients > MAX_NODES_OR_CLIENTS {
            return Err(format!(
                "{clients} clients are too many; expected at most {MAX_NODES_OR_CLIENTS}"
            ));
        }
        self.validate_workload()?;
        if self.key_count == 0 || self.max_txn_length == 0 || self.max_writes_per_key == 0 {
            return Err(
                "transactions need a key, an operation, and a write; expected a key_count, \
                        a max_txn_length, and a max_writes_per_key of 1 or more"
                    .to_owned(),
            );
        }
        if !(0.0..=MAX_RATE).contains(rate) {
            return Err(format!(
                "{rate} is not a rate; expected operations per second, from 0 to {MAX_RATE}"
            ));
        }
        if nemesis_interval.is_zero() {
            return Err("the nemesis interval is 0; expected a longer one".to_owned());
        }
        if faults_until.is_zero() {
            let text = "faults_until is 0, so no fault would strike; expected a later time";
            return Err(text.to_owned());
        }
        let times = [
            ("time limit", *time_limit),
            ("latency", latency.mean),
            ("nemesis interval", *nemesis_interval),
        ];
        for (what, time) in times {
            if time > MAX_TIME {
                let [seconds, longest] = [time, MAX_TIME].map(|time| time.as_secs());
                return Err(format!(
                    "a {what} of {seconds} s is too long; expected at most {longest} s"
                ));
            }
        }
        let ids = self.node_ids();
        self.strikes.iter().try_for_each(|strike| strike.validate(&ids, *time_limit))?;
        if let Some(strike) = self.strikes.iter().find(|strike| strike.from >= *faults_until) {
            return Err(format!(
                "{strike} begins at or after faults_until, {faults_until:?}; expected an earlier \
                 beginning"
            ));
        }
        let mut known = BTreeSet::new();
        self.ids.iter().try_for_each(|id| {
            if known.insert(id) {
                validate_id(id)
            } else {
                Err(format!("there are two nodes called {id:?}; expected different names"))
            }
        })
    }
}

/// Checks the id of a node, which is its address on the network and part of file names.
fn validate_id(id: &str) -> Result<(), String> {
    let is_odd = |c: char| c == '/' || c.is_control() || c.is_whitespace();
    let why = if id.is_empty() || id.starts_with('.') || id.contains(is_odd) {
        ""
    } else if is_client(id) {
        ", because names that begin with c are clients'"
    } else if is_service(id) {
        ", because it is a service's"
    } else if id.len() > MAX_ID_LEN {
        ", because it is too long"
    } else {
        return Ok(());
    };
    Err(format!("{id:?} cannot be the name of a node{why}; expected one like n1"))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_impossible_test_is_refused_with_a_reason() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut Test), expected: &str) {
            let mut test = Test::default();
            change(&mut test);
            let answer = test.validate().err().unwrap_or_else(|| "fine".to_owned());
            assert!(answer.starts_with(expected), "{answer}");
        }
        fn with_ids(ids: &[&str]) -> impl FnOnce(&mut Test) {
            let ids = ids.iter().map(ToString::to_string).collect();
            |test| test.ids = ids
        }
        check(|_| {}, "fine");
        check(with_ids(&["left", "right", "n-1"]), "fine");
        let kill = |node: &str| vec![Strike::kill([node], Duration::ZERO, Duration::MAX)];
        check(|test| test.strikes = kill("n0"), "fine");
        check(|test| test.strikes = kill("n1"), "Strike::kill([\"n1\"], ");
        check(|test| test.rate = 0.0, "fine");
        check(|test| test.faults_until = Duration::from_secs(1000), "fine");
        check(|test| test.faults_until = Duration::ZERO, "faults_until is 0, so no fault");
        let kill_at = |second| {
            let from = Duration::from_secs(second);
            let strikes = vec![Strike::kill(["n0"], from, 9 * SECOND)];
            move |test: &mut Test| (test.strikes, test.faults_until) = (strikes, 2 * SECOND)
        };
        check(kill_at(1), "fine");
        check(
            kill_at(2),
            "Strike::kill([\"n0\"], Duration::from_secs(2), Duration::from_secs(9)) begins at or \
             after faults_until, 2s; expected an earlier beginning",
        );
        check(|test| test.nodes = 0, "0 is not a possible number of nodes; expected 1 to 100000");
        check(|test| test.nodes = usize::MAX, "18446744073709551615 is not a");
        let most = Concurrency::PerNode(NonZeroUsize::MAX);
        check(|test| test.concurrency = most, "18446744073709551615 clients are too many");
        check(|test| test.rate = f64::NAN, "NaN is not a rate; expected operations per second");
        check(|test| test.rate = -1.0, "-1 is not a rate");
        check(|test| test.rate = f64::INFINITY, "inf is not a rate");
        check(|test| test.nemesis_interval = Duration::ZERO, "the nemesis interval is 0");
        check(|test| test.time_limit = Duration::MAX, "a time limit of 18446744073709551615 s is");
        check(|test| test.latency.mean = Duration::MAX, "a latency of");
        check(with_ids(&["a", "b", "a"]), "there are two nodes called \"a\"");
        for name in ["", ".", "../a", "a b", "a\u{1b}"] {
            check(with_ids(&[name]), &format!("{name:?} cannot be the name of a node; expected"));
        }
        let client = "\"client\" cannot be the name of a node, because names that begin with c";
        check(with_ids(&["client"]), client);
        let service = "\"lin-kv\" cannot be the name of a node, because it is a service's";
        check(with_ids(&["lin-kv"]), service);
        check(with_ids(&[&"n".repeat(201)]), "\"nnnn");
    }
}
