//! A test as a state machine: initialization, setup, operations and faults, final operations.
//!
//! It is told what time it is and what nodes say, and tells which line goes to which node and when
//! it wants to be asked again. It has no clock, no processes and no tasks, so that a test with real
//! processes and one in virtual time are the same code, and differ only in who asks.

mod clients;
mod complaint;
mod hint;
mod strays;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::value::RawValue;

use self::clients::{Clients, Purpose, Waiting};
pub(crate) use self::complaint::Complaint;
use self::strays::Strays;
use crate::client::{Completion, TIMEOUT};
use crate::edn::{Map, Set, Value};
use crate::generator::{Next, Phase, Plan, Schedule};
use crate::history::{History, Kind, Op, Process};
use crate::nemesis::{Action, Grudge};
use crate::network::{EventKind, Journal, Message, Network};
use crate::random::Random;
use crate::test::Test;
use crate::workload::{self, Operation, Operations};

/// How long a node may take to answer `init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// The state of a test; all times count from when its nodes were started.
pub(crate) struct Interpreter {
    nodes: Vec<String>,
    /// Each node's place in `nodes`.
    numbers: BTreeMap<String, usize>,
    network: Network,
    clients: Clients,
    operations: Box<dyn Operations>,
    values: Random,
    grudges: Random,
    plan: Plan,
    seed: Random,
    stage: Stage,
    strays: Strays,
    /// When setup began: the time 0 of the history.
    zero: Duration,
    history: History,
}

enum Stage {
    Initializing,
    SettingUp,
    Running(Box<Schedule>),
}

/// What the caller is to do.
pub(crate) enum Step {
    /// Hand this message to the node of this number, and ask again.
    Deliver { node: usize, message: Message },
    /// Ask again when a node has said something, or at this time if there is one.
    Wait(Option<Duration>),
    /// The test is over.
    Done,
}

impl Interpreter {
    /// A test whose nodes are about to be started.
    pub(crate) fn new(test: &Test) -> Interpreter {
        let nodes = test.node_ids();
        let seed = Random::seeded(test.seed);
        let operations = test.workload.operations(test.topology);
        let plan = Plan {
            concurrency: test.concurrency.threads(nodes.len()),
            rate: test.rate,
            time_limit: test.time_limit,
            faults: test.faults.clone(),
            nemesis_interval: test.nemesis_interval,
            has_final: operations.last().is_some(),
        };
        let mut network =
            Network::new(test.latency, test.delivery, seed.fork("network"), test.trace);
        for node in &nodes {
            network.join(node);
        }
        let mut interpreter = Interpreter {
            clients: Clients::new(plan.concurrency),
            network,
            operations,
            values: seed.fork("operations"),
            grudges: seed.fork("grudges"),
            plan,
            seed,
            stage: Stage::Initializing,
            strays: Strays::default(),
            zero: Duration::ZERO,
            history: History::new(),
            numbers: nodes.iter().cloned().zip(0..).collect(),
            nodes,
        };
        for node in 0..interpreter.nodes.len() {
            let init = workload::init(&interpreter.nodes[node], &interpreter.nodes);
            interpreter.ask_once(Duration::ZERO, node, INIT_TIMEOUT, init);
        }
        interpreter
    }

