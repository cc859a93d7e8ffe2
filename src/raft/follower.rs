//! Receivers of `AppendEntries` (section 5.3) and `InstallSnapshot` (section 7): a follower adopts
//! its leader's log, or a snapshot in place of the log's beginning.

use serde::Serialize;

use super::core::{Raft, Role};
use super::message::{
    AppendEntries, AppendEntriesResponse, InstallSnapshot, RaftMessage, ReplicationOutcome,
    ServerId,
};
use super::snapshot::{ReceivedPart, SnapshotState};

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// Receiver of `AppendEntries`, rules 1 to 5 (sections 5.1 and 5.3).
    pub(super) fn handle_append_entries(&mut self, from: ServerId, append: AppendEntries<C>) {
        let AppendEntries { prev_log_index, prev_log_term, entries, leader_commit, .. } = append;
        let last_new = prev_log_index + entries.len() as u64;
        let outcome = if !self.accept_leader(from, append.term) {
            ReplicationOutcome::OldTerm
        } else if !self.log.matches(prev_log_index, prev_log_term) {
            ReplicationOutcome::Differs { next_index: self.log.next_index_hint(prev_log_index) }
        } else {
            if let Some(first) = self.log.merge(prev_log_index, entries) {
                self.note_unstored(first);
            }
            self.commit_index = self.commit_index.max(leader_commit.min(last_new));
            self.discard_partial_snapshot();
            ReplicationOutcome::Matches { match_index: last_new }
        };
        self.respond_to_leader(from, append.round, outcome);
    }

    /// Receiver of `InstallSnapshot`, figure 13 (section 7). Like a heartbeat, a part resets the
    /// election timeout.
    pub(super) fn handle_install_snapshot(&mut self, from: ServerId, install: InstallSnapshot) {
        let (round, match_index) = (install.round, install.last_included_index);
        let last_log_index = self.log.last_index();
        let outcome = if !self.accept_leader(from, install.term) {
            ReplicationOutcome::OldTerm
        } else if match_index <= self.commit_index {
            self.discard_partial_snapshot();
            ReplicationOutcome::Installed { match_index, last_log_index }
        } else {
            match self.receive_part(from, install) {
                ReceivedPart::Complete(snapshot) => {
                    self.log.install(snapshot);
                    self.commit_index = match_index;
                    self.effects.has_installed = true;
                    self.effects.unstored_from = None;
                    ReplicationOutcome::Installed { match_index, last_log_index }
                }
                ReceivedPart::Next { offset } => {
                    ReplicationOutcome::Receiving { offset, last_log_index }
                }
            }
        };
        self.respond_to_leader(from, round, outcome);
    }

    /// Rule 1 of both receivers, and candidates, rule 3: follows the leader of the current term,
    /// and restarts the election timeout. Returns false to reject a leader of a former term.
    fn accept_leader(&mut self, from: ServerId, term: u64) -> bool {
        // Nobody else can lead a term that this node leads, so such a claim is rejected.
        if term < self.current_term || matches!(self.role, Role::Leader(_)) {
            return false;
        }
        self.become_follower(Some(from));
        self.leader_heard_at = Some(self.now);
        self.reset_election_timeout();
        true
    }

    fn respond_to_leader(&mut self, to: ServerId, round: u64, outcome: ReplicationOutcome) {
        let response = AppendEntriesResponse { term: self.current_term, round, outcome };
        self.send(to, RaftMessage::AppendEntriesResponse(response));
    }
}
