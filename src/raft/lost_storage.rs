//! Followers that have lost what they had acknowledged.
//!
//! Raft is right as long as no node forgets what it has stored. A follower whose storage was taken
//! away, or that has none and was restarted, breaks that: entries that were committed with its
//! acknowledgement may be on too few nodes now, and the vote that it gave may be given again.
//!
//! A leader can tell. What a follower has acknowledged in a term stays in its log as long as that
//! term lasts, because only this leader changes the log. So a refusal is proof if it answers a
//! message behind an entry that the follower was known to have **when the message was sent**. The
//! present `match_index` would be no proof: what was sent before an acknowledgement came may have
//! been answered before the follower had what it acknowledged. And a follower that receives a
//! snapshot tells where its own log ends, or did end before, which is never before what it had
//! acknowledged.
//!
//! Nothing of such a node counts from then on: no vote, no acknowledgement, no answer as contact or
//! as confirmation of a read. So a leader that is left without a majority steps down. A new leader
//! that has not seen it does not know; the set ends with the process that keeps it.

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
