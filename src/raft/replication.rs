//! What a leader does: it makes every log the same as its own (section 5.3), and knows what is
//! committed (section 5.4.2).
//!
//! A leader speaks in rounds. In each it sends a follower at most one message, with whatever there
//! is for it: entries or a part of a snapshot, how far entries are committed, and a question for
//! confirmation that is no more than the round's number. What was not answered is sent again from
//! where the follower is known to agree; a follower may get anything twice, late, or in another
//! order.
//!
//! # Followers that are far behind
//!
//! No message has more than [`Pace::most_bytes`], and the next one leaves when the last one is
//! answered. So whatever one follower lacks, the others wait for one such message at most; and with
//! the clients' answers in between, it takes a share of the leader's output, not all of it.
//!
//! A time-out may be shorter than a message takes to arrive, and to send it again then would only
//! make the link slower. So a follower that has not answered in time is sent a probe: a heartbeat
//! with few entries or none. What is long is repeated once anything was heard of the follower since
//! it was sent, and only after a time-out that is twice the time of the last transfer, and twice as
//! long each time that it was in vain (as TCP's retransmission time-out, RFC 6298). While something
//! long is on its way, heartbeats go on.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

use super::core::{Raft, Role};
use super::log::Log;
use super::message::{
    AppendEntries, AppendEntriesAnswer, InstallSnapshot, Message, NodeId, Outcome,
};
use super::pace::Pace;
use super::reads::Read;
use super::snapshot::{SnapshotState, Transfer};

/// How many messages to a follower are remembered for their late answers. More would recognize a
/// loss of storage by older ones; each answer to a newer one shows it as well.
const REMEMBERED: usize = 32;

/// What only a leader knows.
#[derive(Debug, Clone)]
pub(super) struct Leader<S> {
    /// The entry with which its term began.
    pub(super) first_index: u64,
    /// The last round in which it has spoken.
    pub(super) round: u64,
    /// Those whose answers count.
    pub(super) followers: BTreeMap<NodeId, Progress<S>>,
    /// Those that are not answered, in the order of their rounds.
    pub(super) reads: Vec<Read>,
}

/// What a leader knows of a follower. Always, `match_index < next_index`.
#[derive(Debug, Clone)]
pub(super) struct Progress<S> {
    pub(super) next_index: u64,
    pub(super) match_index: u64,
    /// The last round that it has answered.
    pub(super) answered_round: u64,
    /// Up to this round, a refusal says nothing new.
    settled_round: u64,
    sent_round: u64,
    sent_at: Duration,
    /// The last messages, in the order of their rounds.
    sent: VecDeque<Sent>,
    /// The snapshot that it is sent in place of entries that are gone.
    transfer: Option<Transfer<S>>,
    /// How long the last answer took, to something short and to something long.
    round_trip: Duration,
    transfer_time: Duration,
    /// How many times in a row something long was not answered in time.
    backoff: u32,
    heard: Duration,
    /// Whether it has not answered in time, and nothing since.
    is_silent: bool,
}

/// A message to a follower.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    round: u64,
    at: Duration,
    is_long: bool,
    /// Whether there is room for the next one only when this is answered, or given up.
    is_in_flight: bool,
    pub(super) prev_log_index: u64,
    /// What the follower was known to have then.
    pub(super) match_index: u64,
}

/// What a follower may be sent at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// No more than what shows that the leader is there.
    Heartbeat,
    /// What is short enough to be repeated.
    Probe,
    /// Whatever there is.
    All,
}

impl<S> Leader<S> {
    pub(super) fn new(
        first_index: u64,
        followers: impl Iterator<Item = NodeId>,
        now: Duration,
    ) -> Self {
        let progress = || Progress {
            next_index: first_index,
            match_index: 0,
            answered_round: 0,
            settled_round: 0,
            sent_round: 0,
            sent_at: now,
            sent: VecDeque::new(),
            transfer: None,
            round_trip: Duration::ZERO,
            transfer_time: Duration::ZERO,
            backoff: 0,
            heard: now,
            is_silent: false,
        };
        let followers = followers.map(|follower| (follower, progress())).collect();
        Leader { first_index, round: 0, followers, reads: Vec::new() }
    }

