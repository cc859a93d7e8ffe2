//! What the core is told, and what it wants done. Nothing else goes in or out.

use super::message::{Entry, Message, NodeId, Snapshot};
use super::reads::Witness;

/// What a node must not forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<C, S> {
    /// The latest term that the node has seen.
    pub current_term: u64,
    /// For whom it has voted in that term.
    pub voted_for: Option<NodeId>,
    /// What stands in place of the first entries.
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
        /// Who.
        from: NodeId,
        /// What.
        message: Message<C>,
    },
    /// Somebody wants this to happen. It is refused unless this node leads; otherwise it happens if
    /// it is applied, and nobody else tells.
    Propose {
        /// By what it is called in a refusal.
        ticket: u64,
        /// What.
        command: C,
    },
    /// Somebody wants to know something: everything that had been answered before it was asked.
    Read {
        /// By what it is called when it is ready, or refused.
        ticket: u64,
        /// Another node that has asked on somebody's behalf.
        witness: Option<Witness>,
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
    /// Remember these in place of all former terms and votes.
    StoreTerm {
        /// The latest term that the node has seen.
        current_term: u64,
        /// For whom it has voted in it.
        voted_for: Option<NodeId>,
    },
    /// Remember these entries, in place of all that stand at this index or behind it.
    StoreEntries {
        /// The index of the first.
        index: u64,
        /// The entries.
        entries: Vec<Entry<C>>,
    },
    /// Remember this in place of everything else.
    StoreAll(Stored<C, S>),
    /// Say this to another node.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: Message<C>,
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
        /// The read's.
        ticket: u64,
    },
    /// A follower has lost what it had acknowledged: its storage was taken away, or it has none and
    /// was restarted. From now on, neither its votes nor its answers count here, and as a leader
    /// this node sends it nothing.
    LostStorage {
        /// The follower.
        node: NodeId,
        /// Up to which entry it had acknowledged this leader's log.
        acknowledged: u64,
        /// The last entry that it may still have.
        last_log_index: u64,
    },
    /// This node does not lead, or does not any more. The proposal was not made; the read should be
    /// asked again.
    Refused {
        /// The proposal's, or the read's.
        ticket: u64,
    },
}

impl<C, S> Default for Stored<C, S> {
    fn default() -> Self {
        Stored { current_term: 0, voted_for: None, snapshot: None, entries: Vec::new() }
    }
}

impl<C: Clone, S: Clone> Stored<C, S> {
    /// Takes note of an output that is to be stored. Tells whether it was one.
    pub fn store(&mut self, output: &Output<C, S>) -> bool {
        match output {
            Output::StoreTerm { current_term, voted_for } => {
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
