//! Inputs and outputs of [`Raft`](super::Raft), the core. Apart from these, its caller passes in
//! the time and reads its state.

use super::message::{Entry, RaftMessage, ServerId, Snapshot};
use super::read_index::Forwarder;

/// Persistent state of a node (figure 2), with its snapshot (section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistentState<C, S> {
    /// Latest term that the node has seen; 0 at first.
    pub current_term: u64,
    /// Candidate that received the node's vote in that term.
    pub voted_for: Option<ServerId>,
    /// Snapshot that replaces the first entries.
    pub snapshot: Option<Snapshot<S>>,
    /// Entries after the snapshot; from index 1 on without one.
    pub entries: Vec<Entry<C>>,
}

/// Event for the core.
#[derive(Debug, Clone)]
pub enum Input<C, S> {
    /// Time has passed: see [`Raft::deadline`](super::Raft::deadline).
    Tick {
        /// Random number from which the next timeouts are drawn; nodes should have different ones.
        random: u64,
    },
    /// A message has arrived from another node.
    Message {
        /// Its sender.
        from: ServerId,
        /// The message.
        message: RaftMessage<C>,
    },
    /// A client's command. A leader appends it to its log; it may still be lost, until
    /// [`Output::Apply`] shows that it is committed. Any other node rejects it.
    Propose {
        /// Request id for [`Output::NotLeader`].
        request_id: u64,
        /// The command.
        command: C,
    },
    /// A linearizable read of the state machine (ReadIndex): it must see every command that had
    /// been answered before the read was requested.
    Read {
        /// Request id for [`Output::ReadReady`] and [`Output::NotLeader`].
        request_id: u64,
        /// Follower that has forwarded the read for its client, if one has.
        forwarder: Option<Forwarder>,
    },
    /// Log compaction: a snapshot of the state machine replaces entries. Ignored unless former
    /// steps have returned these to be applied.
    Compact {
        /// Index of the last entry that `state` includes.
        index: u64,
        /// State of the state machine after that entry.
        state: S,
    },
}

/// Action that a node must carry out. A node carries out actions in order, and makes a `Store…`
/// durable before it carries out the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<C, S> {
    /// Stores the term and the vote in place of all former ones.
    StoreTermAndVote {
        /// Latest term that the node has seen.
        current_term: u64,
        /// Candidate that received the node's vote in that term.
        voted_for: Option<ServerId>,
    },
    /// Stores entries in place of all stored entries at this index or after it.
    StoreEntries {
        /// Index of the first entry.
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
    /// Replaces the state of the state machine by a snapshot.
    Restore(Snapshot<S>),
    /// Applies a committed entry to the state machine: each index once, in order.
    Apply {
        /// Index of the entry.
        index: u64,
        /// Its command; `None` for the no-op entry that begins a term.
        command: Option<C>,
    },
    /// A read may be served: the state machine has applied all that it must see.
    ReadReady {
        /// Request id of the read.
        request_id: u64,
    },
    /// A follower has lost entries that it had acknowledged: it was restarted without its storage.
    /// From now on this node ignores its votes and responses, and as a leader sends it nothing.
    LostStorage {
        /// The follower.
        node: ServerId,
        /// Last entry of this leader's log that it had acknowledged.
        acknowledged: u64,
        /// Last entry that it may still have.
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