    pub(super) fn due(&self, pace: &Pace, majority: usize) -> Duration {
        let followers = self.followers.values();
        let speaks = followers.map(|progress| progress.due(pace)).min();
        speaks.unwrap_or(Duration::MAX).min(self.quorum_due(pace, majority))
    }

    /// When too few followers have answered for too long.
    fn quorum_due(&self, pace: &Pace, majority: usize) -> Duration {
        // The leader itself and those who were heard last make the majority.
        let Some(last) = majority.checked_sub(2) else { return Duration::MAX };
        let mut heard: Vec<Duration> =
            self.followers.values().map(|progress| progress.heard).collect();
        heard.sort_unstable_by(|one, other| other.cmp(one));
        heard.get(last).map_or(Duration::ZERO, |heard| *heard + pace.quorum)
    }
}

impl<S> Progress<S> {
    /// When the leader has to say something, whether there is any news or not.
    fn due(&self, pace: &Pace) -> Duration {
        self.heartbeat_due(pace).min(self.timeout(pace).unwrap_or(Duration::MAX))
    }

    /// What is short is repeated so soon that it takes no heartbeats beside it.
    fn heartbeat_due(&self, pace: &Pace) -> Duration {
        let is_needed = self.in_flight().all(|sent| sent.is_long);
        if is_needed { self.sent_at + pace.heartbeat } else { Duration::MAX }
    }

    /// When what is in flight counts as lost.
    fn timeout(&self, pace: &Pace) -> Option<Duration> {
        let oldest = self.in_flight().next()?;
        let patience = if oldest.is_long {
            let patience = (self.transfer_time * 2).max(pace.longest_retry);
            patience.saturating_mul(1 << self.backoff.min(16)).min(pace.longest_transfer)
        } else {
            (self.round_trip * 2).clamp(pace.heartbeat, pace.longest_retry)
        };
        Some(oldest.at + patience)
    }

