//! Requests of clients to nodes, their replies and their timeouts.
//!
//! Each node first gets `init` and the setup of the workload, and gets them again after a kill. A
//! node that does not answer these ends the test. The requests of operations follow; only
//! operations are in the history.

use std::time::Duration;

use eddy_text::printable::MAX_SCREEN_CHARS;

use super::clients::{self, OutstandingRequest, Purpose};
use super::node_error::NodeMessage;
use super::{Interpreter, NodeError, TestStage, node_error};
use crate::client::{
    ClientStep, Completion, MAX_KEPT_REPLY, Operation, OperationStep, TIMEOUT, Work,
};
use crate::edn::Value;
use crate::generator::Phase;
use crate::history::{Kind, Process};
use crate::network::{Admission, NetworkMessage};
use crate::workload::ClientContext;

/// The timeout of `init`, as in Maelstrom. A shorter one would fail programs that start slowly; a
/// longer one would delay the report of a node that never answers.
pub(super) const INIT_TIMEOUT: Duration = Duration::from_secs(10);

impl Interpreter {
    /// Sends `init` to a node.
    pub(super) fn initialize(&mut self, now: Duration, node: usize) {
        let init = Operation::init(&self.nodes[node], &self.nodes);
        self.prepare(now, node, INIT_TIMEOUT, init);
    }

    /// Sends the setup request, if the workload has one, to all nodes. The history begins now.
    pub(super) fn set_up(&mut self, now: Duration) {
        self.history_start = now;
        self.stage = TestStage::SettingUp;
        for node in 0..self.nodes.len() {
            match self.setup.clone() {
                Some(request) => self.prepare(now, node, TIMEOUT, request),
                // Maelstrom opens a client for the setup of each node even if there is no setup.
                // This gives clients the same names as there.
                None => self.clients.skip_name(),
            }
        }
    }

