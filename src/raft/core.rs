//! The state of figure 2, and the step that changes it.
//!
//! [`Raft::step`] takes all inputs since the last step, and returns outputs to be carried out in
//! this order: store, send, apply, and answer requests. One exception saves a leader the time of
//! its disk: its entries are sent to the followers before it has stored them itself (dissertation,
//! section 10.2.1). It may nevertheless count itself among the nodes that have them: a follower's
//! response arrives in a later step, and a step begins only when all outputs of the last one are
//! carried out. A single node commits its entries in the step that appends them, but applies them
//! only after they are stored.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::config::{self, Config};
use super::election::Votes;
use super::interface::{Input, Output, PersistentState};
use super::log::Log;
use super::message::{Entry, RaftMessage, ServerId};
use super::read_index;
use super::replication::LeaderState;
use super::snapshot::{PartialSnapshot, SnapshotState};

/// One server of figure 2, for commands `C` and snapshots of the state `S`.
///
/// Invariant between steps: `snapshot_index <= last_applied == commit_index <= last_index`. If some
/// node has lost its storage, a leader may lack committed entries, and its followers delete them.
/// Then `last_index` and `last_applied` may be below `commit_index`.
#[derive(Debug, Clone)]
pub struct Raft<C, S> {
    pub(super) me: ServerId,
    pub(super) cluster_size: usize,
    pub(super) config: Config,
    // Persistent state (figure 2). Its copy on the disk is `PersistentState`.
    /// Latest term that this node has seen; increases monotonically.
    pub(super) current_term: u64,
    /// Candidate that received this node's vote in `current_term`; set at most once in a term.
    pub(super) voted_for: Option<ServerId>,
    pub(super) log: Log<C, S>,
    // Volatile state.
    /// Highest index known to be committed; increases monotonically.
    pub(super) commit_index: u64,
    /// Highest index given out to be applied; increases monotonically.
    pub(super) last_applied: u64,
    pub(super) role: Role<S>,
    /// Parts received of the snapshot that the leader is sending.
    pub(super) partial_snapshot: Option<PartialSnapshot>,
    /// Nodes that are not trusted, because they have lost entries that they had acknowledged to
    /// this node (`lost_storage.rs`). Kept across terms: a node that has forgotten its log may have
    /// forgotten its vote, too.
    pub(super) distrusted: BTreeSet<ServerId>,
    /// End of the election timeout; unused while this node leads.
    pub(super) election_deadline: Duration,
    /// Time of the last message from a leader of the term that was current then.
    pub(super) leader_heard_at: Option<Duration>,
    /// Random number of the last tick, at first that of `new`. All timeouts until the next tick are
    /// drawn from it. A tick begins each election attempt, so each has a new one.
    pub(super) random: u64,
    /// Time of the step; never decreases. Times are durations since a moment that the caller
    /// chooses.
    pub(super) now: Duration,
    pub(super) effects: StepEffects<C, S>,
    /// Rule that this node breaks, to test the tests (`tests/mutants.rs`).
    #[cfg(test)]
    pub(super) mutant: Option<super::tests::Mutant>,
}

/// Role of a node, with the state that only this role has.
#[derive(Debug, Clone)]
pub(super) enum Role<S> {
    Follower { leader: Option<ServerId> },
    PreCandidate(Votes),
    Candidate(Votes),
    Leader(LeaderState<S>),
}

