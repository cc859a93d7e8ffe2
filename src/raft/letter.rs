//! What travels between replicas: all that one has for another at a moment, in one message.

use serde::{Deserialize, Serialize};

use super::machine::Proposal;
use super::message::Message;
use crate::json::Json;

/// All that a replica has for another one. `C` are commands, `Q` queries, `A` answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Letter<C, Q, A> {
    /// The algorithm's messages.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) raft: Vec<Message<Proposal<C>, Json>>,
    /// What the sender's clients want, for a leader.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) asked: Vec<Asked<C, Q>>,
    /// What became of that.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) answered: Vec<Answered<A>>,
}

/// What somebody's client wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Asked<C, Q> {
    Propose(Proposal<C>),
    Read {
        life: u64,
        number: u64,
        /// The sender's term: see [`Witness`](super::Witness).
        term: u64,
        query: Q,
    },
}

/// What a proposal or a read was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Answered<A> {
    pub(super) life: u64,
    pub(super) number: u64,
    pub(super) answer: A,
}

impl<C, Q, A> Default for Letter<C, Q, A> {
    fn default() -> Self {
        Letter { raft: Vec::new(), asked: Vec::new(), answered: Vec::new() }
    }
}
