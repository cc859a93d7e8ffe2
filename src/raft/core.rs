//! The state of figure 2, and the steps that it takes.
//!
//! [`Raft::step`] takes all that has come since the last step, and says what is to be done about
//! it, in this order: store, send, apply, answer. One exception saves a leader the time of its
//! disk: its entries leave for the followers before it has stored them itself (dissertation,
//! section 10.2.1). It counts itself among those that have them nevertheless, for a follower's
//! answer comes in a later step, and a step begins when the outputs of the last one are carried
//! out.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::election::Votes;
use super::interface::{Input, Output, Stored};
use super::log::Log;
use super::message::{Entry, Message, NodeId};
use super::pace::{self, Pace};
use super::reads;
use super::replication::Leader;
use super::snapshot::{Receiving, SnapshotState};

/// One node's part in the algorithm, for commands `C` and snapshots `S`.
#[derive(Debug, Clone)]
pub struct Raft<C, S> {
    pub(super) me: NodeId,
    pub(super) nodes: usize,
    pub(super) pace: Pace,
    // Persistent state (figure 2). `Stored` is what of it is on the disk.
    pub(super) current_term: u64,
    pub(super) voted_for: Option<NodeId>,
    pub(super) log: Log<C, S>,
    // Volatile state.
    pub(super) commit_index: u64,
    last_applied: u64,
    pub(super) role: Role<S>,
    /// The snapshot that the leader is sending.
    pub(super) receiving: Option<Receiving>,
    /// Those that have lost what they had acknowledged to this node (`lost_storage.rs`). Outlives
    /// terms: who has forgotten its log may have forgotten its vote as well.
    pub(super) lost_storage: BTreeSet<NodeId>,
    /// When a node that does not lead calls for an election.
    pub(super) election_due: Duration,
    /// When it last heard of a leader.
    pub(super) heard_leader: Option<Duration>,
    /// Decides how long this node is patient until its next tick.
    pub(super) random: u64,
    pub(super) now: Duration,
    pub(super) step: Step<C, S>,
    #[cfg(test)]
    pub(super) mutant: Option<super::tests::Mutant>,
}

/// What a node is at present.
#[derive(Debug, Clone)]
pub(super) enum Role<S> {
    Follower { leader: Option<NodeId> },
    PreCandidate(Votes),
    Candidate(Votes),
    Leader(Leader<S>),
}

