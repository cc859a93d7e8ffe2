//! Options of `maelstrom test`, with its names and defaults, and a few additional ones.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use eddy::Fault;
use eddy::Test;
use eddy::Workload;
use eddy::concurrency::Concurrency;
use eddy::latency::{Distribution, Latency};
use eddy::network::Delivery;
use eddy::topology::Topology;
use eddy::workload::{LinKv, WorkloadChecker};
use eddy_checkers::ConsistencyModel;
use eddy_checkers::availability::Goal;
use eddy_text::name;
use eddy_text::shell::expand_tilde;

use super::limits::LimitArguments;
use super::run::TestSettings;
use super::value_parser::{FaultParser, NameParser};
use super::workloads::{self, WorkloadParser};
use super::{help, numbers, typos};

/// Arguments of `eddy test`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are switches of a command line")]
pub(super) struct TestArguments {
    /// The program that every node runs
    #[arg(long, value_name = "FILE")]
    #[arg(help_heading = help::NODES)]
    bin: PathBuf,
    /// The workload; lin-kv if absent
    #[arg(short, long, value_name = "NAME", value_parser = WorkloadParser)]
    #[arg(hide_possible_values = true, long_help = workloads::help())]
    #[arg(help_heading = help::CLIENTS)]
    workload: Option<&'static dyn Workload>,
    /// Number of nodes to run: n0, n1, …; overrides --nodes
    #[arg(long, value_name = "NUMBER", value_parser = numbers::nodes)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help_heading = help::NODES)]
    node_count: Option<u64>,
    /// A node to run; may be repeated [default: n1 n2 n3 n4 n5]
    #[arg(short, long, value_name = "NAME")]
    #[arg(help_heading = help::NODES, hide_short_help = true)]
    node: Vec<String>,
    /// The nodes to run, separated by commas
    #[arg(long, value_name = "NAMES")]
    #[arg(help_heading = help::NODES, hide_short_help = true)]
    nodes: Option<String>,
    /// A file with the nodes to run, one per line
    #[arg(long, value_name = "FILE")]
    #[arg(help_heading = help::NODES, hide_short_help = true)]
    nodes_file: Option<PathBuf>,
    /// Number of concurrent clients; 2n means two per node
    #[arg(long, value_name = "NUMBER", default_value_t, value_parser = numbers::concurrency)]
    #[arg(allow_hyphen_values = true)]
    #[arg(help_heading = help::CLIENTS)]
    concurrency: Concurrency,
    /// Operations per second, all clients together
    #[arg(long, default_value = "5", value_parser = numbers::rate, allow_negative_numbers = true)]
    #[arg(help_heading = help::CLIENTS)]
    rate: f64,
    /// Duration of the operations
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = numbers::seconds)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help_heading = help::CLIENTS)]
    time_limit: Duration,
    /// Mean latency of messages between servers
    #[arg(long, value_name = "MILLISECONDS", default_value = "0")]
    #[arg(value_parser = numbers::milliseconds, allow_negative_numbers = true)]
    #[arg(help_heading = help::NETWORK)]
    latency: Duration,
    /// Distribution of latencies: constant, uniform or exponential
    #[arg(long, value_name = "NAME", default_value_t)]
    #[arg(value_parser = NameParser(&Distribution::ALL), hide_possible_values = true)]
    #[arg(help_heading = help::NETWORK, hide_short_help = true)]
    latency_dist: Distribution,
    /// The topology that broadcast nodes are given
    ///
    /// One of line, grid, tree, tree2, tree3, tree4 and total.
    #[arg(long, value_name = "NAME", default_value_t, value_parser = NameParser(&Topology::ALL))]
    #[arg(hide_possible_values = true)]
    #[arg(help_heading = help::NETWORK)]
    topology: Topology,
    /// Number of keys in use at a time, in transactions and kafka
    #[arg(long, value_name = "NUMBER", default_value = "10", value_parser = numbers::keys)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help_heading = help::CLIENTS, hide_short_help = true)]
    key_count: usize,
    /// Maximum number of operations in a transaction
    #[arg(long, value_name = "NUMBER", default_value = "4", value_parser = numbers::positive)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help_heading = help::CLIENTS, hide_short_help = true)]
    max_txn_length: u64,
    /// Number of writes to a key before another key replaces it
    #[arg(long, value_name = "NUMBER", default_value = "16", value_parser = numbers::positive)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help_heading = help::CLIENTS, hide_short_help = true)]
    max_writes_per_key: u64,
    /// Faults to inject, separated by commas: partition, kill, pause, …
    ///
    /// These are partition, kill, pause, one-way, loss, duplicate, slow. Maelstrom has only the
    /// first.
    #[arg(long, value_name = "FAULTS", value_delimiter = ',')]
    #[arg(value_parser = FaultParser, hide_possible_values = true)]
    #[arg(help_heading = help::FAULTS)]
    nemesis: Vec<Fault>,
    /// Mean time between two actions of the nemesis
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = numbers::interval)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help_heading = help::FAULTS, hide_short_help = true)]
    nemesis_interval: Duration,
    /// Consistency models for transactions, separated by commas: read-committed, serializable, …
    #[arg(long, value_name = "MODELS", default_value = "strict-serializable")]
    #[arg(value_delimiter = ',', value_parser = NameParser(&ConsistencyModel::ALL))]
    #[arg(hide_possible_values = true)]
    #[arg(help_heading = help::JUDGING, hide_short_help = true)]
    consistency_models: Vec<ConsistencyModel>,
    /// Required share of successful operations: any, total, or a fraction from 0 to 1 [default:
    /// any]
    #[arg(long, value_parser = numbers::goal, allow_negative_numbers = true)]
    #[arg(help_heading = help::JUDGING)]
    availability: Option<Goal>,
    /// Number of runs of the test; a run that is not valid is the last
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = numbers::positive)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help_heading = help::JUDGING, hide_short_help = true)]
    test_count: u64,
    /// Repeat what nodes write to STDERR
    #[arg(long)]
    #[arg(help_heading = help::OUTPUT)]
    log_stderr: bool,
    /// Print messages to STDERR as they are sent
    #[arg(long)]
    #[arg(help_heading = help::OUTPUT, hide_short_help = true)]
    log_net_send: bool,
    /// Print messages to STDERR as they arrive
    #[arg(long)]
    #[arg(help_heading = help::OUTPUT, hide_short_help = true)]
    log_net_recv: bool,
    /// Seed of all random choices [default: drawn, and printed]
    #[arg(long, value_name = "NUMBER")]
    #[arg(value_parser = numbers::seed, allow_negative_numbers = true)]
    #[arg(help_heading = help::NOT_IN_MAELSTROM)]
    seed: Option<u64>,
    /// Delivery of messages: maelstrom (one at a time) or plain
    #[arg(long, value_name = "NAME", default_value = "maelstrom", value_parser = delivery)]
    #[arg(help_heading = help::NOT_IN_MAELSTROM, hide_short_help = true)]
    delivery: Delivery,
    /// Tolerate output that is not a message, as Maelstrom does
    ///
    /// Without it, a line that is not a message, or a message to an unknown destination, ends the
    /// test. With it, eddy either ignores the node's output from then on, or sends the readable
    /// part of the line, and warns.
    #[arg(long, help_heading = help::NOT_IN_MAELSTROM, hide_short_help = true)]
    lenient: bool,
    /// Directory where tests are recorded
    #[arg(long, value_name = "DIR", default_value = "store")]
    #[arg(help_heading = help::NOT_IN_MAELSTROM)]
    store: PathBuf,
    /// Print results as Maelstrom does, even on a terminal
    #[arg(long, help_heading = help::NOT_IN_MAELSTROM)]
    edn: bool,
    #[command(flatten, next_help_heading = help::NOT_IN_MAELSTROM)]
    limits: LimitArguments,
    #[command(flatten)]
    without_effect: WithoutEffect,
    /// Arguments of the program that every node runs
    #[arg(value_name = "WORDS", help_heading = help::NODES)]
    words: Vec<OsString>,
}

