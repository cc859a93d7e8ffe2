//! What a leader does: it makes every log the same as its own (section 5.3), and knows what is
//! committed (section 5.4.2).
//!
//! A leader speaks in rounds. In each it sends a follower at most one message, with whatever there
//! is for it: entries, how far they are committed, and a question for confirmation that is no more
//! than the round's number. What was not answered is sent again from where the follower is known to
//! agree; a follower may get anything twice, late, or in another order.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::core::{Raft, Role};
use super::log::Log;
use super::message::{
    AppendEntries, AppendEntriesAnswer, InstallSnapshot, Message, NodeId, Outcome,
};
use super::pace::Pace;
use super::reads::Read;

/// What only a leader knows.
#[derive(Debug, Clone)]
pub(super) struct Leader {
    /// The entry with which its term began.
    pub(super) first_index: u64,
    /// The last round in which it has spoken.
    pub(super) round: u64,
    pub(super) followers: BTreeMap<NodeId, Progress>,
    /// Those that are not answered, in the order of their rounds.
    pub(super) reads: Vec<Read>,
}

/// What a leader knows of a follower.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub(super) next_index: u64,
    pub(super) match_index: u64,
    /// The last round that it has answered.
    pub(super) answered_round: u64,
    /// Up to this round, a refusal says nothing new.
    settled_round: u64,
    sent_round: u64,
    sent_at: Duration,
    /// The rounds that are not answered, and when they were sent.
    in_flight: VecDeque<(u64, Duration)>,
    /// How long the last answer took.
    round_trip: Duration,
    heard: Duration,
    /// Whether it has not answered in time, and nothing since.
    is_silent: bool,
}

impl Leader {
    pub(super) fn new(
        first_index: u64,
        followers: impl Iterator<Item = NodeId>,
        now: Duration,
    ) -> Self {
        let progress = Progress {
            next_index: first_index,
            match_index: 0,
            answered_round: 0,
            settled_round: 0,
            sent_round: 0,
            sent_at: now,
            in_flight: VecDeque::new(),
            round_trip: Duration::ZERO,
            heard: now,
            is_silent: false,
        };
        let followers = followers.map(|follower| (follower, progress.clone())).collect();
        Leader { first_index, round: 0, followers, reads: Vec::new() }
    }

    pub(super) fn due(&self, pace: &Pace) -> Duration {
        let followers = self.followers.values();
        let speaks = followers.map(|progress| progress.due(pace)).min();
        speaks.unwrap_or(Duration::MAX).min(self.quorum_due(pace))
    }

    /// When too few followers have answered for too long.
    fn quorum_due(&self, pace: &Pace) -> Duration {
        let mut heard: Vec<Duration> =
            self.followers.values().map(|progress| progress.heard).collect();
        heard.sort_unstable_by(|one, other| other.cmp(one));
        // The leader itself and those who were heard last make the majority.
        let last = self.followers.len().div_ceil(2).checked_sub(1);
        let heard = last.and_then(|last| heard.get(last));
        heard.map_or(Duration::MAX, |heard| *heard + pace.quorum)
    }
}

impl Progress {
    /// When the leader has to say something, whether there is any news or not.
    fn due(&self, pace: &Pace) -> Duration {
        let patience = if self.in_flight.is_empty() {
            pace.heartbeat
        } else {
            (self.round_trip * 2).clamp(pace.heartbeat, pace.longest_retry)
        };
        self.sent_at + patience
    }

    /// Whatever is on its way counts as lost.
    fn begin_again(&mut self) {
        self.in_flight.clear();
        self.next_index = self.match_index + 1;
        self.is_silent = true;
    }
}

impl<C: Clone, S: Clone> Raft<C, S> {
    /// A leader that a majority does not answer may not be one any more; its clients should look
    /// elsewhere (dissertation, section 6.2).
    pub(super) fn step_down_without_a_majority(&mut self) {
        if let Role::Leader(leader) = &self.role
            && leader.quorum_due(&self.pace) <= self.now
        {
            self.become_follower(None);
        }
    }

