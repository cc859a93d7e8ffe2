//! Log replication by a leader (section 5.3), and its rule for what is committed (section 5.4.2).
//!
//! A leader sends in rounds: in each, at most one message to a follower. The message carries
//! entries or a part of a snapshot, and the commit index; its round number serves to confirm reads.
//! Entries that are not acknowledged in time are sent again from `match_index + 1` on. A follower
//! may receive any message twice, late, or out of order.
//!
//! # Followers that are far behind
//!
//! No message has more than [`Config::max_message_bytes`] of entries, unless it is a single larger
//! entry. At most [`Config::max_in_flight`] messages to a follower are in flight, by default one;
//! beside them it is sent only empty ones. So however much a follower lacks, everybody else waits
//! for one message to it at a time. Since the responses to clients go in between, catch-up takes a
//! share of the leader's output, not all of it.
//!
//! A timeout may be shorter than the time that a message takes to arrive, and to send it again then
//! would only make the link slower. So a follower that has not responded in time is sent a probe: a
//! message with few entries or none. A large message is sent again only when the follower has
//! responded to anything since it was sent. Its retransmission timeout is twice the time that the
//! last large one took, and doubles with each timeout in a row (as in TCP, RFC 6298). While a large
//! message is in flight, heartbeats continue.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

use super::config::Config;
use super::core::{Raft, Role};
use super::log::Log;
use super::message::{
    AppendEntries, AppendEntriesResponse, InstallSnapshot, RaftMessage, ReplicationOutcome,
    ServerId,
};
use super::read_index::PendingRead;
use super::snapshot::{SnapshotState, SnapshotTransfer};

/// Maximum number of sent messages that are remembered per follower. The response to a forgotten
/// one cannot show a loss of storage, but the next one does. A larger one takes more memory.
const MAX_REMEMBERED_MESSAGES: usize = 32;

/// Volatile state of a leader (figure 2), reinitialized after election.
#[derive(Debug, Clone)]
pub(super) struct LeaderState<S> {
    /// Index of the no-op entry that began its term.
    pub(super) term_start_index: u64,
    /// Last round in which it has sent a message; 0 before the first.
    pub(super) round: u64,
    /// Progress of all other nodes, except those that are `distrusted`.
    pub(super) followers: BTreeMap<ServerId, Progress<S>>,
    /// Reads that are not served yet, in the order of their rounds.
    pub(super) reads: Vec<PendingRead>,
}

/// Replication state of one follower.
///
/// Invariants: `match_index < next_index`; `acked_round <= last_sent_round <= LeaderState::round`.
#[derive(Debug, Clone)]
pub(super) struct Progress<S> {
    /// Index of the next entry to send.
    pub(super) next_index: u64,
    /// Highest index known to be replicated on the follower; never decreases.
    pub(super) match_index: u64,
    /// Highest round to which the follower has responded.
    pub(super) acked_round: u64,
    /// Rejections of this round and earlier ones are ignored: these messages were sent before the
    /// last rejection moved `next_index` back.
    stale_rejection_round: u64,
    /// Last round with a message to the follower; 0 before the first, which is due at once.
    last_sent_round: u64,
    /// Time of the last message to the follower; before the first, time of the election.
    last_sent_at: Duration,
    /// Last messages, in the order of their rounds.
    sent: VecDeque<SentRpc>,
    /// Snapshot that is being sent in place of entries which the log no longer has.
    snapshot_transfer: Option<SnapshotTransfer<S>>,
    /// Time that the last short message took to be answered; zero before.
    short_round_trip_time: Duration,
    /// Time that the last large message took to be answered; zero before.
    large_round_trip_time: Duration,
    /// Number of large messages in a row that were not answered in time.
    backoff: u32,
    /// Time of the last response; before the first, time of the election.
    last_response_at: Duration,
    /// True if a message has timed out, and the follower has not responded since it was sent.
    is_unresponsive: bool,
}