    /// Invokes the next operation of a thread, unless it has none.
    pub(super) fn invoke(&mut self, now: Duration, thread: usize, process: u64, phase: Phase) {
        let is_final = phase == Phase::Final;
        let context = ClientContext { now, thread, process };
        let operation = if is_final && self.operations.has_final() {
            self.operations.next_final(context, &mut self.operation_random)
        } else {
            Some(self.operations.next(context, &mut self.operation_random))
        };
        let Some(mut operation) = operation else {
            return self.thread_released(now, thread, false);
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
        self.clients_by_process.insert(process, client);
        let purpose = Purpose::Operation { thread, process, is_final };
        match operation.work.clone() {
            Work::Ask(request) => {
                let node = thread % self.nodes.len();
                let deadline = now + self.operations.timeout();
                self.ask(
                    now,
                    OutstandingRequest { client, node, deadline, operation, request, purpose },
                );
            }
            Work::End(kind) => {
                let completion = Completion::of(kind, operation.value.clone());
                self.complete(now, &operation, purpose, completion);
            }
        }
    }

    /// Notes a message that looks like the reply to a node's outstanding `init` or setup but is not
    /// one. Returns true if it was reported, which is the first one for each request.
    pub(super) fn report_wrong_reply(&mut self, node: usize, message: &NodeMessage<'_>) -> bool {
        let Some((outstanding, msg_id)) = self.clients.outstanding_preparation(node) else {
            return false;
        };
        let name = &self.nodes[node];
        let timeout = if outstanding.operation.f == "init" { INIT_TIMEOUT } else { TIMEOUT };
        let notice = self.wrong_replies.note((node, name), message, outstanding, msg_id, timeout);
        if let Some(notice) = &notice {
            self.notices.report(notice);
        }
        notice.is_some()
    }

    /// Sends `init` or the setup request to a node, from a new client.
    fn prepare(&mut self, now: Duration, node: usize, within: Duration, operation: Operation) {
        let client = self.clients.open(&mut self.network);
        if self.faults.kill_count(node) > 0 && operation.f == "init" {
            self.network.set_admission(&self.nodes[node], Admission::Only(clients::name(client)));
        }
        let Work::Ask(request) = operation.work.clone() else { return };
        let (deadline, purpose) = (now + within, Purpose::Preparation);
        self.ask(now, OutstandingRequest { client, node, deadline, operation, request, purpose });
    }

    fn ask(&mut self, now: Duration, outstanding: OutstandingRequest) {
        let dest = &self.nodes[outstanding.node];
        let (src, body) = self.clients.add_outstanding(outstanding);
        let sent = self.network.send(now, &src, dest, body);
        debug_assert!(sent.is_ok(), "a client and its node are on the network");
    }

    /// Handles a message to a client: completes or continues the operation that it answers.
    pub(super) fn handle_reply(
        &mut self,
        now: Duration,
        message: &NetworkMessage,
    ) -> Result<(), NodeError> {
        let Some((outstanding, reply)) = self.clients.take_answered(message) else {
            if self.node_indices.contains_key(&*message.src)
                && let Some(what) = self.clients.unsolicited(message)
            {
                self.reply_mistakes.note_unsolicited(message, what);
            }
            return Ok(());
        };
        let node = &self.nodes[outstanding.node];
        let OutstandingRequest { operation, request, .. } = &outstanding;
        self.reply_mistakes.note_error(node, operation.f, &reply);
        let is_known = self.nodes_with_full_reply.contains(&outstanding.node);
        let max_chars = if is_known { MAX_KEPT_REPLY } else { MAX_SCREEN_CHARS };
        let operations = &mut self.operations;
        let make = || match outstanding.purpose {
            Purpose::Operation { process, .. } => {
                operations.interpret_reply(process, operation, request, &reply)
            }
            Purpose::Preparation => Ok(OperationStep::Done(Value::Nil)),
        };
        let next = Completion::from_reply(operation, request, node, &reply, max_chars, make);
        let completion = match next {
            ClientStep::Complete(completion) => {
                self.report_malformed(outstanding.node, outstanding.operation.f, &completion);
                if completion.exception.is_some() {
                    self.nodes_with_full_reply.insert(outstanding.node);
                }
                completion
            }
            ClientStep::Ask(request) => {
                let deadline = now + self.operations.timeout();
                self.ask(now, OutstandingRequest { deadline, request, ..outstanding });
                return Ok(());
            }
        };
        match outstanding.purpose {
            Purpose::Operation { .. } => {
                let OutstandingRequest { operation, purpose, .. } = outstanding;
                self.complete(now, &operation, purpose, completion);
            }
            Purpose::Preparation if completion.kind != Kind::Ok => {
                let text = node_error::bad_reply_text(operation.f, &request.reply, &message.body);
                return Err(self.node_error(outstanding.node, text));
            }
            Purpose::Preparation => {
                self.clients.close(outstanding.client, &mut self.network);
                if outstanding.operation.f == "init" && matches!(self.stage, TestStage::Running(_))
                {
                    self.node_initialized(now, outstanding.node);
                }
            }
        }
        Ok(())
    }

    /// Handles the reply to `init` of a restarted node.
    fn node_initialized(&mut self, now: Duration, node: usize) {
        self.network.set_admission(&self.nodes[node], Admission::All);
        if let Some(request) = self.setup.clone() {
            self.prepare(now, node, TIMEOUT, request);
        }
    }

    /// Handles the timeout of a request: completes its operation, or ends the test if it was `init`
    /// or setup.
    pub(super) fn handle_timeout(
        &mut self,
        now: Duration,
        outstanding: OutstandingRequest,
    ) -> Result<(), NodeError> {
        match outstanding.purpose {
            Purpose::Operation { .. } => {
                self.clients.note_timeout(&outstanding);
                let OutstandingRequest { node, operation, request, purpose, .. } = outstanding;
                let node = &self.nodes[node];
                let completion = Completion::timed_out(&operation, &request, node);
                self.complete(now, &operation, purpose, completion);
                Ok(())
            }
            Purpose::Preparation if self.cannot_have_answered(&outstanding) => {
                self.clients.put_back(outstanding, now + INIT_TIMEOUT);
                Ok(())
            }
            Purpose::Preparation => {
                let OutstandingRequest { node, client, operation, .. } = outstanding;
                if let Some(error) = self.ignored_nodes.error(node) {
                    return Err(error.clone());
                }
                let wrong = self.wrong_replies.describe((node, &self.nodes[node]), client);
                let text = node_error::no_reply_text(operation.f, wrong);
                Err(self.node_error(node, text))
            }
        }
    }

    /// True if a node is paused, or was restarted and has not received the request yet, because its
    /// receiver still holds a message to its former incarnation.
    fn cannot_have_answered(
        &self,
        OutstandingRequest { node, client, .. }: &OutstandingRequest,
    ) -> bool {
        let is_on_its_way =
            || self.network.is_in_transit(&clients::name(*client), &self.nodes[*node]);
        self.faults.is_paused(*node) || (self.faults.kill_count(*node) > 0 && is_on_its_way())
    }

    /// Records the completion of an operation, and frees its thread.
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
        self.thread_released(now, thread, kind == Kind::Info);
        if is_final
            && let Some(due) = self.operations.next_final_due(now, thread)
            && let TestStage::Running(generator) = &mut self.stage
        {
            generator.schedule_final(thread, due);
        }
    }

    fn thread_released(&mut self, now: Duration, thread: usize, crashed: bool) {
        if let TestStage::Running(generator) = &mut self.stage {
            generator.completed(now, thread, crashed);
        }
    }
}
