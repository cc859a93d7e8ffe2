//! What clients ask of nodes, and what becomes of it.
//!
//! Initialization and setup come first, and again when a node was killed; without an answer to them
//! there is no test. Operations are what the history is about.

use std::time::Duration;

use super::clients::{self, Purpose, Waiting};
use super::{Complaint, Interpreter, Stage, complaint};
use crate::client::{Completion, TIMEOUT};
use crate::edn::Value;
use crate::generator::Phase;
use crate::history::{Kind, Process};
use crate::network::{Admission, Message};
use crate::workload::{self, Operation};

/// How long a node may take to answer `init`.
pub(super) const INIT_TIMEOUT: Duration = Duration::from_secs(10);

impl Interpreter {
    /// Asks a node to begin.
    pub(super) fn initialize(&mut self, now: Duration, node: usize) {
        let init = workload::init(&self.nodes[node], &self.nodes);
        self.ask_once(now, node, INIT_TIMEOUT, init);
    }

    pub(super) fn set_up(&mut self, now: Duration) {
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

    pub(super) fn invoke(&mut self, now: Duration, thread: usize, process: u64, phase: Phase) {
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

    pub(super) fn answered(&mut self, now: Duration, message: &Message) -> Result<(), Complaint> {
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

    pub(super) fn timed_out(&mut self, now: Duration, waiting: Waiting) -> Result<(), Complaint> {
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
}
