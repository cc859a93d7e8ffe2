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
use super::message::{NodeId, Outcome};
use super::replication::Sent;
use super::snapshot::SnapshotState;

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// Whether what a node says counts.
    pub(super) fn counts(&self, node: NodeId) -> bool {
        !self.lost_storage.contains(&node)
    }

    /// Takes note of an answer that shows a loss. Tells whether it does.
    pub(super) fn note_lost_storage(&mut self, node: NodeId, sent: Sent, outcome: Outcome) -> bool {
        let acknowledged = sent.match_index;
        #[cfg(test)]
        let acknowledged = self.acknowledged_by_now(node).unwrap_or(acknowledged);
        let last_log_index = match outcome {
            Outcome::Differs { next_index } if sent.prev_log_index <= acknowledged => {
                next_index.saturating_sub(1)
            }
            Outcome::Receiving { last_log_index, .. }
            | Outcome::Installed { last_log_index, .. }
                if last_log_index < acknowledged =>
            {
                last_log_index
            }
            _ => return false,
        };
        #[cfg(test)]
        if self.mutant == Some(super::tests::Mutant::CountsWhoLostItsStorage) {
            return false;
        }
        self.lost_storage.insert(node);
        if let Role::Leader(leader) = &mut self.role {
            leader.followers.remove(&node);
        }
        self.step.losses.push(Output::LostStorage { node, acknowledged, last_log_index });
        true
    }

    #[cfg(test)]
    fn acknowledged_by_now(&self, node: NodeId) -> Option<u64> {
        let Role::Leader(leader) = &self.role else { return None };
        let judges_by_now = self.mutant == Some(super::tests::Mutant::JudgesRefusalsByNow);
        judges_by_now.then(|| leader.followers[&node].match_index)
    }
}