/// RPC that was sent to a follower: `AppendEntries` or `InstallSnapshot`.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentRpc {
    round: u64,
    sent_at: Duration,
    /// True if it carried more than [`Config::max_probe_bytes`].
    is_large: bool,
    /// True until the message is answered, rejected or timed out: until then it takes one of
    /// [`Config::max_in_flight`] places. Always false for [`Payload::Empty`].
    is_in_flight: bool,
    /// `prev_log_index` of the message.
    pub(super) prev_log_index: u64,
    /// The follower's `match_index` when the message was sent. A rejection with `prev_log_index <=
    /// match_index` proves a loss (`lost_storage.rs`).
    pub(super) match_index: u64,
}

/// Amount that a message to a follower may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    /// No entries: a heartbeat while there is no room for another message in flight.
    Empty,
    /// At most [`Config::max_probe_bytes`] of entries, for a follower that is unresponsive.
    Probe,
    /// As many entries as a message may have, or a part of a snapshot. Without anything to send, an
    /// ordinary heartbeat.
    Full,
}

impl<S> LeaderState<S> {
    pub(super) fn new(
        term_start_index: u64,
        followers: impl Iterator<Item = ServerId>,
        now: Duration,
    ) -> Self {
        let progress = || Progress {
            next_index: term_start_index,
            match_index: 0,
            acked_round: 0,
            stale_rejection_round: 0,
            last_sent_round: 0,
            last_sent_at: now,
            sent: VecDeque::new(),
            snapshot_transfer: None,
            short_round_trip_time: Duration::ZERO,
            large_round_trip_time: Duration::ZERO,
            backoff: 0,
            last_response_at: now,
            is_unresponsive: false,
        };
        let followers = followers.map(|follower| (follower, progress())).collect();
        LeaderState { term_start_index, round: 0, followers, reads: Vec::new() }
    }

    /// Time at which the next message or the check of the quorum is due.
    pub(super) fn deadline(&self, config: &Config, majority: usize) -> Duration {
        let followers = self.followers.values();
        let next_message = followers.map(|progress| progress.deadline(config)).min();
        next_message.unwrap_or(Duration::MAX).min(self.quorum_deadline(config, majority))
    }

    /// Time at which the leader steps down unless more followers respond.
    fn quorum_deadline(&self, config: &Config, majority: usize) -> Duration {
        // The leader itself and the followers with the latest responses make the majority.
        let Some(slowest) = majority.checked_sub(2) else { return Duration::MAX };
        let mut response_times: Vec<Duration> =
            self.followers.values().map(|progress| progress.last_response_at).collect();
        response_times.sort_unstable_by(|one, other| other.cmp(one));
        // With too few trusted followers for a majority, at once.
        response_times.get(slowest).map_or(Duration::ZERO, |time| *time + config.quorum_timeout)
    }
}

impl<S> Progress<S> {
    /// Time at which the leader must send a message even if there is nothing new.
    fn deadline(&self, config: &Config) -> Duration {
        self.heartbeat_deadline(config)
            .min(self.retransmit_deadline(config).unwrap_or(Duration::MAX))
    }

    /// Time of the next heartbeat. None is sent while a short message is in flight: that message is
    /// retransmitted after [`Config::max_retransmit_timeout`] at the latest.
    fn heartbeat_deadline(&self, config: &Config) -> Duration {
        let is_needed = self.in_flight().all(|sent| sent.is_large);
        if is_needed { self.last_sent_at + config.heartbeat_interval } else { Duration::MAX }
    }

    /// Time at which the messages in flight count as lost.
    fn retransmit_deadline(&self, config: &Config) -> Option<Duration> {
        let oldest = self.in_flight().next()?;
        let timeout = if oldest.is_large {
            let timeout = (self.large_round_trip_time * 2).max(config.max_retransmit_timeout);
            timeout
                .saturating_mul(1 << self.backoff.min(16))
                .min(config.max_large_retransmit_timeout)
        } else {
            (self.short_round_trip_time * 2)
                .clamp(config.heartbeat_interval, config.max_retransmit_timeout)
        };
        Some(oldest.sent_at + timeout)
    }

