//! Replica of a state machine: the task that runs the core, with the disk, the clock and the state
//! machine.
//!
//! All events that arrive while the task is busy, mostly with its disk, go into the next step
//! together. So under load, one message to each follower and one sync serve many clients. At the
//! end of a step, all that a node has for another one goes into one message.
//!
//! A node forwards its clients' requests to the leader. It sends a request again to each new
//! leader, and to the same one after a while, until there is a response; commands have ids, so
//! repetitions are harmless. The leader responds to the node, and the node to its client. If the
//! node applies a command itself before that, it responds at once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::config::Config;
use super::core::Raft;
use super::interface::{Input, Output};
use super::message::ServerId;
use super::pending::{
    KnownLeader, LocalRequest, OwedResponses, PROPOSAL_REQUEST_ID, PendingRequests, ReadOrigin,
    RequestError, ResponseSender,
};
use super::read_index::Forwarder;
use super::replica_message::{
    ForwardedRequest, ForwardedResponse, OversizedResponse, ReplicaMessage,
};
use super::state_machine::{Proposal, ProposalId, ReplicatedState, StateMachine};
use super::wal::Wal;
use crate::fatal::fail_node;
use crate::json::Json;
use crate::node::Node;

/// Size of applied entries at which a snapshot replaces them, each counted with
/// [`ENTRY_OVERHEAD_BYTES`]: 1000 small entries, or 16 MB of large ones. A larger one saves work; a
/// smaller one saves space, time at a start, and entries to send to a node that was down. If the
/// last snapshot is larger, its size counts instead: otherwise a node with a large state would
/// write mostly snapshots.
const COMPACT_AFTER_BYTES: u64 = 1000 * ENTRY_OVERHEAD_BYTES;

/// Cost of an entry in addition to its size, in bytes: it takes memory, and is applied again after
/// a restart. A larger one makes snapshots after fewer entries.
const ENTRY_OVERHEAD_BYTES: u64 = 16 << 10;

/// Multiple of [`COMPACT_AFTER_BYTES`] at which a leader compacts entries even if it has not yet
/// sent them to all responsive followers. A larger one sends fewer snapshots to followers that are
/// only slow; a smaller one saves space.
const COMPACT_ANYWAY_FACTOR: u64 = 2;

/// Message between replicas of the state machine `M`.
pub type ReplicaMessageOf<M> = ReplicaMessage<
    <M as StateMachine>::Command,
    <M as StateMachine>::Query,
    <M as StateMachine>::Response,
>;

/// Handle to this node's replica of a state machine. Clones are cheap handles to the same replica.
pub struct Replica<M: StateMachine> {
    // Unbounded: each event comes from a client that waits, or is a message that was already read.
    events: mpsc::UnboundedSender<ReplicaEvent<M>>,
}

enum ReplicaEvent<M: StateMachine> {
    Request(LocalRequest<M>, ResponseSender<M>),
    Message(String, ReplicaMessageOf<M>),
}

impl<M: StateMachine> Replica<M> {
    /// Starts the replica of a node; to be called once, when the handler is constructed. `wrap`
    /// makes a message between replicas the body of one between nodes; the handler passes each that
    /// it receives to [`Replica::receive`].
    ///
    /// The node ends if it is not a member of the cluster, or if its storage belongs to another
    /// node or cluster; `serve` returns that as an error.
    pub fn start<B: Serialize>(
        node: &Node,
        wrap: impl Fn(ReplicaMessageOf<M>) -> B + 'static,
    ) -> Replica<M> {
        let (events, inbox) = mpsc::unbounded_channel();
        let sender = node.clone();
        let send = Box::new(move |to: &str, message| sender.send(to, &wrap(message)));
        node.spawn(ReplicaTask::new(node, send).run(inbox));
        Replica { events }
    }

    /// Applies a command at most once, on all replicas, and returns the response. The error says
    /// whether the command may have taken effect.
    pub async fn propose(&self, command: M::Command) -> Result<M::Response, RequestError> {
        self.submit(LocalRequest::Propose(command)).await
    }

    /// Reads the state machine, linearizably: the response reflects every command that was answered
    /// before this call.
    pub async fn read(&self, query: M::Query) -> Result<M::Response, RequestError> {
        self.submit(LocalRequest::Read(query)).await
    }

    /// Handles a message from another node's replica.
    pub fn receive(&self, from: &str, message: ReplicaMessageOf<M>) {
        // This fails only when the node is about to end.
        let _ = self.events.send(ReplicaEvent::Message(from.to_owned(), message));
    }

