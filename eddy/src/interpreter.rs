//! A test as a state machine: initialization, setup, operations and faults, final operations.
//!
//! It is told what time it is and what nodes say, and tells which line goes to which node and when
//! it wants to be asked again. It has no clock, no processes and no tasks, so that a test with real
//! processes and one in virtual time are the same code, and differ only in who asks.

mod asked;
mod clients;
mod complaint;
mod deaf;
mod faults;
mod forwards;
mod hearing;
mod hint;
mod late;
mod lenient;
mod mistakes;
mod notices;
mod outcome;
mod requests;
mod services;
mod wrong_replies;
mod strikes;
mod tally;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use self::asked::Asked;
use self::clients::Clients;
pub use self::complaint::Complaint;
use self::deaf::Deaf;
use self::faults::Faults;
pub(crate) use self::faults::Order;
use self::forwards::Forwards;
use self::late::Late;
use self::mistakes::Mistakes;
use self::notices::Notices;
use self::requests::INIT_TIMEOUT;
use self::services::Services;
pub use self::tally::Tally;
use self::wrong_replies::WrongReplies;
use crate::client::Operation;
use crate::edn::Value;
use crate::generator::{Next, Plan, Schedule};
use crate::history::{History, Kind, Op, Process};
use crate::nemesis::{Cluster, Fault, Strike};
use crate::network::{EventKind, Message, Network};
use crate::random::Random;
use crate::test::Test;
use crate::workload::Operations;

/// The state of a test; all times count from when its nodes were started.
pub struct Interpreter {
    nodes: Vec<String>,
    /// Each node's place in `nodes`.
    numbers: BTreeMap<String, usize>,
    network: Network,
    services: Services,
    clients: Clients,
    operations: Box<dyn Operations>,
    /// What every node is asked when it has answered `init`, if anything.
    setup: Option<Operation>,
    values: Random,
    faults: Faults,
    plan: Plan,
    seed: Random,
    stage: Stage,
    mistakes: Mistakes,
    wrong_replies: WrongReplies,
    notices: Notices,
    asked: Asked,
    /// The nodes of which a malformed reply is in the history whole.
    malformed: BTreeSet<usize>,
    forwards: Forwards,
    late: Late,
    /// Whether Maelstrom would have seen every late message, because nothing goes wrong that it
    /// does not know. A node that was killed or paused is late through no fault of its own.
    is_lateness_told: bool,
    deaf: Deaf,
    is_lenient: bool,
    /// When setup began: the time 0 of the history.
    zero: Duration,
    /// The client that each process is on the network.
    processes: BTreeMap<u64, u64>,
    history: History,
    /// How many operations clients have begun.
    invoked: u64,
}

enum Stage {
    Initializing,
    SettingUp,
    Running(Box<Schedule>),
}

/// What the caller is to do.
pub(crate) enum Step {
    /// Hand a message to a node, and ask again.
    Deliver {
        /// The number of the node.
        node: usize,
        /// The message.
        message: Message,
    },
    /// Do this to a node, and ask again.
    Order(Order),
    /// Ask again when a node has said something, or at this time if there is one.
    Wait(Option<Duration>),
    /// The test is over.
    Done,
}

impl Interpreter {
    /// A test whose nodes are about to be started.
    pub fn new(test: &Test) -> Interpreter {
        let nodes = test.node_ids();
        let seed = Random::seeded(test.seed);
        let operations = test.workload.operations(&test.parameters());
        let concurrency = test.concurrency.threads(nodes.len());
        let plan = Plan {
            concurrency,
            crews: operations.crews(concurrency),
            rate: test.rate,
            time_limit: test.time_limit,
            faults: test.faults.clone(),
            nemesis_interval: test.nemesis_interval,
            strikes: test.strikes.clone(),
            faults_until: test.faults_until,
            cluster: Rc::new(Cluster { nodes: nodes.clone(), latency: test.latency.mean }),
            has_final: operations.has_last() || test.is_beyond_maelstrom(),
        };
        let mut network =
            Network::new(test.latency, test.delivery, seed.fork("network"), test.trace);
        for node in &nodes {
            network.join(node);
        }
        let mut interpreter = Interpreter {
            clients: Clients::new(plan.concurrency, operations.reuses_clients()),
            network,
            services: Services::new(&seed),
            setup: operations.setup(&nodes),
            operations,
            values: seed.fork("operations"),
            faults: Faults::new(nodes.len()),
            plan,
            seed,
            stage: Stage::Initializing,
            mistakes: Mistakes::default(),
            wrong_replies: WrongReplies::default(),
            notices: Notices::default(),
            asked: Asked::default(),
            malformed: BTreeSet::new(),
            forwards: Forwards::default(),
            late: Late::default(),
            is_lateness_told: !test.is_beyond_maelstrom(),
            deaf: Deaf::default(),
            is_lenient: test.lenient,
            zero: Duration::ZERO,
            processes: BTreeMap::new(),
            history: History::new(),
            invoked: 0,
            numbers: nodes.iter().cloned().zip(0..).collect(),
            nodes,
        };
        for node in 0..interpreter.nodes.len() {
            interpreter.initialize(Duration::ZERO, node);
        }
        interpreter
    }

