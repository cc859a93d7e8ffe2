//! Those who wait for an answer: this node's own clients, and other nodes for whom it leads.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::sync::oneshot;

use super::letter::Answered;
use super::machine::{ProposalId, StateMachine};
use super::message::NodeId;
use crate::error::{Error, ErrorCode};

/// How long a client's request goes on. Longer answers more of them during an election; but the
/// clients of Maelstrom wait for 1 s, and one that is told in time that nothing has happened knows
/// more than one that is told nothing.
pub(super) const PATIENCE: Duration = Duration::from_millis(950);

/// How soon a question is put to the same leader again. Longer saves messages where ways are long,
/// shorter repairs more losses within a client's patience.
const REPEAT: Duration = Duration::from_millis(300);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unanswered {
    /// Whether what was asked certainly has not happened, and never will.
    pub is_definite: bool,
}

/// What a client of this node wants.
pub(super) enum Wish<M: StateMachine> {
    Propose(M::Command),
    Read(M::Query),
}

/// To whom the answer goes.
pub(super) type Answer<M> = oneshot::Sender<Result<<M as StateMachine>::Answer, Unanswered>>;

/// The clients of this node that wait, by numbers in the order of their coming.
pub(super) struct Desk<M: StateMachine> {
    waiting: BTreeMap<u64, Waiting<M>>,
    last_number: u64,
}

/// Who leads a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) node: NodeId,
    pub(super) term: u64,
    pub(super) is_self: bool,
}

struct Waiting<M: StateMachine> {
    wish: Wish<M>,
    answer: Answer<M>,
    deadline: Duration,
    /// Who was asked, and when to ask again.
    sent: Option<(Leader, Duration)>,
    /// Whether anybody was ever asked.
    was_sent: bool,
}

impl<M: StateMachine> Desk<M> {
    pub(super) fn new() -> Self {
        Desk { waiting: BTreeMap::new(), last_number: 0 }
    }

    pub(super) fn open(&mut self, now: Duration, wish: Wish<M>, answer: Answer<M>) {
        self.last_number += 1;
        let deadline = now + PATIENCE;
        let waiting = Waiting { wish, answer, deadline, sent: None, was_sent: false };
        self.waiting.insert(self.last_number, waiting);
    }

    /// The first number of a proposal that is open.
    pub(super) fn lowest(&self) -> u64 {
        let mut proposals =
            self.waiting.iter().filter(|(_, one)| matches!(one.wish, Wish::Propose(_)));
        proposals.next().map_or(self.last_number + 1, |(number, _)| *number)
    }

    pub(super) fn wish(&self, number: u64) -> Option<&Wish<M>> {
        self.waiting.get(&number).map(|waiting| &waiting.wish)
    }

    pub(super) fn close(&mut self, number: u64, answer: M::Answer) {
        if let Some(waiting) = self.waiting.remove(&number) {
            // Nobody listens if the node is about to end.
            let _ = waiting.answer.send(Ok(answer));
        }
    }

    /// Those who are to be asked for now: of another leader, or once more of the same. To oneself
    /// nothing is lost.
    pub(super) fn take_due(&mut self, now: Duration, leader: Leader) -> Vec<u64> {
        let due = self.waiting.iter_mut().filter(|(_, waiting)| {
            waiting.sent.is_none_or(|(asked, repeat)| asked != leader || repeat <= now)
        });
        let repeat = if leader.is_self { Duration::MAX } else { now + REPEAT };
        let due = due.map(|(number, waiting)| {
            waiting.sent = Some((leader, repeat));
            waiting.was_sent = true;
            *number
        });
        due.collect()
    }

    /// Gives up on those whose time is over.
    pub(super) fn give_up(&mut self, now: Duration) {
        while let Some(first) = self.waiting.first_entry()
            && first.get().deadline <= now
        {
            let Waiting { wish, answer, was_sent, .. } = first.remove();
            // To read changes nothing.
            let is_definite = !was_sent || matches!(wish, Wish::Read(_));
            let _ = answer.send(Err(Unanswered { is_definite }));
        }
    }

    /// When somebody is given up, or, if there is a leader, asked again.
    pub(super) fn due(&self, has_leader: bool) -> Duration {
        let deadline = self.waiting.values().next().map(|waiting| waiting.deadline);
        let sent = self.waiting.values().filter(|_| has_leader);
        let repeat = sent.filter_map(|waiting| waiting.sent).map(|(_, repeat)| repeat).min();
        deadline.into_iter().chain(repeat).min().unwrap_or(Duration::MAX)
    }
}

/// Whom a leader has to answer.
pub(super) struct Debts<Q> {
    /// Which other node has proposed what stands in the log and is not applied.
    pub(super) proposals: BTreeMap<ProposalId, NodeId>,
    /// The reads that the core was told of, by ticket.
    reads: BTreeMap<u64, Reader<Q>>,
    last_ticket: u64,
}

/// Who wants to know something.
pub(super) enum Reader<Q> {
    /// A client of this node.
    Own(u64),
    /// A client of another node.
    Other { to: NodeId, life: u64, number: u64, query: Q },
}

impl<Q> Debts<Q> {
    pub(super) fn new() -> Self {
        Debts { proposals: BTreeMap::new(), reads: BTreeMap::new(), last_ticket: 0 }
    }

    /// A ticket for a read.
    pub(super) fn issue(&mut self, reader: Reader<Q>) -> u64 {
        self.last_ticket += 1;
        self.reads.insert(self.last_ticket, reader);
        self.last_ticket
    }

    pub(super) fn redeem(&mut self, ticket: u64) -> Option<Reader<Q>> {
        self.reads.remove(&ticket)
    }
}

impl<A> Answered<A> {
    pub(super) fn to(id: &ProposalId, answer: A) -> Self {
        Answered { life: id.life, number: id.number, answer }
    }
}

impl From<Unanswered> for Error {
    fn from(unanswered: Unanswered) -> Error {
        let code = if unanswered.is_definite {
            ErrorCode::TemporarilyUnavailable
        } else {
            ErrorCode::Timeout
        };
        code.error(unanswered.to_string())
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_definite {
            "no leader has answered in time, and nothing has happened"
        } else {
            "no leader has answered in time, and it may have happened"
        })
    }
}

impl std::error::Error for Unanswered {}