    fn in_flight(&self) -> impl Iterator<Item = &SentRpc> {
        self.sent.iter().filter(|sent| sent.is_in_flight)
    }

    /// Treats all messages in flight as lost: goes back to `match_index + 1`.
    fn handle_timeout(&mut self) {
        let Some(oldest) = self.in_flight().next().copied() else { return };
        self.backoff += u32::from(oldest.is_large);
        self.is_unresponsive = self.last_response_at <= oldest.sent_at;
        self.next_index = self.match_index + 1;
        self.free_in_flight(u64::MAX);
    }

    /// Frees the places of messages in flight up to a round.
    fn free_in_flight(&mut self, round: u64) {
        let freed = self.sent.iter_mut().filter(|sent| sent.round <= round);
        freed.for_each(|sent| sent.is_in_flight = false);
    }

    /// Remembers a message. If that makes too many, forgets the oldest that is not in flight.
    fn record_sent(&mut self, sent: SentRpc) {
        self.sent.push_back(sent);
        if self.sent.len() > MAX_REMEMBERED_MESSAGES
            && let Some(oldest) = self.sent.iter().position(|sent| !sent.is_in_flight)
        {
            self.sent.remove(oldest);
        }
    }
}

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// Makes a leader step down if no majority has responded within the quorum timeout. Another
    /// node may lead by now, and clients should look for it (dissertation, section 6.2;
    /// `CheckQuorum` in etcd).
    pub(super) fn check_quorum(&mut self) {
        if let Role::Leader(leader) = &self.role
            && leader.quorum_deadline(&self.config, self.majority()) <= self.now
        {
            self.become_follower(None);
        }
    }

    /// Leaders, rules 1 and 3: builds the messages that are due, with entries or as heartbeats
    /// (sections 5.2 and 5.3).
    pub(super) fn replicate(&mut self) -> Vec<(ServerId, RaftMessage<C>)> {
        let majority = self.majority();
        let Role::Leader(leader) = &mut self.role else { return Vec::new() };
        let unconfirmed_round = leader.newest_unconfirmed_round(majority);
        let context = SendContext {
            term: self.current_term,
            round: leader.round + 1,
            leader_commit: self.commit_index,
            now: self.now,
            config: &self.config,
            log: &self.log,
        };
        let mut messages = Vec::new();
        for (&to, progress) in &mut leader.followers {
            if let Some(payload) = progress.take_due_payload(&context, unconfirmed_round) {
                messages.push((to, progress.build_message(&context, payload)));
            }
        }
        if !messages.is_empty() {
            leader.round += 1;
        }
        messages
    }

    /// True if a responsive follower has yet to be sent entries up to this index, or is being sent
    /// a snapshot, after which it will need them. Compacting them now would cost another snapshot.
    pub(super) fn needs_entries_through(&self, index: u64) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        let mut followers = leader.followers.values();
        followers.any(|progress| {
            !progress.is_unresponsive
                && (progress.next_index <= index || progress.snapshot_transfer.is_some())
        })
    }

    /// Leaders, rules 3.1 and 3.2: updates a follower's progress by its response (section 5.3).
    pub(super) fn handle_append_entries_response(
        &mut self,
        from: ServerId,
        response: AppendEntriesResponse,
    ) {
        let AppendEntriesResponse { term, round, outcome } = response;
        let (now, last_index) = (self.now, self.log.last_index());
        let Role::Leader(leader) = &mut self.role else { return };
        // `OldTerm` has a round of a former term. No correct follower names a round not yet sent.
        if term != self.current_term
            || round > leader.round
            || outcome == ReplicationOutcome::OldTerm
        {
            return;
        }
        let Some(progress) = leader.followers.get_mut(&from) else { return };
        let sent = progress.sent.iter().find(|sent| sent.round == round).copied();
        if let Some(sent) = sent
            && self.detect_lost_storage(from, sent, outcome)
        {
            return;
        }
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.followers.get_mut(&from) else { return };
        progress.last_response_at = now;
        progress.is_unresponsive = false;
        progress.record_latency(sent, now);
        match outcome {
            ReplicationOutcome::Matches { match_index }
            | ReplicationOutcome::Installed { match_index, .. } => {
                progress.update_match_index(match_index);
            }
            ReplicationOutcome::Differs { next_index }
                if round > progress.acked_round.max(progress.stale_rejection_round)
                    && progress.snapshot_transfer.is_none() =>
            {
                // After what is known to match, and within the log.
                let end = last_index + 1;
                progress.next_index = next_index.min(end).max(progress.match_index + 1);
                // Messages in flight follow the rejected one, and will be rejected as well.
                progress.stale_rejection_round = leader.round;
                progress.free_in_flight(leader.round);
            }
            ReplicationOutcome::Differs { .. } | ReplicationOutcome::OldTerm => {}
            ReplicationOutcome::Receiving { offset, .. } => progress.update_offset(round, offset),
        }
        progress.acked_round = progress.acked_round.max(round);
    }

    /// Leaders, rule 4: commits the last entry that a majority has, if it is of the current term
    /// (sections 5.3 and 5.4.2), and with it all entries before.
    pub(super) fn advance_commit_index(&mut self) {
        let Role::Leader(leader) = &self.role else { return };
        let followers = leader.followers.values();
        let mut matches: Vec<u64> = followers.map(|progress| progress.match_index).collect();
        // Entries that the leader has yet to store count, too: `core.rs` says why.
        matches.push(self.log.last_index());
        matches.sort_unstable_by(|one, other| other.cmp(one));
        let Some(&index) = matches.get(self.majority() - 1) else { return };
        let may_commit = self.log.term_at(index) == Some(self.current_term);
        #[cfg(test)]
        let may_commit = may_commit || self.mutant == Some(super::tests::Mutant::CommitsAnyTerm);
        if index > self.commit_index && may_commit {
            self.commit_index = index;
        }
    }
}

