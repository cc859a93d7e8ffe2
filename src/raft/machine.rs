//! What is replicated: a state machine, and what it has answered.
//!
//! The network doubles messages, and a node that hears nothing asks again; so a command may stand
//! in the log twice. Each proposal has an id, and what it was answered is part of the replicated
//! state (section 8). So a command has its effect once, on every node the same, and whoever asks
//! again is told the same again. An answer is kept until the node that has asked says, with its
//! next proposal, that nobody waits for it any more; and nothing is known of a former life of a
//! node once its present one has proposed something.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::json::Json;

/// What a cluster replicates. All nodes begin with the default, and do the same commands in the
/// same order, so nothing in it may depend on anything else. As JSON, it is its own snapshot.
pub trait StateMachine: Default + Serialize + DeserializeOwned + 'static {
    /// What changes it.
    type Command: Clone + Serialize + DeserializeOwned + 'static;
    /// What is asked without changing it.
    type Query: Clone + Serialize + DeserializeOwned + 'static;
    /// What both are answered.
    type Answer: Clone + Serialize + DeserializeOwned + 'static;

    /// Does what a command says.
    fn apply(&mut self, command: &Self::Command) -> Self::Answer;

    /// Answers a question.
    fn query(&self, query: &Self::Query) -> Self::Answer;
}

/// Which proposal it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct ProposalId {
    /// The node whose client has asked.
    pub(super) origin: String,
    /// Which life of it: a later one has a higher number.
    pub(super) life: u64,
    /// A number that this life gives only once.
    pub(super) number: u64,
}

/// A command, as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proposal<C> {
    pub(super) id: ProposalId,
    /// All of its origin's below this are answered, or nobody waits for them.
    pub(super) lowest: u64,
    pub(super) command: C,
}

/// The whole replicated state.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct State<M: StateMachine> {
    machine: M,
    /// By the node that has proposed.
    sessions: BTreeMap<String, Session<M::Answer>>,
}

#[derive(Serialize, Deserialize)]
struct Session<A> {
    life: u64,
    lowest: u64,
    /// By the proposals' numbers.
    answers: BTreeMap<u64, A>,
}

impl<M: StateMachine> Default for State<M> {
    fn default() -> Self {
        State { machine: M::default(), sessions: BTreeMap::new() }
    }
}

impl<M: StateMachine> State<M> {
    /// Does what a proposal says, unless that has happened. Nothing is answered to one that came
    /// too late for anybody to wait for it; it has no effect.
    pub(super) fn apply(&mut self, proposal: &Proposal<M::Command>) -> Option<M::Answer> {
        let Proposal { id, lowest, command } = proposal;
        let first = || Session { life: id.life, lowest: 0, answers: BTreeMap::new() };
        let session = self.sessions.entry(id.origin.clone()).or_insert_with(first);
        if session.life < id.life {
            *session = first();
        }
        if session.is_over(id) {
            return None;
        }
        session.lowest = session.lowest.max(*lowest);
        session.answers = session.answers.split_off(&session.lowest);
        let answer = session.answers.entry(id.number);
        Some(answer.or_insert_with(|| self.machine.apply(command)).clone())
    }

    /// What a proposal was answered, if it has happened.
    pub(super) fn answer(&self, id: &ProposalId) -> Option<&M::Answer> {
        let session = self.sessions.get(&id.origin).filter(|session| session.life == id.life);
        session?.answers.get(&id.number)
    }

    /// Whether a proposal came too late for anybody to wait for it: it would have no effect.
    pub(super) fn is_over(&self, id: &ProposalId) -> bool {
        let session = self.sessions.get(&id.origin);
        session.is_some_and(|session| session.is_over(id))
    }

    pub(super) fn query(&self, query: &M::Query) -> M::Answer {
        self.machine.query(query)
    }

    pub(super) fn to_snapshot(&self) -> Json {
        Json::of(self)
    }

    pub(super) fn from_snapshot(snapshot: &Json) -> Self {
        serde_json::from_str(snapshot.get()).unwrap_or_else(|error| {
            panic!("a snapshot is none of this state machine: {error}; its type has changed")
        })
    }
}

impl<A> Session<A> {
    /// What a former life has asked says nothing of this one: neither life's numbers are the
    /// other's.
    fn is_over(&self, id: &ProposalId) -> bool {
        id.life < self.life || id.life == self.life && id.number < self.lowest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what it is told, and answers how much it was before.
    #[derive(Default, Serialize, Deserialize)]
    struct Counter(u64);

    impl StateMachine for Counter {
        type Command = u64;
        type Query = ();
        type Answer = u64;

        fn apply(&mut self, command: &u64) -> u64 {
            self.0 += command;
            self.0 - command
        }

        fn query(&self, (): &()) -> u64 {
            self.0
        }
    }

    fn proposal(life: u64, number: u64, lowest: u64) -> Proposal<u64> {
        let id = ProposalId { origin: "n1".to_owned(), life, number };
        Proposal { id, lowest, command: 10 }
    }

    #[test]
    fn a_proposal_happens_once_and_is_always_answered_the_same() {
        let mut state = State::<Counter>::default();
        let mut check = |life, number, lowest, expected: Option<u64>| {
            assert_eq!(state.apply(&proposal(life, number, lowest)), expected);
        };
        check(1, 1, 1, Some(0));
        check(1, 2, 1, Some(10));
        check(1, 1, 1, Some(0));
        // Nobody waits for the first any more.
        check(1, 3, 2, Some(20));
        check(1, 1, 1, None);
        check(1, 2, 1, Some(10));
        // Another life counts anew, and nobody waits for what the former one has asked.
        check(2, 1, 1, Some(30));
        check(1, 2, 1, None);
        check(1, 4, 1, None);
        assert_eq!(state.query(&()), 40);
    }

    #[test]
    fn what_a_former_life_has_asked_is_no_news_of_the_present_one() {
        let mut state = State::<Counter>::default();
        assert_eq!(state.apply(&proposal(2, 1, 1)), Some(0));
        // It had asked much, and nobody waited for the first of it.
        assert_eq!(state.apply(&proposal(1, 500, 490)), None);
        assert_eq!(state.apply(&proposal(2, 1, 1)), Some(0));
        assert_eq!(state.apply(&proposal(2, 2, 1)), Some(10));
    }

    #[test]
    fn what_is_over_would_have_no_effect_and_nothing_else_is() {
        let mut state = State::<Counter>::default();
        assert!(!state.is_over(&proposal(1, 1, 1).id));
        state.apply(&proposal(2, 5, 3));
        for (life, number, expected) in [(1, 9, true), (2, 2, true), (2, 3, false), (3, 1, false)] {
            let proposal = proposal(life, number, 1);
            assert_eq!(state.is_over(&proposal.id), expected, "{life}, {number}");
        }
    }

    #[test]
    fn a_snapshot_remembers_what_was_answered() {
        let mut state = State::<Counter>::default();
        state.apply(&proposal(1, 1, 1));
        let mut restored = State::<Counter>::from_snapshot(&state.to_snapshot());
        assert_eq!(restored.apply(&proposal(1, 1, 1)), Some(0));
        assert_eq!(restored.query(&()), 10);
    }
}
