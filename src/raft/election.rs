//! Who leads: elections (section 5.2), and the pre-votes that spare a cluster most of them
//! (dissertation, section 9.6).
//!
//! A node that hears of no leader first asks whether it would be elected. Nobody says so who hears
//! a leader, or has a later log, and nobody's term changes. So a node that was cut off, or paused,
//! does not depose the leader of all the others when it is back; and a term begins only when a
//! majority has lost its leader.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::core::{Raft, Role};
use super::message::{Ballot, Message, NodeId, VoteAnswer};
use super::pace;
use super::replication::Leader;
use super::snapshot::SnapshotState;

/// Who would have this node lead.
#[derive(Debug, Clone)]
pub(super) struct Votes {
    granted: BTreeSet<NodeId>,
    answered: BTreeSet<NodeId>,
    /// When those who have not answered are asked again (section 5.1: servers retry).
    pub(super) repeat_due: Duration,
}

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// Followers, rule 2, and candidates, rule 4: a time-out calls for an election.
    pub(super) fn call_for_an_election(&mut self) {
        self.be_patient_with_candidates();
        self.role = Role::PreCandidate(self.votes());
        self.ask_for_votes();
        self.count_votes();
    }

    /// Candidates, rule 1: the next term, a vote for oneself, and everybody is asked (section 5.2).
    fn become_candidate(&mut self) {
        self.current_term += 1;
        self.voted_for = Some(self.me);
        self.be_patient_with_candidates();
        self.role = Role::Candidate(self.votes());
        self.ask_for_votes();
        self.count_votes();
    }

    /// Asks those again who have not answered.
    pub(super) fn repeat_ballots(&mut self) {
        let repeat_due = self.now + self.pace.longest_retry;
        match &mut self.role {
            Role::PreCandidate(votes) | Role::Candidate(votes) if votes.repeat_due <= self.now => {
                votes.repeat_due = repeat_due;
                self.ask_for_votes();
            }
            _ => {}
        }
    }

    fn votes(&self) -> Votes {
        let me = BTreeSet::from([self.me]);
        Votes { granted: me.clone(), answered: me, repeat_due: self.now + self.pace.longest_retry }
    }

    fn ask_for_votes(&mut self) {
        let ballot = |term| Ballot {
            term,
            last_log_index: self.log.last_index(),
            last_log_term: self.log.last_term(),
        };
        let (votes, message) = match &self.role {
            Role::PreCandidate(votes) => (votes, Message::PreVote(ballot(self.current_term + 1))),
            Role::Candidate(votes) => (votes, Message::RequestVote(ballot(self.current_term))),
            Role::Follower { .. } | Role::Leader(_) => return,
        };
        let silent = self.peers().filter(|peer| !votes.answered.contains(peer));
        for peer in silent.collect::<Vec<_>>() {
            self.send(peer, message.clone());
        }
    }

    pub(super) fn answer_pre_vote(&mut self, from: NodeId, ballot: Ballot) {
        let vote_granted = ballot.term > self.current_term
            && !self.hears_a_leader()
            && self.log.is_outdone_by(ballot.last_log_index, ballot.last_log_term);
        let answer = VoteAnswer { term: self.current_term, asked: ballot.term, vote_granted };
        self.send(from, Message::PreVoteAnswer(answer));
    }

    /// Whether there is no reason to want another leader.
    fn hears_a_leader(&self) -> bool {
        let is_recent = |heard: Duration| self.now < heard + self.pace.election;
        matches!(self.role, Role::Leader(_)) || self.heard_leader.is_some_and(is_recent)
    }

    pub(super) fn count_pre_vote(&mut self, from: NodeId, answer: VoteAnswer) {
        let counts = self.counts(from);
        if let Role::PreCandidate(votes) = &mut self.role
            && answer.asked == self.current_term + 1
        {
            votes.count(from, answer.vote_granted && counts);
            self.count_votes();
        }
    }

    /// The receiver of `RequestVote`, rules 1 and 2 (sections 5.1, 5.2 and 5.4): one vote in a
    /// term, first come, first served, and none for a log that is behind this one.
    pub(super) fn answer_request_vote(&mut self, from: NodeId, ballot: Ballot) {
        let is_free = self.voted_for.is_none_or(|candidate| candidate == from);
        let vote_granted = ballot.term == self.current_term
            && is_free
            && self.log.is_outdone_by(ballot.last_log_index, ballot.last_log_term);
        if vote_granted {
            self.voted_for = Some(from);
            self.wait_for_a_leader();
        }
        let answer = VoteAnswer { term: self.current_term, asked: ballot.term, vote_granted };
        self.send(from, Message::RequestVoteAnswer(answer));
    }

    pub(super) fn count_vote(&mut self, from: NodeId, answer: VoteAnswer) {
        let counts = self.counts(from);
        if let Role::Candidate(votes) = &mut self.role
            && answer.asked == self.current_term
        {
            votes.count(from, answer.vote_granted && counts);
            self.count_votes();
        }
    }

    /// Candidates, rule 2: a majority makes a leader (section 5.2).
    fn count_votes(&mut self) {
        let majority = self.majority();
        match &self.role {
            Role::PreCandidate(votes) if votes.granted.len() >= majority => self.become_candidate(),
            Role::Candidate(votes) if votes.granted.len() >= majority => self.become_leader(),
            _ => {}
        }
    }

    /// Leaders, rule 1: everybody is told at once; and an entry of the new term shows what is
    /// committed (sections 5.2 and 8).
    fn become_leader(&mut self) {
        self.append(None);
        let first_index = self.log.last_index();
        let followers = self.peers().filter(|peer| self.counts(*peer));
        self.role = Role::Leader(Leader::new(first_index, followers, self.now));
    }

    pub(super) fn wait_for_a_leader(&mut self) {
        let patience = pace::within(self.pace.election, self.pace.election_spread, self.random);
        self.election_due = self.now + patience;
    }

    fn be_patient_with_candidates(&mut self) {
        let patience = pace::within(self.pace.candidacy, self.pace.candidacy_spread, self.random);
        self.election_due = self.now + patience;
    }
}

impl Votes {
    fn count(&mut self, from: NodeId, is_granted: bool) {
        self.answered.insert(from);
        if is_granted {
            self.granted.insert(from);
        }
    }
}