    async fn submit(&self, request: LocalRequest<M>) -> Result<M::Response, RequestError> {
        let (responder, response) = oneshot::channel();
        let _ = self.events.send(ReplicaEvent::Request(request, responder));
        response.await.unwrap_or(Err(RequestError::Indeterminate))
    }
}

impl<M: StateMachine> Clone for Replica<M> {
    fn clone(&self) -> Self {
        Replica { events: self.events.clone() }
    }
}

type Core<M> = Raft<Proposal<<M as StateMachine>::Command>, Json>;
type CoreInputs<M> = Vec<Input<Proposal<<M as StateMachine>::Command>, Json>>;
type CoreOutputs<M> = Vec<Output<Proposal<<M as StateMachine>::Command>, Json>>;

type SendFn<M> = Box<dyn Fn(&str, ReplicaMessageOf<M>)>;

struct ReplicaTask<M: StateMachine> {
    node: Node,
    /// Sorted ids of all nodes. A node's position is its [`ServerId`].
    node_ids: Vec<String>,
    me: ServerId,
    /// Time zero of the core: its times are durations since then.
    start: Instant,
    core: Core<M>,
    wal: Wal<Proposal<M::Command>>,
    state: ReplicatedState<M>,
    /// Index of the last entry that is applied to `state`.
    applied: u64,
    pending: PendingRequests<M>,
    owed: OwedResponses<M>,
    /// Messages of this step, one for each receiver, until they are flushed.
    outgoing: BTreeMap<ServerId, ReplicaMessageOf<M>>,
    send: SendFn<M>,
}

