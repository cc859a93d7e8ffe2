//! Detection of followers that have lost entries that they had acknowledged.
//!
//! Raft is safe as long as no node forgets what it has stored. A follower that is restarted
//! without its storage breaks that. Entries that were committed with its acknowledgement may be on
//! too few nodes now, and the node may vote again in a term in which it has voted.
//!
//! A leader can detect the loss. Entries that a follower has acknowledged in a term stay in its log
//! as long as that term lasts, because only the leader of a term changes its followers' logs in it.
//! So a rejection is proof if the message's `prev_log_index` was at most `match_index` **when the
//! message was sent**. The present `match_index` would be no proof: a message that was sent before
//! an acknowledgement arrived may have been answered before the follower had the entries that it
//! acknowledged. A follower that receives a snapshot reports the last index of its own log, before
//! the snapshot replaces it. That index is never below what the follower has acknowledged.
//!
//! From then on the leader ignores all that such a node says: neither its votes nor its
//! acknowledgements count, nor its responses for the quorum or for a read. So a leader that is left
//! without a majority steps down. A new leader that has not seen the loss does not know of it, and
//! the set of such nodes is not persistent.

use serde::Serialize;

use super::core::{Raft, Role};
use super::interface::Output;
use super::message::{ReplicationOutcome, ServerId};
use super::replication::SentRpc;
use super::snapshot::SnapshotState;

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// False if the node is known to have lost its storage: its votes and responses do not count.
    pub(super) fn is_trusted(&self, node: ServerId) -> bool {
        !self.distrusted.contains(&node)
    }

    /// Records and reports a loss that a response proves. Returns true if it does.
    pub(super) fn detect_lost_storage(
        &mut self,
        node: ServerId,
        sent: SentRpc,
        outcome: ReplicationOutcome,
    ) -> bool {
        let acknowledged = sent.match_index;
        #[cfg(test)]
        let acknowledged = self.acknowledged_now(node).unwrap_or(acknowledged);
        let last_log_index = match outcome {
            ReplicationOutcome::Differs { next_index } if sent.prev_log_index <= acknowledged => {
                next_index.saturating_sub(1)
            }
            ReplicationOutcome::Receiving { last_log_index, .. }
            | ReplicationOutcome::Installed { last_log_index, .. }
                if last_log_index < acknowledged =>
            {
                last_log_index
            }
            _ => return false,
        };
        #[cfg(test)]
        if self.mutant == Some(super::tests::Mutant::TrustsLostStorage) {
            return false;
        }
        self.distrusted.insert(node);
        if let Role::Leader(leader) = &mut self.role {
            leader.followers.remove(&node);
        }
        self.effects.lost_storage_reports.push(Output::LostStorage {
            node,
            acknowledged,
            last_log_index,
        });
        true
    }

    #[cfg(test)]
    fn acknowledged_now(&self, node: ServerId) -> Option<u64> {
        let Role::Leader(leader) = &self.role else { return None };
        let judges_by_now = self.mutant == Some(super::tests::Mutant::UsesPresentMatchIndex);
        judges_by_now.then(|| leader.followers[&node].match_index)
    }
}
