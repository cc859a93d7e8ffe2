//! The replicated state: a state machine, and sessions that make each command take effect once.
//!
//! The network duplicates messages, and a node that gets no response sends its request again; so a
//! command may be in the log twice. Each proposal has an id with a serial number, and its response
//! is part of the replicated state (section 8; sessions in the dissertation, section 6.3). So a
//! command takes effect once, and in the same way on every node, and a repeated request gets the
//! same response again. A session keeps a response until the proposing node says, with its next
//! proposal, that nobody waits for it any more: the proposal is then *abandoned*. All proposals of
//! a former incarnation are, once the present one has proposed something.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::json::Json;

/// A state machine that a cluster replicates. It must be deterministic: all nodes begin with the
/// default, apply the same commands in the same order, and must get the same state and responses.
/// Its JSON is its snapshot.
pub trait StateMachine: Default + Serialize + DeserializeOwned + 'static {
    /// Request that changes the state.
    type Command: Clone + Serialize + DeserializeOwned + 'static;
    /// Request that only reads the state.
    type Query: Clone + Serialize + DeserializeOwned + 'static;
    /// Response to either.
    type Response: Clone + Serialize + DeserializeOwned + 'static;

    /// Carries out a command, and returns its response.
    fn apply(&mut self, command: &Self::Command) -> Self::Response;

    /// Returns the response to a query.
    fn query(&self, query: &Self::Query) -> Self::Response;
}

/// Identity of a proposal, unique in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct ProposalId {
    /// Node whose client has sent the command.
    pub(super) origin: String,
    /// Incarnation of that node, which increases with each start.
    pub(super) incarnation: u64,
    /// Serial number, unique in this incarnation.
    pub(super) number: u64,
}

/// Command as it is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proposal<C> {
    pub(super) id: ProposalId,
    /// Lowest serial number of a command for which a client of the origin still waits. Responses to
    /// lower ones may be discarded.
    pub(super) lowest_pending: u64,
    pub(super) command: C,
}

/// The whole replicated state, of which snapshots are made.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct ReplicatedState<M: StateMachine> {
    machine: M,
    /// Sessions by the proposing node.
    sessions: BTreeMap<String, Session<M::Response>>,
}

/// Session of a node (dissertation, section 6.3): the responses that it may request again.
///
/// Invariant: each key of `responses` is at least `lowest_pending`.
#[derive(Serialize, Deserialize)]
struct Session<R> {
    /// Latest incarnation of the node that has proposed anything.
    incarnation: u64,
    /// Lowest serial number of a command for which a client still waits.
    lowest_pending: u64,
    /// Responses by serial number.
    responses: BTreeMap<u64, R>,
}

impl<M: StateMachine> Default for ReplicatedState<M> {
    fn default() -> Self {
        ReplicatedState { machine: M::default(), sessions: BTreeMap::new() }
    }
}

impl<M: StateMachine> ReplicatedState<M> {
    /// Applies a proposal once, and returns its response, the same each time. Returns `None` for an
    /// abandoned proposal, which has no effect.
    pub(super) fn apply(&mut self, proposal: &Proposal<M::Command>) -> Option<M::Response> {
        let Proposal { id, lowest_pending, command } = proposal;
        let new_session = || Session {
            incarnation: id.incarnation,
            lowest_pending: 0,
            responses: BTreeMap::new(),
        };
        let session = self.sessions.entry(id.origin.clone()).or_insert_with(new_session);
        if session.incarnation < id.incarnation {
            *session = new_session();
        }
        if session.is_abandoned(id) {
            return None;
        }
        session.lowest_pending = session.lowest_pending.max(*lowest_pending);
        session.responses = session.responses.split_off(&session.lowest_pending);
        let response = session.responses.entry(id.number);
        Some(response.or_insert_with(|| self.machine.apply(command)).clone())
    }

    /// Response to a proposal, if it has been applied and the response is kept.
    pub(super) fn response(&self, id: &ProposalId) -> Option<&M::Response> {
        let session =
            self.sessions.get(&id.origin).filter(|session| session.incarnation == id.incarnation);
        session?.responses.get(&id.number)
    }

