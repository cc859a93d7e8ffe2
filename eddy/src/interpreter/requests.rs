//! What clients ask of nodes, and what becomes of it.
//!
//! Initialization and setup come first, and again when a node was killed; without an answer to them
//! there is no test. Operations are what the history is about.

use std::time::Duration;

use eddy_text::printable::SCREEN;

use super::clients::{self, Purpose, Waiting};
use super::complaint::Said;
use super::{Complaint, Interpreter, Stage, complaint};
use crate::client::{Answer, Completion, EXCERPT, Next, Operation, TIMEOUT, Work};
use crate::edn::Value;
use crate::generator::Phase;
use crate::history::{Kind, Process};
use crate::network::{Admission, Message};
use crate::workload::Turn;

/// How long a node may take to answer `init`.
pub(super) const INIT_TIMEOUT: Duration = Duration::from_secs(10);

impl Interpreter {
    /// Asks a node to begin.
    pub(super) fn initialize(&mut self, now: Duration, node: usize) {
        let init = Operation::init(&self.nodes[node], &self.nodes);
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
        let turn = Turn { now, thread, process };
        let operation = if is_final && self.operations.has_last() {
            self.operations.last(turn, &mut self.values)
        } else {
            Some(self.operations.next(turn, &mut self.values))
        };
        let Some(mut operation) = operation else {
            return self.released(now, thread, false);
        };
        let is_crash = matches!(operation.work, Work::End(Kind::Info));
        if is_final && !is_crash {
            operation.extra.push(("final?".into(), Value::Bool(true)));
        }
        let mut op = self.op(now, Kind::Invoke, Process::Client(process), operation.f);
        (op.value, op.extra) = (operation.value.clone(), operation.extra.clone());
        self.history.push(op);
        self.invoked += 1;
        let client = self.clients.of_thread(thread, process, &mut self.network);
        self.processes.insert(process, client);
        let purpose = Purpose::Operation { thread, process, is_final };
        match operation.work.clone() {
            Work::Ask(request) => {
                let node = thread % self.nodes.len();
                let deadline = now + self.operations.timeout();
                self.ask(now, Waiting { client, node, deadline, operation, request, purpose });
            }
            Work::End(kind) => {
                let completion = Completion::of(kind, operation.value.clone());
                self.complete(now, &operation, purpose, completion);
            }
        }
    }

    /// Notes a message of a node that has yet to answer what prepares it, if it looks like the
    /// answer and is none. Whether that was told: the first one to each client is.
    pub(super) fn tell_wrong_reply(&mut self, node: usize, said: &Said<'_>) -> bool {
        let Some((waiting, msg_id)) = self.clients.preparing(node) else { return false };
        let name = &self.nodes[node];
        let patience = if waiting.operation.f == "init" { INIT_TIMEOUT } else { TIMEOUT };
        let notice = self.wrong_replies.note((node, name), said, waiting, msg_id, patience);
        if let Some(notice) = &notice {
            self.notices.tell(notice);
        }
        notice.is_some()
    }

    fn ask_once(&mut self, now: Duration, node: usize, within: Duration, operation: Operation) {
        let client = self.clients.open(&mut self.network);
        if self.faults.deaths(node) > 0 && operation.f == "init" {
            self.network.admit(&self.nodes[node], Admission::Only(clients::name(client)));
        }
        let Work::Ask(request) = operation.work.clone() else { return };
        let (deadline, purpose) = (now + within, Purpose::Preparation);
        self.ask(now, Waiting { client, node, deadline, operation, request, purpose });
    }

    fn ask(&mut self, now: Duration, waiting: Waiting) {
        let dest = &self.nodes[waiting.node];
        let (src, body) = self.clients.wait(waiting);
        let sent = self.network.send(now, &src, dest, body);
        debug_assert!(sent.is_ok(), "a client and its node are on the network");
    }

    pub(super) fn answered(&mut self, now: Duration, message: &Message) -> Result<(), Complaint> {
        let Some((waiting, reply)) = self.clients.answered(message) else {
            if self.numbers.contains_key(&*message.src)
                && let Some(what) = self.clients.unsolicited(message)
            {
                self.mistakes.note_unsolicited(message, what);
            }
            return Ok(());
        };
        let node = &self.nodes[waiting.node];
        let Waiting { operation, request, .. } = &waiting;
        self.mistakes.note_error(node, operation.f, &reply);
        let is_known = self.malformed.contains(&waiting.node);
        let letters = if is_known { EXCERPT } else { SCREEN };
        let operations = &mut self.operations;
        let make = || match waiting.purpose {
            Purpose::Operation { process, .. } => {
                operations.answered(process, operation, request, &reply)
            }
            Purpose::Preparation => Ok(Answer::Done(Value::Nil)),
        };
        let next = Completion::answered(operation, request, node, &reply, letters, make);
        let completion = match next {
            Next::Complete(completion) => {
                self.tell_malformed(waiting.node, waiting.operation.f, &completion);
                if completion.exception.is_some() {
                    self.malformed.insert(waiting.node);
                }
                completion
            }
            Next::Ask(request) => {
                let deadline = now + self.operations.timeout();
                self.ask(now, Waiting { deadline, request, ..waiting });
                return Ok(());
            }
        };
        match waiting.purpose {
            Purpose::Operation { .. } => {
                let Waiting { operation, purpose, .. } = waiting;
                self.complete(now, &operation, purpose, completion);
            }
            Purpose::Preparation if completion.kind != Kind::Ok => {
                let text = complaint::refusal(operation.f, &request.reply, &message.body);
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
                self.clients.give_up(&waiting);
                let Waiting { node, operation, request, purpose, .. } = waiting;
                let node = &self.nodes[node];
                let completion = Completion::timed_out(&operation, &request, node);
                self.complete(now, &operation, purpose, completion);
                Ok(())
            }
            Purpose::Preparation if self.cannot_have_answered(&waiting) => {
                self.clients.wait_longer(waiting, now + INIT_TIMEOUT);
                Ok(())
            }
            Purpose::Preparation => {
                let Waiting { node, client, operation, .. } = waiting;
                if let Some(complaint) = self.deaf.complaint(node) {
                    return Err(complaint.clone());
                }
                let wrong = self.wrong_replies.told((node, &self.nodes[node]), client);
                let text = complaint::silence(operation.f, wrong);
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

    fn complete(
        &mut self,
        now: Duration,
        operation: &Operation,
        purpose: Purpose,
        completion: Completion,
    ) {
        let Purpose::Operation { thread, process, is_final } = purpose else { return };
        let Completion { kind, value, error, exception } = completion;
        let mut op = self.op(now, kind, Process::Client(process), operation.f);
        (op.value, op.error, op.extra) = (value, error, operation.extra.clone());
        op.extra.extend(exception.map(|exception| ("exception".into(), exception)));
        self.operations.completed(thread, &op);
        self.history.push(op);
        self.released(now, thread, kind == Kind::Info);
        if is_final
            && let Some(due) = self.operations.again(now, thread)
            && let Stage::Running(schedule) = &mut self.stage
        {
            schedule.again(thread, due);
        }
    }

    fn released(&mut self, now: Duration, thread: usize, crashed: bool) {
        if let Stage::Running(schedule) = &mut self.stage {
            schedule.completed(now, thread, crashed);
        }
    }
}