/// Options of Maelstrom that have no meaning for the workloads and nodes of eddy.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accepted, without effect so far")]
#[expect(clippy::struct_excessive_bools, reason = "they are switches of a command line")]
struct WithoutEffect {
    #[arg(long, hide_short_help = true)]
    logging_json: bool,
    #[arg(long, hide_short_help = true)]
    leave_db_running: bool,
    #[arg(long, hide_short_help = true, value_name = "USER", default_value = "root")]
    username: String,
    #[arg(long, hide_short_help = true, value_name = "WORD", default_value = "root")]
    password: String,
    #[arg(long, hide_short_help = true)]
    strict_host_key_checking: bool,
    #[arg(long, hide_short_help = true)]
    no_ssh: bool,
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    ssh_private_key: Option<PathBuf>,
}

impl TestArguments {
    /// Settings of the test. The error says which arguments contradict each other.
    pub(super) fn settings(self) -> Result<TestSettings, String> {
        let names = self.names()?;
        if let Some(meant) = expand_tilde(&self.store) {
            let store = self.store.display();
            return Err(format!("no shell has expanded --store {store}; did you mean {meant}?"));
        }
        let notices = self.notices();
        let workload = self.workload.unwrap_or(&LinKv);
        let is_named = self.workload.is_some();
        let random_seed = || RandomState::new().build_hasher().finish();
        let test = Test {
            workload,
            nodes: names.len(),
            ids: names,
            concurrency: self.concurrency,
            rate: self.rate,
            time_limit: self.time_limit,
            latency: Latency { mean: self.latency, distribution: self.latency_dist },
            delivery: self.delivery,
            topology: self.topology,
            key_count: self.key_count,
            max_txn_length: self.max_txn_length,
            max_writes_per_key: self.max_writes_per_key,
            consistency_models: self.consistency_models,
            faults: self.nemesis.into_iter().collect(),
            nemesis_interval: self.nemesis_interval,
            strikes: Vec::new(),
            faults_until: Duration::MAX,
            availability: self.availability.unwrap_or_default(),
            lenient: self.lenient,
            seed: self.seed.unwrap_or_else(random_seed),
            trace: false,
        };
        test.validate().map_err(|error| {
            if is_named || test.validate_workload().is_ok() {
                return error;
            }
            format!(
                "{error}. Without -w the workload is {}, as in Maelstrom; did you mean \
                 another one, as in -w echo?",
                workload.name()
            )
        })?;
        Ok(TestSettings {
            test,
            notices,
            bin: self.bin,
            arguments: self.words,
            store: self.store,
            test_count: self.test_count,
            edn: self.edn,
            limits: self.limits.limits(),
            log_stderr: self.log_stderr,
            log_send: self.log_net_send,
            log_receive: self.log_net_recv,
        })
    }