    /// Leaders, rules 1 and 3: entries to whom they are due to, and heartbeats (sections 5.2, 5.3).
    pub(super) fn replicate(&mut self) -> Vec<(NodeId, Message<C, S>)> {
        let (term, majority, leader_commit) =
            (self.current_term, self.majority(), self.commit_index);
        let (pace, now, log) = (self.pace, self.now, &self.log);
        let Role::Leader(leader) = &mut self.role else { return Vec::new() };
        let open_read = leader.newest_open_read(majority);
        let round = leader.round + 1;
        let mut messages = Vec::new();
        for (&to, progress) in &mut leader.followers {
            let is_due = progress.due(&pace) <= now;
            if is_due && !progress.in_flight.is_empty() {
                progress.begin_again();
            }
            let has_news = progress.next_index <= log.last_index()
                || progress.sent_round < open_read
                || progress.sent_round == 0;
            if is_due || has_news && progress.in_flight.len() < pace.window {
                let message = progress.message(term, leader_commit, round, &pace, log);
                progress.sent_round = round;
                progress.sent_at = now;
                progress.in_flight.push_back((round, now));
                messages.push((to, message));
            }
        }
        if !messages.is_empty() {
            leader.round = round;
        }
        messages
    }

    /// Whether a follower that answers has yet to be sent entries up to this index. A snapshot in
    /// their place would be more to send.
    pub(super) fn owes(&self, index: u64) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        let mut followers = leader.followers.values();
        followers.any(|progress| !progress.is_silent && progress.next_index <= index)
    }

    /// Leaders, rules 3.1 and 3.2: what an answer says of the follower's log (section 5.3).
    pub(super) fn note_answer(&mut self, from: NodeId, answer: AppendEntriesAnswer) {
        let (now, last_index) = (self.now, self.log.last_index());
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.followers.get_mut(&from) else { return };
        if answer.term != self.current_term || answer.round > leader.round {
            return;
        }
        progress.heard = now;
        progress.is_silent = false;
        let arrived = progress.in_flight.iter().find(|(round, _)| *round == answer.round);
        if let Some((_, sent_at)) = arrived {
            progress.round_trip = now.saturating_sub(*sent_at);
        }
        progress.in_flight.retain(|(round, _)| *round > answer.round);
        match answer.outcome {
            Outcome::Matches { match_index } => {
                progress.match_index = progress.match_index.max(match_index);
                progress.next_index = progress.next_index.max(progress.match_index + 1);
            }
            Outcome::Differs { next_index }
                if answer.round > progress.answered_round.max(progress.settled_round) =>
            {
                // At the latest where it is known to agree, at the earliest where it may.
                let end = last_index + 1;
                progress.next_index = next_index.min(end).max(progress.match_index + 1);
                // What follows on what was refused will be refused as well.
                progress.settled_round = leader.round;
                progress.in_flight.clear();
            }
            Outcome::Differs { .. } => {}
        }
        progress.answered_round = progress.answered_round.max(answer.round);
    }

    /// Leaders, rule 4: what a majority has is committed, if it is of this term (sections 5.3 and
    /// 5.4.2). All before it is then, too.
    pub(super) fn advance_commit_index(&mut self) {
        let Role::Leader(leader) = &self.role else { return };
        let followers = leader.followers.values();
        let mut matches: Vec<u64> = followers.map(|progress| progress.match_index).collect();
        matches.push(self.log.last_index());
        matches.sort_unstable_by(|one, other| other.cmp(one));
        let index = matches[self.majority() - 1];
        let is_of_this_term = self.log.term_at(index) == Some(self.current_term);
        #[cfg(test)]
        let is_of_this_term =
            is_of_this_term || self.mutant == Some(super::tests::Mutant::AnyTermCommits);
        if index > self.commit_index && is_of_this_term {
            self.commit_index = index;
        }
    }
}

impl Progress {
    /// What comes next for this follower.
    fn message<C: Clone, S: Clone>(
        &mut self,
        term: u64,
        leader_commit: u64,
        round: u64,
        pace: &Pace,
        log: &Log<C, S>,
    ) -> Message<C, S> {
        let prev_log_index = (self.next_index - 1).max(log.snapshot_index());
        match log.snapshot() {
            // To one that may be dead, a snapshot is sent once it has answered something less.
            Some(snapshot) if self.next_index <= log.snapshot_index() && !self.is_silent => {
                self.next_index = snapshot.last_included_index + 1;
                let snapshot = snapshot.clone();
                Message::InstallSnapshot(InstallSnapshot { term, snapshot, round })
            }
            _ => {
                let most = if self.next_index > prev_log_index { pace.most_entries } else { 0 };
                let entries = log.from(self.next_index, most).to_vec();
                self.next_index += entries.len() as u64;
                let prev_log_term = log.term_at(prev_log_index).unwrap_or_default();
                Message::AppendEntries(AppendEntries {
                    term,
                    prev_log_index,
                    prev_log_term,
                    entries,
                    leader_commit,
                    round,
                })
            }
        }
    }
}
