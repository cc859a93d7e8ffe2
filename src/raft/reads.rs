//! Reads that cost no entry (section 8; dissertation, section 6.4).
//!
//! A leader answers a read from its state machine, if it still was the leader when it was asked:
//! then nothing that anybody else had committed is missing. It is shown by a majority that answers
//! a message of this term, sent after the read came. The state machine must be up to what was
//! committed when the read came; and a new leader knows that only from the entry that begins its
//! term. One round is for all reads that wait.
//!
//! A follower that asks on its client's behalf is one of that majority already. When it asked, it
//! had not voted in any later term; nor has the leader when it takes the question. So if the two
//! are a majority, nobody else had been elected when the follower asked, which is after its client
//! did. The follower's question is the confirmation, and with three nodes its read costs two
//! messages.

use serde::{Deserialize, Serialize};

use super::core::{Raft, Role};
use super::message::NodeId;
use super::replication::Leader;
use super::snapshot::SnapshotState;

/// A node that has passed on a read, and what it knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The node.
    pub node: NodeId,
    /// Its term when it passed the read on, after the client had asked.
    pub term: u64,
}

/// A read that is not answered.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) ticket: u64,
    /// What the state machine must have applied.
    index: u64,
    /// An answer to this round or a later one confirms it.
    round: u64,
    witness: Option<NodeId>,
}

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    pub(super) fn read(&mut self, ticket: u64, witness: Option<Witness>) {
        let Role::Leader(leader) = &mut self.role else {
            self.step.refused.push(ticket);
            return;
        };
        let witness = witness.filter(|witness| witness.term == self.current_term);
        leader.reads.push(Read {
            ticket,
            index: self.commit_index.max(leader.first_index),
            round: leader.round + 1,
            witness: witness.map(|witness| witness.node),
        });
    }
}

impl<S> Leader<S> {
    fn is_confirmed(&self, read: &Read, majority: usize) -> bool {
        let answers = self.followers.iter().filter(|(follower, progress)| {
            read.witness == Some(**follower) || progress.answered_round >= read.round
        });
        answers.count() + 1 >= majority
    }

    /// The round of the last read that waits for confirmation; 0 if none does.
    pub(super) fn newest_open_read(&self, majority: usize) -> u64 {
        let mut latest_first = self.reads.iter().rev();
        let open = latest_first.find(|read| !self.is_confirmed(read, majority));
        open.map_or(0, |read| read.round)
    }
}

/// Takes out what can be answered once everything committed is applied.
pub(super) fn take_confirmed<S>(
    leader: &mut Leader<S>,
    majority: usize,
    commit_index: u64,
) -> Vec<u64> {
    let reads = std::mem::take(&mut leader.reads);
    let (served, open) = reads.into_iter().partition::<Vec<_>, _>(|read| {
        read.index <= commit_index && leader.is_confirmed(read, majority)
    });
    leader.reads = open;
    served.into_iter().map(|read| read.ticket).collect()
}
