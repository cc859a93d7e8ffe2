//! A test as a state machine: initialization, setup, operations and faults, final operations.
//!
//! It is told what time it is and what nodes say, and tells which line goes to which node and when
//! it wants to be asked again. It has no clock, no processes and no tasks, so that a test with real
//! processes and one in virtual time are the same code, and differ only in who asks.

mod clients;
mod complaint;
mod faults;
mod hint;
mod outcome;
mod strays;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::value::RawValue;

use self::clients::{Clients, Purpose, Waiting};
pub(crate) use self::complaint::Complaint;
use self::faults::Faults;
pub(crate) use self::faults::Order;
use self::strays::Strays;
use crate::client::{Completion, TIMEOUT};
use crate::edn::Value;
use crate::generator::{Next, Phase, Plan, Schedule};
use crate::history::{History, Kind, Op, Process};
use crate::nemesis::{Action, Cluster, Fault, Harm, Strike};
use crate::network::{Admission, EventKind, Journal, Message, Network};
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
    /// What every node is asked when it has answered `init`, if anything.
    setup: Option<Operation>,
    values: Random,
    faults: Faults,
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
    /// Do this to a node, and ask again.
    Order(Order),
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
            strikes: test.strikes.clone(),
            cluster: Rc::new(Cluster { nodes: nodes.clone(), latency: test.latency.mean }),
            has_final: operations.last().is_some() || test.is_beyond_maelstrom(),
        };
        let mut network =
            Network::new(test.latency, test.delivery, seed.fork("network"), test.trace);
        for node in &nodes {
            network.join(node);
        }
        let mut interpreter = Interpreter {
            clients: Clients::new(plan.concurrency),
            network,
            setup: operations.setup(&nodes),
            operations,
            values: seed.fork("operations"),
            faults: Faults::new(nodes.len()),
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
                match self.numbers.get(&*message.dest) {
                    Some(&node) if self.faults.is_paused(node) => {
                        self.network.struck(Fault::Pause);
                        self.faults.hold(node, message);
                    }
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

    /// A node has said a line.
    pub(crate) fn hear(&mut self, now: Duration, node: usize, line: &str) -> Result<(), Complaint> {
        let name = &self.nodes[node];
        let message = complaint::read(name, line)?;
        let body: Rc<RawValue> = message.body.to_owned().into();
        let sent = self.network.send(now, &message.src, &message.dest, body);
        sent.map_err(|_| Complaint::unknown_destination(name, &message.dest, line))
    }

    /// A node has been started again, which may have taken time that is not its own.
    pub(crate) fn started(&mut self, now: Duration, node: usize) {
        self.clients.give_time(node, now + INIT_TIMEOUT);
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
    pub(crate) fn into_results(self) -> (History, Network, Vec<Strike>) {
        let strikes = self.faults.strikes(self.plan.time_limit);
        (self.history, self.network, strikes)
    }

    fn initialize(&mut self, now: Duration, node: usize) {
        let init = workload::init(&self.nodes[node], &self.nodes);
        self.ask_once(now, node, INIT_TIMEOUT, init);
    }

    fn set_up(&mut self, now: Duration) {
        self.zero = now;
        self.stage = Stage::SettingUp;
        for node in 0..self.nodes.len() {
            match self.setup.clone() {
                Some(request) => self.ask_once(now, node, TIMEOUT, request),
                // Maelstrom opens a client for each node's setup, needed or not; so clients have
                // the same names here as there.
                None => self.clients.skip(),
            }
        }
    }

    fn invoke(&mut self, now: Duration, thread: usize, process: u64, phase: Phase) {
        let is_final = phase == Phase::Final;
        let last = self.operations.last().filter(|_| is_final);
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
        if self.faults.deaths(node) > 0 && operation.f == "init" {
            self.network.admit(&self.nodes[node], Admission::Only(clients::name(client)));
        }
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
                let text = complaint::refusal(f, reply, &message.body);
                return Err(self.complain(waiting.node, text));
            }
            Purpose::Preparation => {
                self.clients.close(waiting.client, &mut self.network);
                if waiting.operation.f == "init" && matches!(self.stage, Stage::Running(_)) {
                    self.is_back(now, waiting.node);
                }
            }
        }
        Ok(())
    }

    /// A node that was started again has answered `init`.
    fn is_back(&mut self, now: Duration, node: usize) {
        self.network.admit(&self.nodes[node], Admission::Everybody);
        if let Some(request) = self.setup.clone() {
            self.ask_once(now, node, TIMEOUT, request);
        }
    }

    fn timed_out(&mut self, now: Duration, waiting: Waiting) -> Result<(), Complaint> {
        match waiting.purpose {
            Purpose::Operation { .. } => {
                let completion = Completion::timed_out(&waiting.operation);
                self.complete(now, waiting, completion);
                Ok(())
            }
            Purpose::Preparation if self.cannot_have_answered(&waiting) => {
                self.clients.wait_longer(waiting, now + INIT_TIMEOUT);
                Ok(())
            }
            Purpose::Preparation => {
                let Waiting { node, client, operation, .. } = waiting;
                let stray = self.strays.last(node, &clients::name(client));
                let text = complaint::silence(operation.f, stray);
                Err(self.complain(node, text))
            }
        }
    }

    /// Whether a node stands still, or was started again and has not got the request yet, because
    /// its receiver carries what was sent to its former life.
    fn cannot_have_answered(&self, Waiting { node, client, .. }: &Waiting) -> bool {
        let is_on_its_way =
            || self.network.is_on_its_way(&clients::name(*client), &self.nodes[*node]);
        self.faults.is_paused(*node) || (self.faults.deaths(*node) > 0 && is_on_its_way())
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
        let f = action.to_string();
        let (before, after) = match action {
            Action::Begin { nemesis, due, drawn, harm } => (drawn, self.begin(due, nemesis, harm)),
            Action::End { nemesis, due, fault } => {
                let harm = self.faults.end(due, nemesis);
                self.end(now, nemesis, fault, harm)
            }
        };
        for value in [before, after] {
            let mut op = self.op(now, Kind::Info, Process::Nemesis, f.clone());
            op.value = value;
            self.history.push(op);
        }
    }

    /// Begins a strike, and gives what is to be said of it.
    fn begin(&mut self, due: Duration, nemesis: usize, harm: Harm) -> Value {
        self.network.strike(nemesis, &harm, &self.nodes);
        for node in self.numbers_of(&harm) {
            match harm.fault() {
                Fault::Kill => self.kill(nemesis, node),
                Fault::Pause => {
                    self.faults.pause(nemesis, node);
                }
                _ => {}
            }
        }
        let struck = outcome::of(&harm, &self.nodes);
        self.faults.begin(due, nemesis, harm);
        struck
    }

    /// Ends a strike, and gives what is to be said of it, before and after.
    fn end(
        &mut self,
        now: Duration,
        nemesis: usize,
        fault: Fault,
        harm: Option<Harm>,
    ) -> (Value, Value) {
        self.network.end_strike(nemesis);
        let mut helped = Vec::new();
        if let Some(harm) = harm {
            for node in self.numbers_of(&harm) {
                let is_helped = match fault {
                    Fault::Kill => self.faults.revive(nemesis, node),
                    Fault::Pause => self.faults.resume(nemesis, node),
                    _ => false,
                };
                if is_helped {
                    helped.push(node);
                }
            }
        }
        for &node in &helped {
            match fault {
                Fault::Kill => self.initialize(now, node),
                _ => self.clients.give_time(node, now + INIT_TIMEOUT),
            }
        }
        outcome::of_end(fault, helped.iter().map(|node| self.nodes[*node].as_str()))
    }

    fn kill(&mut self, nemesis: usize, node: usize) {
        let Some(lost) = self.faults.kill(nemesis, node) else { return };
        self.network.admit(&self.nodes[node], Admission::Nobody);
        (0..lost).for_each(|_| self.network.struck(Fault::Kill));
        self.clients.give_up_preparation(node, &mut self.network);
    }

    fn numbers_of(&self, harm: &Harm) -> Vec<usize> {
        harm.names().iter().filter_map(|name| self.numbers.get(name)).copied().collect()
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