    /// What is to be done now.
    pub(crate) fn step(&mut self, now: Duration) -> Result<Step, Complaint> {
        loop {
            if let Some(message) = self.network.receive(now) {
                match self.numbers.get(&*message.dest) {
                    Some(&node) => return Ok(Step::Deliver { node, message }),
                    None => self.answered(now, &message)?,
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

    /// A node has said a line.
    pub(crate) fn hear(&mut self, now: Duration, node: usize, line: &str) -> Result<(), Complaint> {
        let name = &self.nodes[node];
        let message = complaint::read(name, line)?;
        let body: Rc<RawValue> = message.body.to_owned().into();
        let sent = self.network.send(now, &message.src, &message.dest, body);
        sent.map_err(|_| Complaint::unknown_destination(name, &message.dest, line))
    }

    /// A node has ended, or must be given up, which none should before the test ends.
    pub(crate) fn ended(&self, node: usize, how: String) -> Complaint {
        let before = match self.clients.preparation(node) {
            Some(f) => format!("before it answered {f}, "),
            None => String::new(),
        };
        Complaint { node: self.nodes[node].clone(), text: format!("{before}it {how}") }
    }

    /// Shows every event of every message to `watcher` from now on.
    pub(crate) fn watch(&mut self, watcher: fn(EventKind, &Message)) {
        self.network.watch(watcher);
    }

    /// What clients and the nemesis did so far.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// What the network did so far.
    pub(crate) fn journal(&self) -> &Journal {
        self.network.journal()
    }

    /// How many operations clients have begun.
    pub(crate) fn invoked(&self) -> u64 {
        self.history.clients().filter(|op| op.kind == Kind::Invoke).count() as u64
    }

    /// What nodes did that Maelstrom would overlook, in sentences.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.strays.warnings()
    }

    /// What happened so far.
    pub(crate) fn into_results(self) -> (History, Network) {
        (self.history, self.network)
    }

    fn set_up(&mut self, now: Duration) {
        self.zero = now;
        self.stage = Stage::SettingUp;
        for node in 0..self.nodes.len() {
            match self.operations.setup(&self.nodes) {
                Some(request) => self.ask_once(now, node, TIMEOUT, request),
                // Maelstrom opens a client for each node's setup, needed or not; so clients have
                // the same names here as there.
                None => self.clients.skip(),
            }
        }
    }

    fn invoke(&mut self, now: Duration, thread: usize, process: u64, phase: Phase) {
        let last = self.operations.last().filter(|_| phase == Phase::Final);
        let is_final = last.is_some();
        let operation = last.unwrap_or_else(|| self.operations.next(&mut self.values));
        let mut op = self.op(now, Kind::Invoke, Process::Client(process), operation.f);
        op.value = operation.value.clone();
        if is_final {
            op.extra.push(("final?".into(), Value::Bool(true)));
        }
        self.history.push(op);
        let client = self.clients.of_thread(thread, &mut self.network);
        let node = thread % self.nodes.len();
        let purpose = Purpose::Operation { thread, process, is_final };
        self.ask(now, client, node, TIMEOUT, operation, purpose);
    }

    fn ask_once(&mut self, now: Duration, node: usize, within: Duration, operation: Operation) {
        let client = self.clients.open(&mut self.network);
        self.ask(now, client, node, within, operation, Purpose::Preparation);
    }

    fn ask(
        &mut self,
        now: Duration,
        client: u64,
        node: usize,
        within: Duration,
        operation: Operation,
        purpose: Purpose,
    ) {
        let waiting = Waiting { client, node, deadline: now + within, operation, purpose };
        let (src, body) = self.clients.wait(waiting);
        let dest = &self.nodes[node];
        let sent = self.network.send(now, &src, dest, body);
        debug_assert!(sent.is_ok(), "a client and its node are on the network");
    }

    fn answered(&mut self, now: Duration, message: &Message) -> Result<(), Complaint> {
        let Some((waiting, reply)) = self.clients.answered(message) else {
            if self.clients.are_puzzled_by(message)
                && let Some(&node) = self.numbers.get(&*message.src)
            {
                self.strays.note(node, message);
            }
            return Ok(());
        };
        let node = &self.nodes[waiting.node];
        let completion = Completion::answered(&waiting.operation, node, &reply);
        match waiting.purpose {
            Purpose::Operation { .. } => self.complete(now, waiting, completion),
            Purpose::Preparation if completion.kind != Kind::Ok => {
                let Operation { f, reply, .. } = &waiting.operation;
                return Err(Complaint::refused(node, f, reply, &message.body));
            }
            Purpose::Preparation => {
                self.clients.close(waiting.client, &mut self.network);
            }
        }
        Ok(())
    }

    fn timed_out(&mut self, now: Duration, waiting: Waiting) -> Result<(), Complaint> {
        match waiting.purpose {
            Purpose::Operation { .. } => {
                let completion = Completion::timed_out(&waiting.operation);
                self.complete(now, waiting, completion);
                Ok(())
            }
            Purpose::Preparation => {
                let Waiting { node, client, operation, .. } = waiting;
                let stray = self.strays.last(node, &clients::name(client));
                Err(Complaint::silent(&self.nodes[node], operation.f, stray))
            }
        }
    }

    fn complete(&mut self, now: Duration, waiting: Waiting, completion: Completion) {
        let Purpose::Operation { thread, process, is_final } = waiting.purpose else { return };
        let Completion { kind, value, error, exception } = completion;
        let mut op = self.op(now, kind, Process::Client(process), waiting.operation.f);
        (op.value, op.error) = (value, error);
        if is_final {
            op.extra.push(("final?".into(), Value::Bool(true)));
        }
        op.extra.extend(exception.map(|exception| ("exception".into(), exception)));
        self.history.push(op);
        let crashed = kind == Kind::Info;
        if crashed {
            self.clients.close(waiting.client, &mut self.network);
        }
        if let Stage::Running(schedule) = &mut self.stage {
            schedule.completed(now, thread, crashed);
        }
    }

    fn strike(&mut self, now: Duration, action: Action) {
        let (before, after) = match action {
            Action::StartPartition(shape) => {
                let grudge = shape.grudge(&self.nodes, &mut self.grudges);
                let isolated = Value::Vector(vec![Value::keyword("isolated"), to_edn(&grudge)]);
                self.network.cut(grudge);
                (Value::keyword(shape.to_string()), isolated)
            }
            Action::StopPartition => {
                self.network.heal();
                (Value::Nil, Value::keyword("network-healed"))
            }
        };
        for value in [before, after] {
            let mut op = self.op(now, Kind::Info, Process::Nemesis, action.to_string());
            op.value = value;
            self.history.push(op);
        }
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

fn to_edn(grudge: &Grudge) -> Value {
    let mut map = Map::new();
    for (receiver, senders) in grudge {
        let mut set = Set::new();
        for sender in senders {
            set.insert(sender.as_str());
        }
        map.insert(receiver.as_str(), Value::Set(set));
    }
    map.into()
}
