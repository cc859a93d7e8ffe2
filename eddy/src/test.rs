//! What a test is: a value, from which everything else follows.

pub(crate) mod rust;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::checker::availability::Goal;
use crate::checker::elle::ConsistencyModel;
use crate::concurrency::Concurrency;
use crate::latency::Latency;
use crate::nemesis::{Fault, Strike};
use crate::network::{Delivery, is_client};
use crate::service::is_service;
use crate::topology::Topology;
use crate::workload::{self, Parameters, Workload};

/// How many nodes or clients a test may have. More would only be a slip: they would take all of a
/// machine's memory before the first of them did anything.
const MOST: usize = 100_000;

/// How many operations a second a test may ask for. More would be closer together than its clock
/// tells times apart.
const HIGHEST_RATE: f64 = 1e9;

/// How long anything may take. Sums of longer times might not fit their type.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How long a node's name may be, which is also that of a file.
const LONGEST_NAME: usize = 200;

/// A test of a cluster. The defaults are those of `maelstrom test`, but for the number of nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// What clients do, and how it is judged.
    pub workload: &'static dyn Workload,
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
    /// How many keys the transactions of a workload work on at a time, or those that it sends to.
    pub key_count: usize,
    /// How many operations a transaction has at most.
    pub max_txn_length: u64,
    /// How often a key is written at most, before another takes its place.
    pub max_writes_per_key: u64,
    /// What transactions must be.
    pub consistency_models: Vec<ConsistencyModel>,
    /// What goes wrong at random.
    pub faults: BTreeSet<Fault>,
    /// The mean time between two actions of the nemesis.
    pub nemesis_interval: Duration,
    /// What goes wrong besides, for tests that need an exact schedule.
    pub strikes: Vec<Strike>,
    /// When all faults end for good, counted from the first operation; operations go on until the
    /// time limit, which shows how soon the nodes repair what the faults did. Without it faults go
    /// on as long as operations do.
    pub faults_until: Duration,
    /// How many operations must succeed.
    pub availability: Goal,
    /// Whether to go on where a node says what is no message, or sends it to nobody, as Maelstrom
    /// does: without hearing the node again, or with what can be made of the line.
    pub lenient: bool,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Whether to write down every message, for [`Report::trace`](crate::Report::trace).
    pub trace: bool,
}