/// Effects of the step in progress, which become its outputs. Between steps there are none, and
/// only `stored_term_and_vote` is set.
#[derive(Debug, Clone)]
pub(super) struct StepEffects<C, S> {
    /// Messages to send after storing.
    pub(super) messages: Vec<(ServerId, RaftMessage<C>)>,
    /// Requests that get [`Output::NotLeader`].
    pub(super) not_leader: Vec<u64>,
    /// Reports of nodes that have lost their storage.
    pub(super) lost_storage_reports: Vec<Output<C, S>>,
    /// Index of the first entry that is not stored yet.
    pub(super) unstored_from: Option<u64>,
    /// True if a snapshot of this node's own state has replaced entries of the log.
    pub(super) has_compacted: bool,
    /// True if the leader's snapshot has replaced the log.
    pub(super) has_installed: bool,
    /// `(current_term, voted_for)` on the disk: those at the end of the last step.
    stored_term_and_vote: (u64, Option<ServerId>),
}

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// Creates server `me` of a cluster of `cluster_size`, from what it has stored. The state
    /// machine must begin with the state of the snapshot. `now` is as in [`Raft::step`].
    ///
    /// # Panics
    /// If `config` violates its invariants.
    pub fn new(
        me: ServerId,
        cluster_size: usize,
        config: Config,
        stored: PersistentState<C, S>,
        now: Duration,
        random: u64,
    ) -> Self {
        assert!(config.heartbeat_interval <= config.max_retransmit_timeout);
        assert!(config.max_in_flight >= 1);
        let PersistentState { current_term, voted_for, snapshot, entries } = stored;
        let log = Log::new(snapshot, entries);
        let commit_index = log.snapshot_index();
        let timeout = config::randomized_timeout(
            config.min_candidate_timeout,
            config.candidate_jitter,
            random,
        );
        Raft {
            me,
            cluster_size,
            config,
            current_term,
            voted_for,
            log,
            commit_index,
            last_applied: commit_index,
            role: Role::Follower { leader: None },
            partial_snapshot: None,
            distrusted: BTreeSet::new(),
            // A single node has nobody to wait for.
            election_deadline: if cluster_size == 1 { now } else { now + timeout },
            leader_heard_at: None,
            random,
            now,
            effects: StepEffects::new((current_term, voted_for)),
            #[cfg(test)]
            mutant: None,
        }
    }

    /// Processes all inputs since the last step, and returns the outputs. The caller must carry out
    /// all of them, in order, before the next step. `now` is the time since a moment that the
    /// caller chooses, and never decreases.
    pub fn step(
        &mut self,
        now: Duration,
        inputs: impl IntoIterator<Item = Input<C, S>>,
    ) -> Vec<Output<C, S>> {
        self.now = now;
        for input in inputs {
            match input {
                Input::Tick { random } => self.tick(random),
                Input::Message { from, message } => self.receive(from, message),
                Input::Propose { request_id, command } => self.propose(request_id, command),
                Input::Read { request_id, forwarder } => self.read(request_id, forwarder),
                Input::Compact { index, state } => self.compact(index, state),
            }
        }
        self.finish_step()
    }

    /// Time at which the next [`Input::Tick`] is due, on the scale of [`Raft::step`]'s `now`.
    pub fn deadline(&self) -> Duration {
        match &self.role {
            Role::Leader(leader) => leader.deadline(&self.config, self.majority()),
            Role::PreCandidate(votes) | Role::Candidate(votes) => {
                self.election_deadline.min(votes.resend_at)
            }
            Role::Follower { .. } => self.election_deadline,
        }
    }

    /// The latest term that this node has seen.
    pub fn term(&self) -> u64 {
        self.current_term
    }

    /// The leader of the current term, if this node knows it.
    pub fn leader(&self) -> Option<ServerId> {
        match self.role {
            Role::Leader(_) => Some(self.me),
            Role::Follower { leader } => leader,
            Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    /// Highest index that this node knows to be committed.
    pub fn commit_index(&self) -> u64 {
        self.commit_index
    }

    /// This node's log.
    pub fn log(&self) -> &Log<C, S> {
        &self.log
    }

    pub(super) fn majority(&self) -> usize {
        self.cluster_size / 2 + 1
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = ServerId> + use<C, S> {
        let me = self.me;
        (0..self.cluster_size).filter(move |node| *node != me)
    }

    pub(super) fn send(&mut self, to: ServerId, message: RaftMessage<C>) {
        self.effects.messages.push((to, message));
    }

    /// A leader checks its quorum, others their election timeout. `finish_step` sends heartbeats.
    fn tick(&mut self, random: u64) {
        self.random = random;
        if matches!(self.role, Role::Leader(_)) {
            self.check_quorum();
        } else if self.election_deadline <= self.now {
            self.become_pre_candidate();
        } else {
            self.resend_vote_requests();
        }
    }

    /// Handles a message, after adopting its term if that is later than this node's.
    fn receive(&mut self, from: ServerId, message: RaftMessage<C>) {
        if message.term().is_some_and(|term| term > self.current_term) {
            self.adopt_term(message.term().unwrap_or_default());
        }
        match message {
            RaftMessage::PreVote(request) => self.handle_pre_vote(from, request),
            RaftMessage::PreVoteResponse(response) => self.handle_pre_vote_response(from, response),
            RaftMessage::RequestVote(request) => self.handle_request_vote(from, request),
            RaftMessage::RequestVoteResponse(response) => {
                self.handle_request_vote_response(from, response);
            }
            RaftMessage::AppendEntries(append) => self.handle_append_entries(from, append),
            RaftMessage::InstallSnapshot(install) => self.handle_install_snapshot(from, install),
            RaftMessage::AppendEntriesResponse(response) => {
                self.handle_append_entries_response(from, response);
            }
        }
    }

    /// All servers, rule 2: a node that sees a later term becomes a follower in it (section 5.1).
    fn adopt_term(&mut self, term: u64) {
        self.current_term = term;
        self.voted_for = None;
        self.partial_snapshot = None;
        self.become_follower(None);
    }

    /// Becomes a follower of `leader`, if it is known. A former leader rejects its reads, and
    /// starts an election timeout; other roles have one, which goes on.
    pub(super) fn become_follower(&mut self, leader: Option<ServerId>) {
        let former = std::mem::replace(&mut self.role, Role::Follower { leader });
        if let Role::Leader(former) = former {
            self.effects.not_leader.extend(former.reads.iter().map(|read| read.request_id));
            self.reset_election_timeout();
        }
    }

    /// Leaders, rule 2: appends a client's command to the log (section 5.3).
    fn propose(&mut self, request_id: u64, command: C) {
        if matches!(self.role, Role::Leader(_)) {
            self.append(Some(command));
        } else {
            self.effects.not_leader.push(request_id);
        }
    }

    /// Appends an entry of this term to the leader's log; a no-op if there is no command.
    pub(super) fn append(&mut self, command: Option<C>) {
        self.log.push(Entry { term: self.current_term, command });
        self.note_unstored(self.log.last_index());
    }

    pub(super) fn note_unstored(&mut self, index: u64) {
        self.effects.unstored_from =
            Some(self.effects.unstored_from.map_or(index, |first| first.min(index)));
    }

    /// Ends the step: commits, confirms reads, and builds messages to followers, in this order, as
    /// each uses the result of the one before. Returns the outputs in the order in which they must
    /// be carried out: persistent state is updated before any response (figure 2).
    fn finish_step(&mut self) -> Vec<Output<C, S>> {
        self.advance_commit_index();
        let served = self.take_confirmed_reads();
        let appends = self.replicate();
        let term_and_vote = (self.current_term, self.voted_for);
        let effects = std::mem::replace(&mut self.effects, StepEffects::new(term_and_vote));
        let mut outputs = Vec::new();
        let send = |(to, message)| Output::Send { to, message };
        if effects.has_compacted || effects.has_installed {
            outputs.push(Output::StoreAll(self.persistent_state()));
            outputs.extend(appends.into_iter().map(send));
        } else {
            if effects.stored_term_and_vote != term_and_vote {
                let (current_term, voted_for) = term_and_vote;
                outputs.push(Output::StoreTermAndVote { current_term, voted_for });
            }
            outputs.extend(appends.into_iter().map(send));
            if let Some(index) = effects.unstored_from {
                let entries = self.log.entries_from(index).to_vec();
                outputs.push(Output::StoreEntries { index, entries });
            }
        }
        outputs.extend(effects.messages.into_iter().map(send));
        if effects.has_installed {
            outputs.extend(self.log.snapshot().cloned().map(Output::Restore));
            self.last_applied = self.last_applied.max(self.log.snapshot_index());
        }
        self.apply_committed(&mut outputs);
        outputs.extend(served.into_iter().map(|request_id| Output::ReadReady { request_id }));
        outputs.extend(effects.lost_storage_reports);
        outputs.extend(
            effects.not_leader.into_iter().map(|request_id| Output::NotLeader { request_id }),
        );
        debug_assert!(self.log.snapshot_index() <= self.last_applied);
        debug_assert!(self.last_applied <= self.commit_index);
        outputs
    }

    /// All servers, rule 1: applies committed entries in the order of the log (section 5.3).
    fn apply_committed(&mut self, outputs: &mut Vec<Output<C, S>>) {
        while self.last_applied < self.commit_index {
            let index = self.last_applied + 1;
            let Some(entry) = self.log.entry(index) else { return };
            outputs.push(Output::Apply { index, command: entry.command.clone() });
            self.last_applied = index;
        }
    }

    /// Persistent state of this node, as [`Output::StoreAll`] would store it now.
    pub fn persistent_state(&self) -> PersistentState<C, S> {
        PersistentState {
            current_term: self.current_term,
            voted_for: self.voted_for,
            snapshot: self.log.snapshot().cloned(),
            entries: self.log.entries().to_vec(),
        }
    }

    /// Removes and returns the reads that a leader can serve, by request id.
    fn take_confirmed_reads(&mut self) -> Vec<u64> {
        let (majority, commit_index) = (self.majority(), self.commit_index);
        match &mut self.role {
            Role::Leader(leader) => read_index::take_confirmed(leader, majority, commit_index),
            _ => Vec::new(),
        }
    }
}

impl<C, S> StepEffects<C, S> {
    fn new(stored_term_and_vote: (u64, Option<ServerId>)) -> Self {
        StepEffects {
            messages: Vec::new(),
            not_leader: Vec::new(),
            lost_storage_reports: Vec::new(),
            unstored_from: None,
            has_compacted: false,
            has_installed: false,
            stored_term_and_vote,
        }
    }
}