/// What a step has changed, and will say.
#[derive(Debug, Clone)]
pub(super) struct Step<C, S> {
    pub(super) answers: Vec<(NodeId, Message<C>)>,
    pub(super) refused: Vec<u64>,
    /// What is said about those that have lost their storage.
    pub(super) losses: Vec<Output<C, S>>,
    /// The first entry that is not stored.
    pub(super) new_from: Option<u64>,
    pub(super) has_compacted: bool,
    pub(super) has_installed: bool,
    stored_vote: (u64, Option<NodeId>),
}

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// Node `me` of so many, as it was when it last stored something. The state machine begins with
    /// the snapshot.
    pub fn new(
        me: NodeId,
        nodes: usize,
        pace: Pace,
        stored: Stored<C, S>,
        now: Duration,
        random: u64,
    ) -> Self {
        let Stored { current_term, voted_for, snapshot, entries } = stored;
        let log = Log::new(snapshot, entries);
        let commit_index = log.snapshot_index();
        let patience = pace::within(pace.candidacy, pace.candidacy_spread, random);
        Raft {
            me,
            nodes,
            pace,
            current_term,
            voted_for,
            log,
            commit_index,
            last_applied: commit_index,
            role: Role::Follower { leader: None },
            receiving: None,
            lost_storage: BTreeSet::new(),
            // Who is alone has nobody to wait for.
            election_due: if nodes == 1 { now } else { now + patience },
            heard_leader: None,
            random,
            now,
            step: Step::after((current_term, voted_for)),
            #[cfg(test)]
            mutant: None,
        }
    }

    /// Takes all that has come, and says what is to be done.
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
                Input::Propose { ticket, command } => self.propose(ticket, command),
                Input::Read { ticket, witness } => self.read(ticket, witness),
                Input::Compact { index, state } => self.compact(index, state),
            }
        }
        self.outputs()
    }

    /// When the next [`Input::Tick`] should come, at the latest.
    pub fn due(&self) -> Duration {
        match &self.role {
            Role::Leader(leader) => leader.due(&self.pace, self.majority()),
            Role::PreCandidate(votes) | Role::Candidate(votes) => {
                self.election_due.min(votes.repeat_due)
            }
            Role::Follower { .. } => self.election_due,
        }
    }

    /// The latest term that this node has seen.
    pub fn term(&self) -> u64 {
        self.current_term
    }

    /// Who leads, as far as this node knows.
    pub fn leader(&self) -> Option<NodeId> {
        match self.role {
            Role::Leader(_) => Some(self.me),
            Role::Follower { leader } => leader,
            Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    /// Up to where this node knows entries to be committed.
    pub fn commit_index(&self) -> u64 {
        self.commit_index
    }

    /// What this node has of the log.
    pub fn log(&self) -> &Log<C, S> {
        &self.log
    }

    pub(super) fn majority(&self) -> usize {
        self.nodes / 2 + 1
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = NodeId> + use<C, S> {
        let me = self.me;
        (0..self.nodes).filter(move |node| *node != me)
    }

    pub(super) fn send(&mut self, to: NodeId, message: Message<C>) {
        self.step.answers.push((to, message));
    }

    fn tick(&mut self, random: u64) {
        self.random = random;
        if matches!(self.role, Role::Leader(_)) {
            self.step_down_without_a_majority();
        } else if self.election_due <= self.now {
            self.call_for_an_election();
        } else {
            self.repeat_ballots();
        }
    }

    fn receive(&mut self, from: NodeId, message: Message<C>) {
        if message.term().is_some_and(|term| term > self.current_term) {
            self.follow_term(message.term().unwrap_or_default());
        }
        match message {
            Message::PreVote(ballot) => self.answer_pre_vote(from, ballot),
            Message::PreVoteAnswer(answer) => self.count_pre_vote(from, answer),
            Message::RequestVote(ballot) => self.answer_request_vote(from, ballot),
            Message::RequestVoteAnswer(answer) => self.count_vote(from, answer),
            Message::AppendEntries(append) => self.answer_append_entries(from, append),
            Message::InstallSnapshot(install) => self.answer_install_snapshot(from, install),
            Message::AppendEntriesAnswer(answer) => self.note_answer(from, answer),
        }
    }

    /// All servers, rule 2: a later term makes a follower of everybody (section 5.1).
    fn follow_term(&mut self, term: u64) {
        self.current_term = term;
        self.voted_for = None;
        self.receiving = None;
        self.become_follower(None);
    }

    pub(super) fn become_follower(&mut self, leader: Option<NodeId>) {
        let former = std::mem::replace(&mut self.role, Role::Follower { leader });
        if let Role::Leader(former) = former {
            self.step.refused.extend(former.reads.iter().map(|read| read.ticket));
            self.wait_for_a_leader();
        }
    }

    /// Leaders, rule 2: a command from a client goes into the log (section 5.3).
    fn propose(&mut self, ticket: u64, command: C) {
        if matches!(self.role, Role::Leader(_)) {
            self.append(Some(command));
        } else {
            self.step.refused.push(ticket);
        }
    }

    pub(super) fn append(&mut self, command: Option<C>) {
        self.log.push(Entry { term: self.current_term, command });
        self.note_new_from(self.log.last_index());
    }

    pub(super) fn note_new_from(&mut self, index: u64) {
        self.step.new_from = Some(self.step.new_from.map_or(index, |first| first.min(index)));
    }

    /// What has changed, in the order in which it may be done: persistent state is stored before
    /// anybody is answered (figure 2).
    fn outputs(&mut self) -> Vec<Output<C, S>> {
        self.advance_commit_index();
        let served = self.confirmed_reads();
        let appends = self.replicate();
        let vote = (self.current_term, self.voted_for);
        let step = std::mem::replace(&mut self.step, Step::after(vote));
        let mut outputs = Vec::new();
        let send = |(to, message)| Output::Send { to, message };
        if step.has_compacted || step.has_installed {
            outputs.push(Output::StoreAll(self.stored()));
            outputs.extend(appends.into_iter().map(send));
        } else {
            if step.stored_vote != vote {
                let (current_term, voted_for) = vote;
                outputs.push(Output::StoreTerm { current_term, voted_for });
            }
            outputs.extend(appends.into_iter().map(send));
            if let Some(index) = step.new_from {
                let entries = self.log.from(index).to_vec();
                outputs.push(Output::StoreEntries { index, entries });
            }
        }
        outputs.extend(step.answers.into_iter().map(send));
        if step.has_installed {
            outputs.extend(self.log.snapshot().cloned().map(Output::Restore));
            self.last_applied = self.last_applied.max(self.log.snapshot_index());
        }
        self.apply_committed(&mut outputs);
        outputs.extend(served.into_iter().map(|ticket| Output::ReadReady { ticket }));
        outputs.extend(step.losses);
        outputs.extend(step.refused.into_iter().map(|ticket| Output::Refused { ticket }));
        outputs
    }

    /// All servers, rule 1: what is committed is applied, in the log's order (section 5.3).
    fn apply_committed(&mut self, outputs: &mut Vec<Output<C, S>>) {
        while self.last_applied < self.commit_index {
            let index = self.last_applied + 1;
            let Some(entry) = self.log.entry(index) else { return };
            outputs.push(Output::Apply { index, command: entry.command.clone() });
            self.last_applied = index;
        }
    }

    /// What this node must not forget.
    pub fn stored(&self) -> Stored<C, S> {
        Stored {
            current_term: self.current_term,
            voted_for: self.voted_for,
            snapshot: self.log.snapshot().cloned(),
            entries: self.log.entries().to_vec(),
        }
    }

    fn confirmed_reads(&mut self) -> Vec<u64> {
        let (majority, commit_index) = (self.majority(), self.commit_index);
        match &mut self.role {
            Role::Leader(leader) => reads::take_confirmed(leader, majority, commit_index),
            _ => Vec::new(),
        }
    }
}

impl<C, S> Step<C, S> {
    fn after(stored_vote: (u64, Option<NodeId>)) -> Self {
        Step {
            answers: Vec::new(),
            refused: Vec::new(),
            losses: Vec::new(),
            new_from: None,
            has_compacted: false,
            has_installed: false,
            stored_vote,
        }
    }
}
