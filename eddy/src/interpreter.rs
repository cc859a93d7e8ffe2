//! A test as a state machine: initialization, setup, operations and faults, final operations.
//!
//! Lines of nodes and the time go in; lines to nodes, commands and the next deadline come out. The
//! interpreter has no clock, no processes and no tasks, so tests with real processes and tests in
//! virtual time run the same code. They differ only in the driver, see [`drive`](crate::drive).

mod clients;
mod faults;
mod forwards;
mod hint;
mod ignored_nodes;
mod late_messages;
mod lenient;
mod node_error;
mod node_output;
mod notices;
mod reply_mistakes;
mod requests;
mod run_stats;
mod sent_requests;
mod services;
mod strike_values;
mod strikes;
mod wrong_replies;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use self::clients::Clients;
use self::faults::Faults;
pub(crate) use self::faults::NodeCommand;
use self::forwards::Forwards;
use self::ignored_nodes::IgnoredNodes;
use self::late_messages::LateMessages;
pub use self::node_error::NodeError;
use self::notices::Notices;
use self::reply_mistakes::ReplyMistakes;
use self::requests::INIT_TIMEOUT;
pub use self::run_stats::RunStats;
use self::sent_requests::SentRequests;
use self::services::Services;
use self::wrong_replies::WrongReplies;
use crate::client::Operation;
use crate::edn::Value;
use crate::generator::{Generator, GeneratorStep, Plan};
use crate::history::{History, Kind, Op, Process};
use crate::nemesis::{ClusterInfo, Fault, Strike};
use crate::network::{EventKind, Network, NetworkMessage};
use crate::random::Random;
use crate::test::Test;
use crate::workload::Operations;

/// The state of a test. All times count from the start of its nodes.
pub struct Interpreter {
    nodes: Vec<String>,
    /// The index of each node in `nodes`.
    node_indices: BTreeMap<String, usize>,
    network: Network,
    services: Services,
    clients: Clients,
    operations: Box<dyn Operations>,
    /// The request to every node that has answered `init`, if there is one.
    setup: Option<Operation>,
    /// The random stream from which operations are drawn.
    operation_random: Random,
    faults: Faults,
    plan: Plan,
    /// The random stream from which all others fork.
    root_random: Random,
    stage: TestStage,
    reply_mistakes: ReplyMistakes,
    wrong_replies: WrongReplies,
    notices: Notices,
    sent_requests: SentRequests,
    /// The nodes of which the history has a malformed reply in full.
    nodes_with_full_reply: BTreeSet<usize>,
    forwards: Forwards,
    late_messages: LateMessages,
    /// True if late messages are reported: if the test has only faults that Maelstrom has, so that
    /// Maelstrom would have seen them too. A node that was killed or paused is not to blame.
    reports_late_messages: bool,
    ignored_nodes: IgnoredNodes,
    is_lenient: bool,
    /// The beginning of setup: time 0 of the history.
    history_start: Duration,
    /// The client of each process.
    clients_by_process: BTreeMap<u64, u64>,
    history: History,
    /// The number of operations that clients have invoked.
    invoked: u64,
}

/// The stage of a test.
enum TestStage {
    /// Waits until all nodes have answered `init`.
    Initializing,
    /// Waits until all nodes have answered the setup request of the workload.
    SettingUp,
    /// Runs operations and faults, including the final operations.
    Running(Box<Generator>),
}

/// An instruction to the driver of a test.
pub(crate) enum Instruction {
    /// Deliver a message to a node, and step again.
    Deliver {
        /// The index of the node.
        node: usize,
        message: NetworkMessage,
    },
    /// Execute this command, and step again.
    Command(NodeCommand),
    /// Step again at this time if there is one, or earlier if there is an event of a node.
    Wait(Option<Duration>),
    /// The test is over.
    Done,
}

impl Interpreter {
    /// The interpreter of a test whose nodes are about to be started.
    pub fn new(test: &Test) -> Interpreter {
        let nodes = test.node_ids();
        let root_random = Random::seeded(test.seed);
        let operations = test.workload.operations(&test.parameters());
        let concurrency = test.concurrency.threads(nodes.len());
        let plan = Plan {
            concurrency,
            thread_groups: operations.thread_groups(concurrency),
            rate: test.rate,
            time_limit: test.time_limit,
            faults: test.faults.clone(),
            nemesis_interval: test.nemesis_interval,
            strikes: test.strikes.clone(),
            faults_until: test.faults_until,
            cluster: Rc::new(ClusterInfo { nodes: nodes.clone(), latency: test.latency.mean }),
            has_final: operations.has_final() || test.has_faults_beyond_maelstrom(),
        };
        let mut network =
            Network::new(test.latency, test.delivery, root_random.fork("network"), test.trace);
        for node in &nodes {
            network.join(node);
        }
        let mut interpreter = Interpreter {
            clients: Clients::new(plan.concurrency, operations.reuses_clients()),
            network,
            services: Services::new(&root_random),
            setup: operations.setup(&nodes),
            operations,
            operation_random: root_random.fork("operations"),
            faults: Faults::new(nodes.len()),
            plan,
            root_random,
            stage: TestStage::Initializing,
            reply_mistakes: ReplyMistakes::default(),
            wrong_replies: WrongReplies::default(),
            notices: Notices::default(),
            sent_requests: SentRequests::default(),
            nodes_with_full_reply: BTreeSet::new(),
            forwards: Forwards::default(),
            late_messages: LateMessages::default(),
            reports_late_messages: !test.has_faults_beyond_maelstrom(),
            ignored_nodes: IgnoredNodes::default(),
            is_lenient: test.lenient,
            history_start: Duration::ZERO,
            clients_by_process: BTreeMap::new(),
            history: History::new(),
            invoked: 0,
            node_indices: nodes.iter().cloned().zip(0..).collect(),
            nodes,
        };
        for node in 0..interpreter.nodes.len() {
            interpreter.initialize(Duration::ZERO, node);
        }
        interpreter
    }