impl<M: StateMachine> ReplicaTask<M> {
    fn new(node: &Node, send: SendFn<M>) -> Self {
        let mut node_ids = node.node_ids().to_vec();
        node_ids.sort_unstable();
        node_ids.dedup();
        let me = node_ids.iter().position(|id| id == node.id());
        let Some(me) = me else {
            let id = node.id();
            fail_node(format!(
                "{id} refuses to start: it is not a member of the cluster {node_ids:?}"
            ));
        };
        let (wal, stored) = Wal::open(node, &node_ids);
        let snapshot = stored.snapshot.as_ref();
        let state = snapshot.map(|snapshot| ReplicatedState::from_json(&snapshot.state));
        let applied = snapshot.map_or(0, |snapshot| snapshot.last_included_index);
        let (size, random) = (node_ids.len(), node.random());
        let core = Raft::new(me, size, Config::DEFAULT, stored, Duration::ZERO, random);
        ReplicaTask {
            node: node.clone(),
            node_ids,
            me,
            start: Instant::now(),
            core,
            wal,
            state: state.unwrap_or_default(),
            applied,
            pending: PendingRequests::new(),
            owed: OwedResponses::new(),
            outgoing: BTreeMap::new(),
            send,
        }
    }

    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<ReplicaEvent<M>>) {
        loop {
            let mut inputs = Vec::new();
            tokio::select! {
                biased;
                event = inbox.recv() => match event {
                    Some(event) => self.handle_event(event, &mut inputs),
                    None => return,
                },
                () = self.wait_until_due() => {}
            }
            while let Ok(event) = inbox.try_recv() {
                self.handle_event(event, &mut inputs);
            }
            if self.core.deadline() <= self.now() {
                inputs.push(Input::Tick { random: self.node.random() });
            }
            inputs.extend(self.forward_requests());
            self.step(inputs).await;
            // The step may have found a leader, or applied enough entries to compact the log.
            let mut inputs = self.forward_requests();
            inputs.extend(self.compaction());
            if !inputs.is_empty() {
                self.step(inputs).await;
            }
            self.pending.fail_expired(self.now());
            self.flush();
            if self.has_unsent() {
                // Lets the node write these messages before there are more.
                tokio::task::yield_now().await;
            }
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// True if requests or responses are left that did not fit into a message.
    fn has_unsent(&self) -> bool {
        self.pending.has_unsent() && self.core.leader().is_some()
            || !self.owed.recipients().is_empty()
    }

    async fn wait_until_due(&self) {
        if self.has_unsent() {
            return;
        }
        let due =
            self.core.deadline().min(self.pending.next_deadline(self.core.leader().is_some()));
        match self.start.checked_add(due) {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    fn handle_event(&mut self, event: ReplicaEvent<M>, inputs: &mut CoreInputs<M>) {
        match event {
            ReplicaEvent::Request(request, responder) => {
                self.pending.add(self.now(), request, responder);
            }
            ReplicaEvent::Message(from, message) => {
                // Messages from outside the cluster are ignored.
                let Ok(from) = self.node_ids.binary_search(&from) else { return };
                let ReplicaMessage { raft, requests, responses, too_large } = message;
                inputs.extend(raft.into_iter().map(|message| Input::Message { from, message }));
                inputs.extend(
                    requests.into_iter().filter_map(|request| self.handle_forwarded(from, request)),
                );
                for ForwardedResponse { incarnation, number, response } in responses {
                    if incarnation == self.wal.incarnation() {
                        self.pending.complete(number, response);
                    }
                }
                for OversizedResponse { incarnation, number, bytes } in too_large {
                    if incarnation == self.wal.incarnation() {
                        self.pending.fail_too_large(number, bytes);
                    }
                }
            }
        }
    }

    /// Handles a request that another node has forwarded: queues its response if that is known, or
    /// returns it as an input. Ignores it unless this node leads.
    fn handle_forwarded(
        &mut self,
        from: ServerId,
        request: ForwardedRequest<M::Command, M::Query>,
    ) -> Option<Input<Proposal<M::Command>, Json>> {
        if self.core.leader() != Some(self.me) {
            return None;
        }
        match request {
            ForwardedRequest::Propose(proposal) => {
                if let Some(response) = self.state.response(&proposal.id) {
                    let response = ForwardedResponse::for_proposal(&proposal.id, response.clone());
                    self.owed.queue_command_response(self.now(), from, response);
                    return None;
                }
                if self.state.is_abandoned(&proposal.id) {
                    return None;
                }
                // A proposal that is already in the log gets its response when it is applied.
                let is_new = self.owed.proposals.insert(proposal.id.clone(), from).is_none();
                let request_id = PROPOSAL_REQUEST_ID;
                is_new.then_some(Input::Propose { request_id, command: proposal })
            }
            ForwardedRequest::Read { incarnation, number, term, query } => {
                let origin = ReadOrigin::Remote { forwarder: from, incarnation, number, query };
                let forwarder = Some(Forwarder { node: from, term });
                Some(Input::Read { request_id: self.owed.register_read(origin), forwarder })
            }
        }
    }

    /// Sends the requests of this node's clients to the leader, if it is known. Returns them as
    /// inputs if that is this node.
    fn forward_requests(&mut self) -> CoreInputs<M> {
        let Some(server) = self.core.leader() else { return Vec::new() };
        let (term, is_self) = (self.core.term(), server == self.me);
        let leader = KnownLeader { server, term, is_self };
        let mut inputs = Vec::new();
        for number in self.pending.take_due(self.now(), leader) {
            let incarnation = self.wal.incarnation();
            match self.pending.request(number) {
                Some(LocalRequest::Propose(command)) => {
                    let origin = self.node_ids[self.me].clone();
                    let id = ProposalId { origin, incarnation, number };
                    let (lowest_pending, command) =
                        (self.pending.lowest_command(), command.clone());
                    let command = Proposal { id, lowest_pending, command };
                    if is_self {
                        inputs.push(Input::Propose { request_id: PROPOSAL_REQUEST_ID, command });
                    } else {
                        self.message_to(server).requests.push(ForwardedRequest::Propose(command));
                    }
                }
                Some(LocalRequest::Read(_)) if is_self => {
                    let request_id = self.owed.register_read(ReadOrigin::Local(number));
                    inputs.push(Input::Read { request_id, forwarder: None });
                }
                Some(LocalRequest::Read(query)) => {
                    let query = query.clone();
                    self.message_to(server).requests.push(ForwardedRequest::Read {
                        incarnation,
                        number,
                        term,
                        query,
                    });
                }
                None => {}
            }
        }
        inputs
    }

    /// Input that compacts the log, if the applied entries are worth a snapshot.
    fn compaction(&self) -> Option<Input<Proposal<M::Command>, Json>> {
        let (index, log) = (self.applied, self.core.log());
        let entries = index.saturating_sub(log.snapshot_index());
        let bytes = log.bytes_through(index) + entries * ENTRY_OVERHEAD_BYTES;
        let snapshot_bytes = log.snapshot().map_or(0, |snapshot| snapshot.state.get().len() as u64);
        let threshold = COMPACT_AFTER_BYTES.max(snapshot_bytes);
        let is_long = bytes >= threshold && !self.core.needs_entries_through(index)
            || bytes >= COMPACT_ANYWAY_FACTOR * threshold;
        is_long.then(|| Input::Compact { index, state: self.state.to_json() })
    }

    /// Takes a step of the core, and carries out its outputs.
    async fn step(&mut self, inputs: CoreInputs<M>) {
        let outputs: CoreOutputs<M> = self.core.step(self.now(), inputs);
        for output in outputs {
            let Some(output) = self.wal.buffer(output) else { continue };
            self.sync().await;
            self.carry_out(output);
        }
        self.sync().await;
        if self.core.leader() != Some(self.me) {
            // The nodes that have forwarded them send them to the next leader.
            self.owed.proposals.clear();
        }
        if self.wal.needs_rewrite(self.core.log().entries().len()) {
            self.wal.rewrite(self.core.persistent_state());
            self.sync().await;
        }
    }

    /// Waits until all records are durable. Sends earlier messages first, since they need not wait.
    async fn sync(&mut self) {
        if self.wal.has_pending() {
            self.flush();
            self.wal.sync().await;
        }
    }

    fn carry_out(&mut self, output: Output<Proposal<M::Command>, Json>) {
        match output {
            Output::Send { to, message } => self.message_to(to).raft.push(message),
            Output::Restore(snapshot) => {
                self.state = ReplicatedState::from_json(&snapshot.state);
                self.applied = snapshot.last_included_index;
            }
            Output::Apply { index, command } => {
                self.applied = index;
                if let Some(proposal) = command {
                    self.apply(&proposal);
                }
            }
            Output::ReadReady { request_id } => match self.owed.take_read(request_id) {
                Some(ReadOrigin::Local(number)) => {
                    if let Some(LocalRequest::Read(query)) = self.pending.request(number) {
                        let response = self.state.query(query);
                        self.pending.complete(number, response);
                    }
                }
                Some(ReadOrigin::Remote { forwarder, incarnation, number, query }) => {
                    let response = self.state.query(&query);
                    self.owed.queue_read_response(
                        self.now(),
                        forwarder,
                        ForwardedResponse { incarnation, number, response },
                    );
                }
                None => {}
            },
            Output::LostStorage { node, acknowledged, last_log_index } => {
                let (me, node) = (&self.node_ids[self.me], &self.node_ids[node]);
                let line = lost_storage_line(me, node, acknowledged, last_log_index);
                // The node must not end because stderr is closed.
                let _ = std::io::stderr().write_all(line.as_bytes());
            }
            // The node whose client waits for a request sends it to the next leader.
            Output::NotLeader { request_id } => drop(self.owed.take_read(request_id)),
            Output::StoreTermAndVote { .. } | Output::StoreEntries { .. } | Output::StoreAll(_) => {
            }
        }
    }

    /// Applies a committed command, and answers this node's client or the forwarder.
    fn apply(&mut self, proposal: &Proposal<M::Command>) {
        let id = &proposal.id;
        let response = self.state.apply(proposal);
        let forwarder = self.owed.proposals.remove(id);
        let Some(response) = response else { return };
        if id.origin == self.node_ids[self.me] && id.incarnation == self.wal.incarnation() {
            self.pending.complete(id.number, response);
        } else if let Some(forwarder) = forwarder {
            self.owed.queue_command_response(
                self.now(),
                forwarder,
                ForwardedResponse::for_proposal(id, response),
            );
        }
    }

    /// Message to another node that is sent with the next flush.
    fn message_to(&mut self, to: ServerId) -> &mut ReplicaMessageOf<M> {
        self.outgoing.entry(to).or_default()
    }

    /// Sends the outgoing messages, with the responses that are owed.
    fn flush(&mut self) {
        let now = self.now();
        for to in self.owed.recipients() {
            let message = self.outgoing.entry(to).or_default();
            self.owed.fill_message(now, to, message);
        }
        for (to, message) in std::mem::take(&mut self.outgoing) {
            for message in message.split().into_iter().filter(|message| !message.is_empty()) {
                (self.send)(&self.node_ids[to], message);
            }
        }
    }
}

/// Line that tells an operator of a loss, and what to do. It is written in one piece, because
/// several nodes may share stderr.
fn lost_storage_line(me: &str, node: &str, acknowledged: u64, last_log_index: u64) -> String {
    format!(
        "{me}: {node} has lost entries that it had acknowledged: it had stored the log up to entry \
         {acknowledged}, and now it has nothing after entry {last_log_index}. It was started with \
         another storage directory, an older copy, or none (EDDY_STORAGE). {me} ignores its votes \
         and responses from now on, and sends it nothing. Stop {node} and leave it down: the \
         others go on while they are a majority. To bring it back, stop all nodes and start them \
         again, {node} with its former storage.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_lost_storage_names_the_nodes_the_loss_and_what_to_do() {
        let line = lost_storage_line("n1", "n3", 500, 2);
        for part in [
            "n1: n3 has lost entries that it had acknowledged",
            "up to entry 500",
            "nothing after entry 2",
            "(EDDY_STORAGE)",
            "Stop n3 and leave it down",
        ] {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(line.lines().count(), 1);
    }
}