impl Default for Test {
    fn default() -> Test {
        Test {
            workload: &workload::Echo,
            nodes: 1,
            names: Vec::new(),
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
    /// The nodes' names.
    pub fn node_ids(&self) -> Vec<String> {
        if self.names.is_empty() {
            (0..self.nodes).map(|number| format!("n{number}")).collect()
        } else {
            self.names.clone()
        }
    }

    /// Whether anything goes wrong that Maelstrom does not know. Such a test always ends with a
    /// time to recover and a last operation of every thread, and is judged by those as well.
    pub fn is_beyond_maelstrom(&self) -> bool {
        let named = self.strikes.iter().map(|strike| strike.harm.fault());
        self.faults.iter().copied().chain(named).any(|fault| fault != Fault::Partition)
    }

    /// Whether its workload can do with so many nodes and clients; an error says what is expected.
    ///
    /// # Errors
    /// If it cannot.
    pub fn validate_workload(&self) -> Result<(), String> {
        self.workload.validate(&self.parameters())
    }

    /// The parameters that matter to its workload.
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

    /// Whether there can be such a test; an error says what is wrong, and what is expected.
    pub fn validate(&self) -> Result<(), String> {
        let Test { rate, time_limit, latency, nemesis_interval, faults_until, .. } = self;
        let nodes = if self.names.is_empty() { self.nodes } else { self.names.len() };
        if !(1..=MOST).contains(&nodes) {
            return Err(format!("{nodes} nodes make no cluster; expected 1 to {MOST}"));
        }
        let clients = self.concurrency.threads(nodes);
        if clients > MOST {
            return Err(format!("{clients} clients are too many; expected at most {MOST}"));
        }
        self.validate_workload()?;
        if self.key_count == 0 || self.max_txn_length == 0 || self.max_writes_per_key == 0 {
            return Err(
                "transactions need a key, an operation, and a write; expected a key_count, \
                        a max_txn_length, and a max_writes_per_key of 1 or more"
                    .to_owned(),
            );
        }
        if !(0.0..=HIGHEST_RATE).contains(rate) {
            return Err(format!(
                "{rate} is no rate; expected operations per second, from 0 to {HIGHEST_RATE}"
            ));
        }
        if nemesis_interval.is_zero() {
            return Err("a nemesis interval of 0 leaves no time; expected more".to_owned());
        }
        if faults_until.is_zero() {
            return Err("faults that end after 0 s never strike; expected more".to_owned());
        }
        let times = [
            ("time limit", *time_limit),
            ("latency", latency.mean),
            ("nemesis interval", *nemesis_interval),
        ];
        for (what, time) in times {
            if time > LONGEST {
                let [seconds, longest] = [time, LONGEST].map(|time| time.as_secs());
                return Err(format!(
                    "a {what} of {seconds} s is too long; expected at most {longest} s"
                ));
            }
        }
        let ids = self.node_ids();
        self.strikes.iter().try_for_each(|strike| strike.validate(&ids, *time_limit))?;
        if let Some(strike) = self.strikes.iter().find(|strike| strike.from >= *faults_until) {
            return Err(format!(
                "{strike} begins when all faults have ended, at {faults_until:?}; expected an \
                 earlier beginning"
            ));
        }
        let mut known = BTreeSet::new();
        self.names.iter().try_for_each(|name| {
            if known.insert(name) {
                validate_name(name)
            } else {
                Err(format!("there are two nodes called {name:?}; expected different names"))
            }
        })
    }
}

/// Whether a node may be called so: its name is a key on the network, and a file's name on disk.
fn validate_name(name: &str) -> Result<(), String> {
    let is_odd = |letter: char| letter == '/' || letter.is_control() || letter.is_whitespace();
    let why = if name.is_empty() || name.starts_with('.') || name.contains(is_odd) {
        ""
    } else if is_client(name) {
        ", because those in c are clients"
    } else if is_service(name) {
        ", because it is a service's"
    } else if name.len() > LONGEST_NAME {
        ", because it is too long"
    } else {
        return Ok(());
    };
    Err(format!("{name:?} is no name for a node{why}; expected one like n1"))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_test_that_cannot_be_is_told_from_one_that_can() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut Test), expected: &str) {
            let mut test = Test::default();
            change(&mut test);
            let answer = test.validate().err().unwrap_or_else(|| "fine".to_owned());
            assert!(answer.starts_with(expected), "{answer}");
        }
        fn named(names: &[&str]) -> impl FnOnce(&mut Test) {
            let names = names.iter().map(ToString::to_string).collect();
            |test| test.names = names
        }
        check(|_| {}, "fine");
        check(named(&["left", "right", "n-1"]), "fine");
        let kill = |node: &str| vec![Strike::kill([node], Duration::ZERO, Duration::MAX)];
        check(|test| test.strikes = kill("n0"), "fine");
        check(|test| test.strikes = kill("n1"), "Strike::kill([\"n1\"], ");
        check(|test| test.rate = 0.0, "fine");
        check(|test| test.faults_until = Duration::from_secs(1000), "fine");
        check(|test| test.faults_until = Duration::ZERO, "faults that end after 0 s never strike");
        let kill_at = |second| {
            let from = Duration::from_secs(second);
            let strikes = vec![Strike::kill(["n0"], from, 9 * SECOND)];
            move |test: &mut Test| (test.strikes, test.faults_until) = (strikes, 2 * SECOND)
        };
        check(kill_at(1), "fine");
        check(
            kill_at(2),
            "Strike::kill([\"n0\"], Duration::from_secs(2), Duration::from_secs(9)) begins when \
             all faults have ended, at 2s; expected an earlier beginning",
        );
        check(|test| test.nodes = 0, "0 nodes make no cluster; expected 1 to 100000");
        check(|test| test.nodes = usize::MAX, "18446744073709551615 nodes");
        let most = Concurrency::PerNode(NonZeroUsize::MAX);
        check(|test| test.concurrency = most, "18446744073709551615 clients are too many");
        check(|test| test.rate = f64::NAN, "NaN is no rate; expected operations per second");
        check(|test| test.rate = -1.0, "-1 is no rate");
        check(|test| test.rate = f64::INFINITY, "inf is no rate");
        check(|test| test.nemesis_interval = Duration::ZERO, "a nemesis interval of 0");
        check(|test| test.time_limit = Duration::MAX, "a time limit of 18446744073709551615 s is");
        check(|test| test.latency.mean = Duration::MAX, "a latency of");
        check(named(&["a", "b", "a"]), "there are two nodes called \"a\"");
        for name in ["", ".", "../a", "a b", "a\u{1b}"] {
            check(named(&[name]), &format!("{name:?} is no name for a node; expected"));
        }
        check(named(&["client"]), "\"client\" is no name for a node, because those in c are");
        check(named(&["lin-kv"]), "\"lin-kv\" is no name for a node, because it is a service's");
        check(named(&[&"n".repeat(201)]), "\"nnnn");
    }
}