    /// What is to be done now.
    pub(crate) fn step(&mut self, now: Duration) -> Result<Step, Complaint> {
        loop {
            if let Some(order) = self.faults.next_order() {
                return Ok(Step::Order(order));
            }
            if let Some((node, message)) = self.faults.next_released() {
                return Ok(Step::Deliver { node, message });
            }
            if let Some(message) = self.network.receive(now) {
                match self.numbers.get(&*message.dest).copied() {
                    Some(node) if self.faults.is_paused(node) => {
                        self.network.struck(Fault::Pause);
                        self.faults.hold(node, message);
                    }
                    Some(node) => return Ok(Step::Deliver { node, message }),
                    None if self.serve(now, &message) => {}
                    None => {
                        self.answered(now, &message)?;
                        self.tell_news();
                    }
                }
                continue;
            }
            if let Some(waiting) = self.clients.expired(now) {
                self.timed_out(now, waiting)?;
                continue;
            }
            let wake = match &mut self.stage {
                Stage::Initializing | Stage::SettingUp if self.clients.are_waiting() => None,
                Stage::Initializing => {
                    self.set_up(now);
                    continue;
                }
                Stage::SettingUp => {
                    self.faults.start(now);
                    let schedule = Schedule::new(&self.plan, now, &self.seed.fork("schedule"));
                    self.stage = Stage::Running(Box::new(schedule));
                    continue;
                }
                Stage::Running(schedule) => match schedule.next(now) {
                    Next::Invoke { thread, process, phase } => {
                        self.invoke(now, thread, process, phase);
                        continue;
                    }
                    Next::Strike(action) => {
                        self.strike(now, action);
                        continue;
                    }
                    Next::WaitUntil(time) => Some(time),
                    Next::WaitForCompletion => None,
                    Next::Done => return Ok(Step::Done),
                },
            };
            let wakes = [wake, self.network.next_arrival(), self.clients.next_deadline()];
            return Ok(Step::Wait(wakes.into_iter().flatten().min()));
        }
    }

    /// A node has been started again, which may have taken time that is not its own.
    pub(crate) fn started(&mut self, now: Duration, node: usize) {
        self.clients.give_time(node, now + INIT_TIMEOUT);
        self.deaf.hear_again(node);
    }

    /// A node has ended, or must be given up, in this of its lives, which none should before the
    /// test ends. Of one that was killed meanwhile, nobody wants to know.
    pub(crate) fn ended(&self, node: usize, life: u64, how: String) -> Result<(), Complaint> {
        if life < self.faults.deaths(node) {
            return Ok(());
        }
        let before = match self.clients.preparation(node) {
            Some(f) => format!("before it answered {f}, "),
            None => String::new(),
        };
        Err(self.complain(node, format!("{before}it {how}")))
    }

    fn complain(&self, node: usize, text: String) -> Complaint {
        let again = if self.faults.deaths(node) > 0 { "started again, " } else { "" };
        Complaint { node: self.nodes[node].clone(), text: format!("{again}{text}") }
    }

    /// Shows every event of every message to `watcher` from now on.
    pub fn watch(&mut self, watcher: fn(EventKind, &Message)) {
        self.network.watch(watcher);
    }

    /// What clients and the nemesis did so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What nodes did that Maelstrom would overlook, in sentences, the most telling first.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let late = self.is_lateness_told.then(|| self.late.warnings(&self.nodes));
        let warnings = self.deaf.warnings().into_iter().chain(self.mistakes.warnings());
        let warnings = warnings.chain(self.forwards.warnings(&self.nodes));
        warnings.chain(late.unwrap_or_default()).chain(self.operations.warning()).collect()
    }

    /// How many of the warnings, the first ones, tell why clients hear no answer.
    pub(crate) fn silencing(&self) -> usize {
        self.deaf.warnings().len() + self.mistakes.silencing()
    }

    /// When the first operation was due, which is what the times of strikes count from, in the time
    /// of the history, which counts from when setup began.
    pub(crate) fn operations_began(&self) -> Duration {
        self.faults.began().saturating_sub(self.zero)
    }

    /// When setup began, which is what the times of the history count from.
    pub(crate) fn zero(&self) -> Duration {
        self.zero
    }

    /// Each process, with the name that its client has on the network.
    pub(crate) fn processes(&self) -> BTreeMap<u64, String> {
        let named = |(process, client): (&u64, &u64)| (*process, clients::name(*client));
        self.processes.iter().map(named).collect()
    }

    /// What happened so far.
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
        let time = u64::try_from(now.saturating_sub(self.zero).as_nanos()).unwrap_or(u64::MAX);
        let index = self.history.ops().len();
        Op { kind, ..Op::invoke(index, time, process, f, Value::Nil) }
    }
}