/// State of the leader from which its messages are built.
struct SendContext<'a, C, S> {
    term: u64,
    round: u64,
    leader_commit: u64,
    now: Duration,
    config: &'a Config,
    log: &'a Log<C, S>,
}

impl<S: SnapshotState> Progress<S> {
    /// Handles a timeout, if one has passed, and returns the payload to send now, if one is due.
    fn take_due_payload<C: Clone + Serialize>(
        &mut self,
        context: &SendContext<'_, C, S>,
        unconfirmed_round: u64,
    ) -> Option<Payload> {
        let SendContext { now, config, log, .. } = *context;
        let is_timed_out = self.retransmit_deadline(config).is_some_and(|deadline| deadline <= now);
        if is_timed_out {
            self.handle_timeout();
            // A dead follower must not keep an old snapshot in memory.
            let is_old = |transfer: &mut SnapshotTransfer<S>| {
                transfer.snapshot.last_included_index < log.snapshot_index()
            };
            if self.is_unresponsive {
                self.snapshot_transfer.take_if(is_old);
            }
        }
        let in_flight = self.in_flight().count();
        let has_room =
            in_flight < if self.snapshot_transfer.is_some() { 1 } else { config.max_in_flight };
        let has_unsent = self.next_index <= log.last_index()
            || self.snapshot_transfer.is_some()
            || self.last_sent_round < unconfirmed_round
            || self.last_sent_round == 0;
        let is_due = self.heartbeat_deadline(config) <= now;
        if is_timed_out || has_room && (is_due || has_unsent && !self.is_unresponsive) {
            Some(if self.is_unresponsive { Payload::Probe } else { Payload::Full })
        } else {
            is_due.then_some(Payload::Empty)
        }
    }