    fn in_flight(&self) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(|sent| sent.is_in_flight)
    }

    /// Whatever is in flight counts as lost.
    fn begin_again(&mut self) {
        let Some(oldest) = self.in_flight().next().copied() else { return };
        self.backoff += u32::from(oldest.is_long);
        self.is_silent = self.heard <= oldest.at;
        self.next_index = self.match_index + 1;
        self.forget_in_flight(u64::MAX);
    }

    /// Up to this round nothing is waited for any more.
    fn forget_in_flight(&mut self, round: u64) {
        let forgotten = self.sent.iter_mut().filter(|sent| sent.round <= round);
        forgotten.for_each(|sent| sent.is_in_flight = false);
    }

    fn remember(&mut self, sent: Sent) {
        self.sent.push_back(sent);
        if self.sent.len() > REMEMBERED
            && let Some(oldest) = self.sent.iter().position(|sent| !sent.is_in_flight)
        {
            self.sent.remove(oldest);
        }
    }
}

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// A leader that a majority does not answer may not be one any more; its clients should look
    /// elsewhere (dissertation, section 6.2).
    pub(super) fn step_down_without_a_majority(&mut self) {
        if let Role::Leader(leader) = &self.role
            && leader.quorum_due(&self.pace, self.majority()) <= self.now
        {
            self.become_follower(None);
        }
    }

    /// Leaders, rules 1 and 3: entries to whom they are due to, and heartbeats (sections 5.2, 5.3).
    pub(super) fn replicate(&mut self) -> Vec<(NodeId, Message<C>)> {
        let majority = self.majority();
        let Role::Leader(leader) = &mut self.role else { return Vec::new() };
        let open_read = leader.newest_open_read(majority);
        let state = LeaderState {
            term: self.current_term,
            round: leader.round + 1,
            leader_commit: self.commit_index,
            now: self.now,
            pace: &self.pace,
            log: &self.log,
        };
        let mut messages = Vec::new();
        for (&to, progress) in &mut leader.followers {
            if let Some(content) = progress.content(&state, open_read) {
                messages.push((to, progress.message(&state, content)));
            }
        }
        if !messages.is_empty() {
            leader.round += 1;
        }
        messages
    }

    /// Whether a follower that answers has yet to be sent entries up to this index, or is being
    /// sent a snapshot. Another snapshot would be more to send.
    pub(super) fn owes(&self, index: u64) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        let mut followers = leader.followers.values();
        followers.any(|progress| {
            !progress.is_silent && (progress.next_index <= index || progress.transfer.is_some())
        })
    }

    /// Leaders, rules 3.1 and 3.2: what an answer says of the follower's log (section 5.3).
    pub(super) fn note_answer(&mut self, from: NodeId, answer: AppendEntriesAnswer) {
        let AppendEntriesAnswer { term, round, outcome } = answer;
        let (now, last_index) = (self.now, self.log.last_index());
        let Role::Leader(leader) = &mut self.role else { return };
        if term != self.current_term || round > leader.round || outcome == Outcome::OldTerm {
            return;
        }
        let Some(progress) = leader.followers.get_mut(&from) else { return };
        let sent = progress.sent.iter().find(|sent| sent.round == round).copied();
        if let Some(sent) = sent
            && self.note_lost_storage(from, sent, outcome)
        {
            return;
        }
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.followers.get_mut(&from) else { return };
        progress.heard = now;
        progress.is_silent = false;
        progress.note_time(sent, now);
        match outcome {
            Outcome::Matches { match_index } | Outcome::Installed { match_index, .. } => {
                progress.note_match(match_index);
            }
            Outcome::Differs { next_index }
                if round > progress.answered_round.max(progress.settled_round)
                    && progress.transfer.is_none() =>
            {
                // At the latest where it is known to agree, at the earliest where it may.
                let end = last_index + 1;
                progress.next_index = next_index.min(end).max(progress.match_index + 1);
                // What follows on what was refused will be refused as well.
                progress.settled_round = leader.round;
                progress.forget_in_flight(leader.round);
            }
            Outcome::Differs { .. } | Outcome::OldTerm => {}
            Outcome::Receiving { offset, .. } => progress.note_offset(round, offset),
        }
        progress.answered_round = progress.answered_round.max(round);
    }

    /// Leaders, rule 4: what a majority has is committed, if it is of this term (sections 5.3 and
    /// 5.4.2). All before it is then, too.
    pub(super) fn advance_commit_index(&mut self) {
        let Role::Leader(leader) = &self.role else { return };
        let followers = leader.followers.values();
        let mut matches: Vec<u64> = followers.map(|progress| progress.match_index).collect();
        matches.push(self.log.last_index());
        matches.sort_unstable_by(|one, other| other.cmp(one));
        let Some(&index) = matches.get(self.majority() - 1) else { return };
        let is_of_this_term = self.log.term_at(index) == Some(self.current_term);
        #[cfg(test)]
        let is_of_this_term =
            is_of_this_term || self.mutant == Some(super::tests::Mutant::AnyTermCommits);
        if index > self.commit_index && is_of_this_term {
            self.commit_index = index;
        }
    }
}

/// What of a leader a message needs.
struct LeaderState<'a, C, S> {
    term: u64,
    round: u64,
    leader_commit: u64,
    now: Duration,
    pace: &'a Pace,
    log: &'a Log<C, S>,
}

impl<S: SnapshotState> Progress<S> {
    /// What is to be sent now, if anything is.
    fn content<C: Clone + Serialize>(
        &mut self,
        state: &LeaderState<'_, C, S>,
        open_read: u64,
    ) -> Option<Content> {
        let LeaderState { now, pace, log, .. } = *state;
        let is_lost = self.timeout(pace).is_some_and(|timeout| timeout <= now);
        if is_lost {
            self.begin_again();
            // Who is silent for good keeps no old snapshot in memory.
            let is_old = |transfer: &mut Transfer<S>| {
                transfer.snapshot.last_included_index < log.snapshot_index()
            };
            if self.is_silent {
                self.transfer.take_if(is_old);
            }
        }
        let in_flight = self.in_flight().count();
        let has_room = in_flight < if self.transfer.is_some() { 1 } else { pace.window };
        let has_news = self.next_index <= log.last_index()
            || self.transfer.is_some()
            || self.sent_round < open_read
            || self.sent_round == 0;
        let is_due = self.heartbeat_due(pace) <= now;
        if is_lost || has_room && (is_due || has_news && !self.is_silent) {
            Some(if self.is_silent { Content::Probe } else { Content::All })
        } else {
            is_due.then_some(Content::Heartbeat)
        }
    }

