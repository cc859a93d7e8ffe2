//! What a follower does: it takes over its leader's log (section 5.3), or a snapshot in place of it
//! (section 7).

use serde::Serialize;

use super::core::{Raft, Role};
use super::message::{
    AppendEntries, AppendEntriesAnswer, InstallSnapshot, Message, NodeId, Outcome, Snapshot,
};
use super::snapshot::SnapshotState;

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// The receiver of `AppendEntries`, rules 1 to 5 (sections 5.1 and 5.3).
    pub(super) fn answer_append_entries(&mut self, from: NodeId, append: AppendEntries<C>) {
        let AppendEntries { prev_log_index, prev_log_term, entries, leader_commit, .. } = append;
        let last_new = prev_log_index + entries.len() as u64;
        let outcome = if !self.accepts_leader(from, append.term) {
            Outcome::OldTerm
        } else if !self.log.matches(prev_log_index, prev_log_term) {
            Outcome::Differs { next_index: self.log.hint(prev_log_index) }
        } else {
            if let Some(first) = self.log.merge(prev_log_index, entries) {
                self.note_new_from(first);
            }
            self.commit_index = self.commit_index.max(leader_commit.min(last_new));
            self.stop_receiving();
            Outcome::Matches { match_index: last_new }
        };
        self.answer_leader(from, append.round, outcome);
    }

    /// The receiver of `InstallSnapshot`, figure 13 (section 7). A part shows like a heartbeat that
    /// the leader is there.
    pub(super) fn answer_install_snapshot(&mut self, from: NodeId, install: InstallSnapshot) {
        let (round, match_index) = (install.round, install.last_included_index);
        let last_log_index = self.log.last_index();
        let outcome = if !self.accepts_leader(from, install.term) {
            Outcome::OldTerm
        } else if match_index <= self.commit_index {
            self.stop_receiving();
            Outcome::Installed { match_index, last_log_index }
        } else {
            match self.receive_part(from, install) {
                Ok(snapshot) => {
                    self.log.install(snapshot);
                    self.commit_index = match_index;
                    self.step.has_installed = true;
                    self.step.new_from = None;
                    Outcome::Installed { match_index, last_log_index }
                }
                Err(offset) => Outcome::Receiving { offset, last_log_index },
            }
        };
        self.answer_leader(from, round, outcome);
    }

    /// Rule 1 of both, and candidates, rule 3: who leads this term is followed, who led a former
    /// one is not.
    fn accepts_leader(&mut self, from: NodeId, term: u64) -> bool {
        // Nobody else can lead a term that this node leads; who says so is not believed.
        if term < self.current_term || matches!(self.role, Role::Leader(_)) {
            return false;
        }
        self.become_follower(Some(from));
        self.heard_leader = Some(self.now);
        self.wait_for_a_leader();
        true
    }

    fn answer_leader(&mut self, to: NodeId, round: u64, outcome: Outcome) {
        let answer = AppendEntriesAnswer { term: self.current_term, round, outcome };
        self.send(to, Message::AppendEntriesAnswer(answer));
    }

    /// Puts the state machine's state into the place of what has made it (section 7).
    pub(super) fn compact(&mut self, last_included_index: u64, state: S) {
        let term = self.log.term_at(last_included_index);
        if let Some(last_included_term) = term
            && (self.log.snapshot_index() + 1..=self.commit_index).contains(&last_included_index)
        {
            self.log.install(Snapshot { last_included_index, last_included_term, state });
            self.step.has_compacted = true;
        }
    }
}