    /// Builds the next message for this follower, and records it as sent.
    fn build_message<C: Clone + Serialize>(
        &mut self,
        context: &SendContext<'_, C, S>,
        payload: Payload,
    ) -> RaftMessage<C> {
        let SendContext { term, round, leader_commit, now, config, log } = *context;
        (self.last_sent_round, self.last_sent_at) = (round, now);
        // A follower that may be dead must answer a probe before it is sent a snapshot.
        let part = (payload == Payload::Full).then(|| self.next_snapshot_part(context)).flatten();
        let next_index = match payload {
            Payload::Empty => self.match_index + 1,
            Payload::Probe | Payload::Full => self.next_index,
        };
        let prev_log_index = (next_index - 1).max(log.snapshot_index());
        let entries = match payload {
            // `next_index` was compacted: no entries, but a part of the snapshot or a heartbeat.
            _ if prev_log_index >= next_index => &[][..],
            Payload::Empty => &[],
            Payload::Probe => {
                let max_bytes = config.max_probe_bytes.min(config.max_message_bytes);
                log.batch(next_index, config.max_entries, max_bytes)
            }
            Payload::Full => {
                match log.batch(next_index, config.max_entries, config.max_message_bytes) {
                    // A larger entry is sent alone. At the end of the log there is none.
                    [] => log.entries_from(next_index).get(..1).unwrap_or_default(),
                    entries => entries,
                }
            }
        };
        let last_index = next_index - 1 + entries.len() as u64;
        let bytes = log.bytes_through(last_index) - log.bytes_through(next_index - 1);
        let bytes = part.as_ref().map_or(bytes, |part| part.data.len() as u64);
        self.record_sent(SentRpc {
            round,
            sent_at: now,
            is_large: bytes > config.max_probe_bytes as u64,
            is_in_flight: payload != Payload::Empty,
            prev_log_index,
            match_index: self.match_index,
        });
        if let Some(part) = part {
            return RaftMessage::InstallSnapshot(part);
        }
        if payload != Payload::Empty {
            self.next_index = last_index + 1;
        }
        RaftMessage::AppendEntries(AppendEntries {
            term,
            prev_log_index,
            prev_log_term: log.term_at(prev_log_index).unwrap_or_default(),
            entries: entries.to_vec(),
            leader_commit,
            round,
        })
    }

    /// Next part of the snapshot, if the follower lacks entries that are no longer in the log.
    fn next_snapshot_part<C: Clone + Serialize>(
        &mut self,
        context: &SendContext<'_, C, S>,
    ) -> Option<InstallSnapshot> {
        let SendContext { term, round, config, log, .. } = *context;
        if self.snapshot_transfer.is_none() && self.next_index <= log.snapshot_index() {
            let snapshot = log.snapshot()?.clone();
            self.snapshot_transfer =
                Some(SnapshotTransfer { snapshot, offset: 0, is_acknowledged: false, round });
        }
        Some(self.snapshot_transfer.as_ref()?.next_part(term, round, config.max_message_bytes))
    }

    /// Measures the time that a message took, and frees its place and those of earlier ones.
    fn record_latency(&mut self, sent: Option<SentRpc>, now: Duration) {
        let Some(sent) = sent else { return };
        let took = now.saturating_sub(sent.sent_at);
        if sent.is_large {
            (self.large_round_trip_time, self.backoff) = (took, 0);
        } else {
            self.short_round_trip_time = took;
        }
        // The response to a heartbeat may overtake a large message, which stays in flight.
        if sent.is_in_flight || !self.in_flight().any(|sent| sent.is_large) {
            self.free_in_flight(sent.round);
        }
    }

    /// Leaders, rule 3.1: updates `next_index` and `match_index` after a success.
    fn update_match_index(&mut self, match_index: u64) {
        self.match_index = self.match_index.max(match_index);
        self.next_index = self.next_index.max(self.match_index + 1);
        let matched = self.match_index;
        let is_complete =
            |transfer: &SnapshotTransfer<S>| transfer.snapshot.last_included_index <= matched;
        if self.snapshot_transfer.as_ref().is_some_and(is_complete) {
            self.snapshot_transfer = None;
            self.free_in_flight(u64::MAX);
        }
    }

    /// Continues the snapshot at the offset that the follower needs. Ignores responses that are
    /// older than the last one.
    fn update_offset(&mut self, round: u64, offset: usize) {
        if let Some(transfer) = &mut self.snapshot_transfer
            && transfer.round <= round
        {
            (transfer.offset, transfer.round, transfer.is_acknowledged) = (offset, round, true);
        }
    }
}