    /// What comes next for this follower.
    fn message<C: Clone + Serialize>(
        &mut self,
        state: &LeaderState<'_, C, S>,
        content: Content,
    ) -> Message<C> {
        let LeaderState { term, round, leader_commit, now, pace, log } = *state;
        (self.sent_round, self.sent_at) = (round, now);
        // To one that may be dead, a snapshot is sent once it has answered something less.
        let part = (content == Content::All).then(|| self.part(state)).flatten();
        let next_index = match content {
            Content::Heartbeat => self.match_index + 1,
            Content::Probe | Content::All => self.next_index,
        };
        let prev_log_index = (next_index - 1).max(log.snapshot_index());
        let entries = match content {
            // What stands before the log's beginning is in no message.
            _ if prev_log_index >= next_index => &[][..],
            Content::Heartbeat => &[],
            Content::Probe => {
                let most_bytes = pace.probe_bytes.min(pace.most_bytes);
                log.batch(next_index, pace.most_entries, most_bytes)
            }
            Content::All => match log.batch(next_index, pace.most_entries, pace.most_bytes) {
                [] => &log.from(next_index)[..log.from(next_index).len().min(1)],
                entries => entries,
            },
        };
        let last_index = next_index - 1 + entries.len() as u64;
        let bytes = log.bytes_until(last_index) - log.bytes_until(next_index - 1);
        let bytes = part.as_ref().map_or(bytes, |part| part.data.len() as u64);
        self.remember(Sent {
            round,
            at: now,
            is_long: bytes > pace.probe_bytes as u64,
            is_in_flight: content != Content::Heartbeat,
            prev_log_index,
            match_index: self.match_index,
        });
        if let Some(part) = part {
            return Message::InstallSnapshot(part);
        }
        if content != Content::Heartbeat {
            self.next_index = last_index + 1;
        }
        Message::AppendEntries(AppendEntries {
            term,
            prev_log_index,
            prev_log_term: log.term_at(prev_log_index).unwrap_or_default(),
            entries: entries.to_vec(),
            leader_commit,
            round,
        })
    }

    /// The next part of the snapshot, if entries that the follower lacks are only there.
    fn part<C: Clone + Serialize>(
        &mut self,
        state: &LeaderState<'_, C, S>,
    ) -> Option<InstallSnapshot> {
        let LeaderState { term, round, pace, log, .. } = *state;
        if self.transfer.is_none() && self.next_index <= log.snapshot_index() {
            let snapshot = log.snapshot()?.clone();
            self.transfer = Some(Transfer { snapshot, offset: 0, is_answered: false, round });
        }
        Some(self.transfer.as_ref()?.part(term, round, pace.most_bytes))
    }

    fn note_time(&mut self, sent: Option<Sent>, now: Duration) {
        let Some(sent) = sent else { return };
        let took = now.saturating_sub(sent.at);
        if sent.is_long {
            (self.transfer_time, self.backoff) = (took, 0);
        } else {
            self.round_trip = took;
        }
        // A heartbeat may overtake what is long.
        if sent.is_in_flight || !self.in_flight().any(|sent| sent.is_long) {
            self.forget_in_flight(sent.round);
        }
    }

    /// Leaders, rule 3.1.
    fn note_match(&mut self, match_index: u64) {
        self.match_index = self.match_index.max(match_index);
        self.next_index = self.next_index.max(self.match_index + 1);
        let matched = self.match_index;
        let is_over = |transfer: &Transfer<S>| transfer.snapshot.last_included_index <= matched;
        if self.transfer.as_ref().is_some_and(is_over) {
            self.transfer = None;
            self.forget_in_flight(u64::MAX);
        }
    }

    /// The follower says where in a snapshot it goes on.
    fn note_offset(&mut self, round: u64, offset: usize) {
        if let Some(transfer) = &mut self.transfer
            && transfer.round <= round
        {
            (transfer.offset, transfer.round, transfer.is_answered) = (offset, round, true);
        }
    }
}