    /// Returns the next instruction to the driver.
    pub(crate) fn step(&mut self, now: Duration) -> Result<Instruction, NodeError> {
        loop {
            if let Some(command) = self.faults.next_command() {
                return Ok(Instruction::Command(command));
            }
            if let Some((node, message)) = self.faults.next_released() {
                return Ok(Instruction::Deliver { node, message });
            }
            if let Some(message) = self.network.receive(now) {
                match self.node_indices.get(&*message.dest).copied() {
                    Some(node) if self.faults.is_paused(node) => {
                        self.network.count_affected(Fault::Pause);
                        self.faults.buffer(node, message);
                    }
                    Some(node) => return Ok(Instruction::Deliver { node, message }),
                    None if self.serve(now, &message) => {}
                    None => {
                        self.handle_reply(now, &message)?;
                        self.report_mistakes();
                    }
                }
                continue;
            }
            if let Some(request) = self.clients.expired(now) {
                self.handle_timeout(now, request)?;
                continue;
            }
            let deadline = match &mut self.stage {
                TestStage::Initializing | TestStage::SettingUp
                    if self.clients.has_outstanding() =>
                {
                    None
                }
                TestStage::Initializing => {
                    self.set_up(now);
                    continue;
                }
                TestStage::SettingUp => {
                    self.faults.set_strikes_start(now);
                    let random = self.root_random.fork("schedule");
                    let generator = Generator::new(&self.plan, now, &random);
                    self.stage = TestStage::Running(Box::new(generator));
                    continue;
                }
                TestStage::Running(generator) => match generator.next(now) {
                    GeneratorStep::Invoke { thread, process, phase } => {
                        self.invoke(now, thread, process, phase);
                        continue;
                    }
                    GeneratorStep::Strike(action) => {
                        self.strike(now, action);
                        continue;
                    }
                    GeneratorStep::WaitUntil(time) => Some(time),
                    GeneratorStep::WaitForCompletion => None,
                    GeneratorStep::Done => return Ok(Instruction::Done),
                },
            };
            let deadlines = [deadline, self.network.next_arrival(), self.clients.next_deadline()];
            return Ok(Instruction::Wait(deadlines.into_iter().flatten().min()));
        }
    }

    /// Records the restart of a node. Its timeout of `init` counts from now, because the restart
    /// may have taken long.
    pub(crate) fn node_started(&mut self, now: Duration, node: usize) {
        self.clients.extend_preparation(node, now + INIT_TIMEOUT);
        self.ignored_nodes.stop_ignoring(node);
    }

    /// Handles the unexpected end of an incarnation of a node, which is an error unless that
    /// incarnation was killed.
    pub(crate) fn node_ended(
        &self,
        node: usize,
        incarnation: u64,
        cause: String,
    ) -> Result<(), NodeError> {
        if incarnation < self.faults.kill_count(node) {
            return Ok(());
        }
        let text = match self.clients.preparation_function(node) {
            Some(f) => format!("before it answered {f}, it {cause}"),
            None => format!("it {cause}"),
        };
        Err(self.node_error(node, text))
    }

    fn node_error(&self, node: usize, text: String) -> NodeError {
        let when = if self.faults.kill_count(node) > 0 { "after its restart, " } else { "" };
        NodeError { node: self.nodes[node].clone(), text: format!("{when}{text}") }
    }

    /// Passes every event of every message to `watcher` from now on.
    pub fn watch(&mut self, watcher: fn(EventKind, &NetworkMessage)) {
        self.network.watch(watcher);
    }

    /// The history so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Sentences about mistakes of nodes that Maelstrom would overlook, the most relevant first.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let late = self.reports_late_messages.then(|| self.late_messages.warnings(&self.nodes));
        let warnings =
            self.ignored_nodes.warnings().into_iter().chain(self.reply_mistakes.warnings());
        let warnings = warnings.chain(self.forwards.warnings(&self.nodes));
        warnings.chain(late.unwrap_or_default()).chain(self.operations.warning()).collect()
    }

    /// The number of warnings, at the front of [`Interpreter::warnings`], that explain why clients
    /// got no reply.
    pub(crate) fn no_reply_warning_count(&self) -> usize {
        self.ignored_nodes.warnings().len() + self.reply_mistakes.no_reply_warning_count()
    }

    /// The time of the history at which the first operation was due. The times of strikes count
    /// from it.
    pub(crate) fn strikes_start(&self) -> Duration {
        self.faults.strikes_start().saturating_sub(self.history_start)
    }

    /// The beginning of setup, from which the times of the history count.
    pub(crate) fn history_start(&self) -> Duration {
        self.history_start
    }

    /// The name of each process's client on the network.
    pub(crate) fn client_names(&self) -> BTreeMap<u64, String> {
        let name = |(process, client): (&u64, &u64)| (*process, clients::name(*client));
        self.clients_by_process.iter().map(name).collect()
    }

    /// The history, the network, and the strikes that happened.
    pub(crate) fn into_results(self) -> (History, Network, Vec<Strike>) {
        let strikes = self.faults.strikes(self.plan.time_limit);
        (self.history, self.network, strikes)
    }

    fn op(
        &self,
        now: Duration,
        kind: Kind,
        process: Process,
        f: impl Into<Cow<'static, str>>,
    ) -> Op {
        let time =
            u64::try_from(now.saturating_sub(self.history_start).as_nanos()).unwrap_or(u64::MAX);
        let index = self.history.ops().len();
        Op { kind, ..Op::invoke(index, time, process, f, Value::Nil) }
    }
}
