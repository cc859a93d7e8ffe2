//! Leader election (section 5.2) with PreVote (dissertation, section 9.6).
//!
//! A node whose election timeout has passed first asks whether it would be elected. Others say no
//! if they have heard from a leader within the minimum election timeout, or if their log is more
//! up-to-date than the candidate's. No term changes. So a node that was isolated or paused does not
//! depose the leader of the others when it is back, and a term begins only when a majority has lost
//! its leader.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::config;
use super::core::{Raft, Role};
use super::message::{RaftMessage, RequestVote, RequestVoteResponse, ServerId};
use super::replication::LeaderState;
use super::snapshot::SnapshotState;

/// Responses to the vote requests of one election. Invariant: `granted` is a subset of `responded`.
#[derive(Debug, Clone)]
pub(super) struct Votes {
    granted: BTreeSet<ServerId>,
    responded: BTreeSet<ServerId>,
    /// Time at which to ask nodes again that have not responded (section 5.1: servers retry).
    pub(super) resend_at: Duration,
}

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// Followers, rule 2, and candidates, rule 4: the election timeout starts an election, here
    /// with a pre-vote.
    pub(super) fn become_pre_candidate(&mut self) {
        self.reset_candidate_timeout();
        self.role = Role::PreCandidate(self.new_votes());
        self.send_vote_requests();
        self.count_votes();
    }

    /// Candidates, rule 1: increments the term, votes for itself, resets the timeout, and requests
    /// the votes of all others (section 5.2).
    fn become_candidate(&mut self) {
        self.current_term += 1;
        self.voted_for = Some(self.me);
        self.reset_candidate_timeout();
        self.role = Role::Candidate(self.new_votes());
        self.send_vote_requests();
        self.count_votes();
    }

    /// Sends vote requests again to nodes that have not responded.
    pub(super) fn resend_vote_requests(&mut self) {
        let resend_at = self.now + self.config.max_retransmit_timeout;
        match &mut self.role {
            Role::PreCandidate(votes) | Role::Candidate(votes) if votes.resend_at <= self.now => {
                votes.resend_at = resend_at;
                self.send_vote_requests();
            }
            _ => {}
        }
    }

    fn new_votes(&self) -> Votes {
        let me = BTreeSet::from([self.me]);
        Votes {
            granted: me.clone(),
            responded: me,
            resend_at: self.now + self.config.max_retransmit_timeout,
        }
    }

    fn send_vote_requests(&mut self) {
        let request = |term| RequestVote {
            term,
            last_log_index: self.log.last_index(),
            last_log_term: self.log.last_term(),
        };
        let (votes, message) = match &self.role {
            Role::PreCandidate(votes) => {
                (votes, RaftMessage::PreVote(request(self.current_term + 1)))
            }
            Role::Candidate(votes) => (votes, RaftMessage::RequestVote(request(self.current_term))),
            Role::Follower { .. } | Role::Leader(_) => return,
        };
        let unresponsive = self.peers().filter(|peer| !votes.responded.contains(peer));
        for peer in unresponsive.collect::<Vec<_>>() {
            self.send(peer, message.clone());
        }
    }

    /// Receiver of a pre-vote: tells if this node would vote. Changes no term, vote or timeout.
    pub(super) fn handle_pre_vote(&mut self, from: ServerId, request: RequestVote) {
        let vote_granted = request.term > self.current_term
            && !self.heard_leader_recently()
            && self.log.is_candidate_up_to_date(request.last_log_index, request.last_log_term);
        let response = RequestVoteResponse {
            term: self.current_term,
            requested_term: request.term,
            vote_granted,
        };
        self.send(from, RaftMessage::PreVoteResponse(response));
    }

    /// True if this node leads, or has heard from a leader within the minimum election timeout:
    /// then there is no reason to elect another (dissertation, section 9.6).
    fn heard_leader_recently(&self) -> bool {
        let is_recent = |heard: Duration| self.now < heard + self.config.min_election_timeout;
        matches!(self.role, Role::Leader(_)) || self.leader_heard_at.is_some_and(is_recent)
    }

    /// Counts a response to this election's pre-vote; ignores one to an older pre-vote.
    pub(super) fn handle_pre_vote_response(
        &mut self,
        from: ServerId,
        response: RequestVoteResponse,
    ) {
        let is_trusted = self.is_trusted(from);
        if let Role::PreCandidate(votes) = &mut self.role
            && response.requested_term == self.current_term + 1
        {
            votes.record(from, response.vote_granted && is_trusted);
            self.count_votes();
        }
    }

    /// Receiver of `RequestVote`, rules 1 and 2 (sections 5.1, 5.2 and 5.4): grants one vote in a
    /// term, first come, first served, and none to a candidate whose log is behind this one.
    pub(super) fn handle_request_vote(&mut self, from: ServerId, request: RequestVote) {
        let is_free = self.voted_for.is_none_or(|candidate| candidate == from);
        let vote_granted = request.term == self.current_term
            && is_free
            && self.log.is_candidate_up_to_date(request.last_log_index, request.last_log_term);
        if vote_granted {
            self.voted_for = Some(from);
            self.reset_election_timeout();
        }
        let response = RequestVoteResponse {
            term: self.current_term,
            requested_term: request.term,
            vote_granted,
        };
        self.send(from, RaftMessage::RequestVoteResponse(response));
    }

    /// Counts a response to this term's vote request.
    pub(super) fn handle_request_vote_response(
        &mut self,
        from: ServerId,
        response: RequestVoteResponse,
    ) {
        let is_trusted = self.is_trusted(from);
        if let Role::Candidate(votes) = &mut self.role
            && response.requested_term == self.current_term
        {
            votes.record(from, response.vote_granted && is_trusted);
            self.count_votes();
        }
    }

    /// Candidates, rule 2: the votes of a majority make a leader (section 5.2).
    fn count_votes(&mut self) {
        let majority = self.majority();
        match &self.role {
            Role::PreCandidate(votes) if votes.granted.len() >= majority => self.become_candidate(),
            Role::Candidate(votes) if votes.granted.len() >= majority => self.become_leader(),
            _ => {}
        }
    }

    /// Leaders, rule 1: begins the term with a no-op entry; when that is committed, all earlier
    /// entries are (sections 5.2 and 8). `replicate` sends it to all followers at the end of this
    /// step.
    fn become_leader(&mut self) {
        self.append(None);
        let term_start_index = self.log.last_index();
        let followers = self.peers().filter(|peer| self.is_trusted(*peer));
        self.role = Role::Leader(LeaderState::new(term_start_index, followers, self.now));
    }

    pub(super) fn reset_election_timeout(&mut self) {
        let timeout = config::randomized_timeout(
            self.config.min_election_timeout,
            self.config.election_jitter,
            self.random,
        );
        self.election_deadline = self.now + timeout;
    }

    fn reset_candidate_timeout(&mut self) {
        let timeout = config::randomized_timeout(
            self.config.min_candidate_timeout,
            self.config.candidate_jitter,
            self.random,
        );
        self.election_deadline = self.now + timeout;
    }
}

impl Votes {
    fn record(&mut self, from: ServerId, is_granted: bool) {
        self.responded.insert(from);
        if is_granted {
            self.granted.insert(from);
        }
    }
}
