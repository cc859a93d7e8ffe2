//! ReadIndex: linearizable reads without a log entry (section 8; dissertation, section 6.4).
//!
//! A leader serves a read from its state machine if it still was the leader when the read arrived:
//! then its log has every entry that was committed by then. A majority confirms that by responding
//! to a message of this term that was sent after the read arrived. The state machine must have
//! applied all entries up to the read index: those that were committed when the read arrived. A new
//! leader knows these only when the no-op entry of its term is committed. All reads that wait share
//! one round of messages.
//!
//! A follower that forwards a read counts as one of that majority. When it forwarded the read, it
//! had not voted in a later term; nor has the leader when it receives the read, nor any node that
//! responds to a message that was sent after that. So if these nodes are a majority, no later
//! leader had been elected when the follower forwarded the read, which was after its client had
//! requested it. The forwarded read is itself the confirmation, and with three nodes such a read
//! costs two messages.
//!
//! There are no lease reads: those would trust clocks.

use serde::{Deserialize, Serialize};

use super::core::{Raft, Role};
use super::message::ServerId;
use super::replication::LeaderState;
use super::snapshot::SnapshotState;

/// Follower that has forwarded a read, with its term at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarder {
    /// The follower.
    pub node: ServerId,
    /// Its term when it forwarded the read, after the client had requested it.
    pub term: u64,
}

/// Read that is not served yet.
#[derive(Debug, Clone)]
pub(super) struct PendingRead {
    pub(super) request_id: u64,
    /// Read index: the state machine must have applied all entries up to it.
    read_index: u64,
    /// First round sent after the read arrived. Responses to it or to a later one confirm the read.
    round: u64,
    /// Follower whose forwarding of the read counts as its confirmation.
    forwarder: Option<ServerId>,
}

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// Begins a read, which this node serves if it leads, once a majority has confirmed that.
    pub(super) fn read(&mut self, request_id: u64, forwarder: Option<Forwarder>) {
        let Role::Leader(leader) = &mut self.role else {
            self.effects.not_leader.push(request_id);
            return;
        };
        let forwarder = forwarder.filter(|forwarder| forwarder.term == self.current_term);
        leader.reads.push(PendingRead {
            request_id,
            read_index: self.commit_index.max(leader.term_start_index),
            round: leader.round + 1,
            forwarder: forwarder.map(|forwarder| forwarder.node),
        });
    }
}

impl<S> LeaderState<S> {
    /// True if a majority has confirmed that this node led when the read was requested: the leader
    /// itself, the forwarder, and followers that have responded to a message sent after the read
    /// arrived. Distrusted followers do not count.
    fn is_confirmed(&self, read: &PendingRead, majority: usize) -> bool {
        let confirmations = self.followers.iter().filter(|(follower, progress)| {
            read.forwarder == Some(**follower) || progress.acked_round >= read.round
        });
        confirmations.count() + 1 >= majority
    }

    /// Round of the last read that waits for confirmation; 0 if none does.
    pub(super) fn newest_unconfirmed_round(&self, majority: usize) -> u64 {
        let mut latest_first = self.reads.iter().rev();
        let unconfirmed = latest_first.find(|read| !self.is_confirmed(read, majority));
        unconfirmed.map_or(0, |read| read.round)
    }
}

/// Removes the reads that can be served once all committed entries are applied. Returns their ids.
pub(super) fn take_confirmed<S>(
    leader: &mut LeaderState<S>,
    majority: usize,
    commit_index: u64,
) -> Vec<u64> {
    let reads = std::mem::take(&mut leader.reads);
    let (served, pending) = reads.into_iter().partition::<Vec<_>, _>(|read| {
        read.read_index <= commit_index && leader.is_confirmed(read, majority)
    });
    leader.reads = pending;
    served.into_iter().map(|read| read.request_id).collect()
}