    /// Notices about arguments that are valid but probably not intended.
    fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if self.workload.is_none() {
            let default = LinKv.name();
            notices.push(format!("without -w the workload is {default}, as in Maelstrom"));
        }
        if self.node_count.is_none() && self.nodes_file.is_none() {
            let names = self.nodes.iter().chain(&self.node).cloned().collect::<Vec<_>>();
            notices.extend(typos::name_notice(&names));
        }
        if self.rate <= 0.0 {
            notices.push("clients do nothing until the time limit, because --rate is 0".to_owned());
        }
        // The error about a missing program covers its arguments.
        if self.bin.exists() {
            let behind_dashes = env::args_os().skip_while(|word| word != "--").skip(1).count();
            notices.extend(typos::word_notices(&self.words, behind_dashes));
        }
        notices
    }

    /// Nodes from all options that name nodes, in Jepsen's order.
    fn names(&self) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        if let Some(path) = &self.nodes_file {
            let text = fs::read_to_string(path);
            let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
            names.extend(text.lines().map(|line| line.trim().to_owned()));
            names.retain(|name| !name.is_empty());
            if names.is_empty() {
                return Err(format!(
                    "{} names no node; expected --nodes-file to have one on each line",
                    path.display()
                ));
            }
        }
        match (self.node_count, &self.nodes) {
            (Some(count), _) => names.extend((0..count).map(|number| format!("n{number}"))),
            (None, Some(nodes)) => names.extend(nodes.split(',').map(|name| name.trim().into())),
            (None, None) => {}
        }
        names.extend(self.node.iter().cloned());
        if names.is_empty() {
            names.extend((1..=5).map(|number| format!("n{number}")));
        }
        Ok(names)
    }
}

fn delivery(received: &str) -> Result<Delivery, String> {
    match name::find("delivery", &["maelstrom", "plain"], received) {
        Ok("plain") => Ok(Delivery::Plain),
        Ok(_) => Ok(Delivery::Maelstrom),
        Err(error) => Err(error.to_string()),
    }
}