    /// True if nobody waits for the proposal any more, so applying it would have no effect.
    pub(super) fn is_abandoned(&self, id: &ProposalId) -> bool {
        let session = self.sessions.get(&id.origin);
        session.is_some_and(|session| session.is_abandoned(id))
    }

    pub(super) fn query(&self, query: &M::Query) -> M::Response {
        self.machine.query(query)
    }

    pub(super) fn to_json(&self) -> Json {
        Json::from_value(self)
    }

    pub(super) fn from_json(state: &Json) -> Self {
        serde_json::from_str(state.get()).unwrap_or_else(|error| {
            panic!("the snapshot is of another state machine, or the type has changed: {error}")
        })
    }
}

impl<R> Session<R> {
    /// True if nobody waits for the proposal. Serial numbers are compared only within one
    /// incarnation, since each has its own.
    fn is_abandoned(&self, id: &ProposalId) -> bool {
        id.incarnation < self.incarnation
            || id.incarnation == self.incarnation && id.number < self.lowest_pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds up its commands, and responds with the sum before.
    #[derive(Default, Serialize, Deserialize)]
    struct SumMachine(u64);

    impl StateMachine for SumMachine {
        type Command = u64;
        type Query = ();
        type Response = u64;

        fn apply(&mut self, command: &u64) -> u64 {
            self.0 += command;
            self.0 - command
        }

        fn query(&self, (): &()) -> u64 {
            self.0
        }
    }

    fn proposal(incarnation: u64, number: u64, lowest_pending: u64) -> Proposal<u64> {
        let id = ProposalId { origin: "n1".to_owned(), incarnation, number };
        Proposal { id, lowest_pending, command: 10 }
    }

    #[test]
    fn a_proposal_is_applied_once_and_always_gets_the_same_response() {
        let mut state = ReplicatedState::<SumMachine>::default();
        let mut check = |incarnation, number, lowest_pending, expected: Option<u64>| {
            assert_eq!(state.apply(&proposal(incarnation, number, lowest_pending)), expected);
        };
        check(1, 1, 1, Some(0));
        check(1, 2, 1, Some(10));
        check(1, 1, 1, Some(0));
        // Nobody waits for the first any more.
        check(1, 3, 2, Some(20));
        check(1, 1, 1, None);
        check(1, 2, 1, Some(10));
        // Another incarnation begins a new session, and nobody waits for the former one's.
        check(2, 1, 1, Some(30));
        check(1, 2, 1, None);
        check(1, 4, 1, None);
        assert_eq!(state.query(&()), 40);
    }

    #[test]
    fn a_proposal_of_a_former_incarnation_leaves_the_present_session_as_it_is() {
        let mut state = ReplicatedState::<SumMachine>::default();
        assert_eq!(state.apply(&proposal(2, 1, 1)), Some(0));
        // The former one had proposed much, and nobody waited for the first of it.
        assert_eq!(state.apply(&proposal(1, 500, 490)), None);
        assert_eq!(state.apply(&proposal(2, 1, 1)), Some(0));
        assert_eq!(state.apply(&proposal(2, 2, 1)), Some(10));
    }

    #[test]
    fn a_proposal_is_abandoned_if_it_would_have_no_effect_and_only_then() {
        let mut state = ReplicatedState::<SumMachine>::default();
        assert!(!state.is_abandoned(&proposal(1, 1, 1).id));
        state.apply(&proposal(2, 5, 3));
        for (incarnation, number, expected) in
            [(1, 9, true), (2, 2, true), (2, 3, false), (3, 1, false)]
        {
            let proposal = proposal(incarnation, number, 1);
            assert_eq!(state.is_abandoned(&proposal.id), expected, "{incarnation}, {number}");
        }
    }

    #[test]
    fn a_snapshot_keeps_the_responses() {
        let mut state = ReplicatedState::<SumMachine>::default();
        state.apply(&proposal(1, 1, 1));
        let mut restored = ReplicatedState::<SumMachine>::from_json(&state.to_json());
        assert_eq!(restored.apply(&proposal(1, 1, 1)), Some(0));
        assert_eq!(restored.query(&()), 10);
    }
}
