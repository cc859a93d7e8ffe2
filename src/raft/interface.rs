//! What the core is told, and what it wants done. Nothing else goes in or out.

use super::message::{Entry, RaftMessage, ServerId, Snapshot};
use super::read_index::Forwarder;

/// What a node must not forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistentState<C, S> {
    /// Latest term that the node has seen; 0 at first.
    pub current_term: u64,
    /// Candidate that received the node's vote in that term.
    pub voted_for: Option<ServerId>,
    /// Snapshot that replaces the first entries.
    pub snapshot: Option<Snapshot<S>>,
    /// The entries behind that.
    pub entries: Vec<Entry<C>>,
}

/// What a node is told.
#[derive(Debug, Clone)]
pub enum Input<C, S> {
    /// Time has passed: see [`Raft::due`](super::Raft::due). The number decides how long the
    /// node is patient.
    Tick {
        /// Any number; nodes should have different ones.
        random: u64,
    },
    /// Another node has said this.
    Message {
        /// Its sender.
        from: ServerId,
        /// The message.
        message: RaftMessage<C>,
    },
    /// Somebody wants this to happen. It is refused unless this node leads; otherwise it happens if
    /// it is applied, and nobody else tells.
    Propose {
        /// Request id for [`Output::NotLeader`].
        request_id: u64,
        /// The command.
        command: C,
    },
    /// Somebody wants to know something: everything that had been answered before it was asked.
    Read {
        /// Request id for [`Output::ReadReady`] and [`Output::NotLeader`].
        request_id: u64,
        /// Follower that has forwarded the read for its client, if one has.
        forwarder: Option<Forwarder>,
    },
    /// The state machine's state after this index, to be kept in place of the entries.
    Compact {
        /// An index that was applied.
        index: u64,
        /// The state.
        state: S,
    },
}

/// What a node is to do, in the order in which these come. Nothing that follows on a `Store…` may
/// happen before that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<C, S> {
    /// Stores the term and the vote in place of all former ones.
    StoreTermAndVote {
        /// Latest term that the node has seen.
        current_term: u64,
        /// Candidate that received the node's vote in that term.
        voted_for: Option<ServerId>,
    },
    /// Remember these entries, in place of all that stand at this index or behind it.
    StoreEntries {
        /// The index of the first.
        index: u64,
        /// The entries.
        entries: Vec<Entry<C>>,
    },
    /// Stores this state in place of everything stored.
    StoreAll(PersistentState<C, S>),
    /// Sends a message to another node.
    Send {
        /// Its receiver.
        to: ServerId,
        /// The message.
        message: RaftMessage<C>,
    },
    /// Put this into the place of the state machine's state.
    Restore(Snapshot<S>),
    /// Have the state machine do this: each index once, in their order.
    Apply {
        /// The entry's index.
        index: u64,
        /// Nothing for the entry that begins a term.
        command: Option<C>,
    },
    /// The state machine has everything that this read must see.
    ReadReady {
        /// Request id of the read.
        request_id: u64,
    },
    /// A follower has lost what it had acknowledged: its storage was taken away, or it has none and
    /// was restarted. From now on, neither its votes nor its answers count here, and as a leader
    /// this node sends it nothing.
    LostStorage {
        /// The follower.
        node: ServerId,
        /// Last entry of this leader's log that it had acknowledged.
        acknowledged: u64,
        /// The last entry that it may still have.
        last_log_index: u64,
    },
    /// This node does not lead, or no longer does. The command was not appended; the read should be
    /// requested again.
    NotLeader {
        /// Request id of the proposal or the read.
        request_id: u64,
    },
}

impl<C, S> Default for PersistentState<C, S> {
    fn default() -> Self {
        PersistentState { current_term: 0, voted_for: None, snapshot: None, entries: Vec::new() }
    }
}

impl<C: Clone, S: Clone> PersistentState<C, S> {
    /// Applies a `Store…` output to this state. Returns false for any other output.
    pub fn store(&mut self, output: &Output<C, S>) -> bool {
        match output {
            Output::StoreTermAndVote { current_term, voted_for } => {
                (self.current_term, self.voted_for) = (*current_term, *voted_for);
            }
            Output::StoreEntries { index, entries } => {
                let last = self.snapshot.as_ref().map_or(0, |last| last.last_included_index);
                let kept = index.saturating_sub(last + 1);
                self.entries.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
                self.entries.extend_from_slice(entries);
            }
            Output::StoreAll(stored) => *self = stored.clone(),
            _ => return false,
        }
        true
    }
}
