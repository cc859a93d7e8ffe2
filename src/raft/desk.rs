//! Those who wait for an answer: this node's own clients, and other nodes for whom it leads.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::sync::oneshot;

use super::letter::{Answered, Letter, MOST_BYTES, TooLarge};
use super::machine::{ProposalId, StateMachine};
use super::message::NodeId;
use super::pace::Pace;
use crate::error::{Error, ErrorCode};
use crate::json;
use crate::size::LONGEST_ENTRY;

/// How long a client's request goes on. Longer answers more of them during an election; but the
/// clients of Maelstrom wait for 1 s, and one that is told in time that nothing has happened knows
/// more than one that is told nothing.
pub(super) const PATIENCE: Duration = Duration::from_millis(950);

/// How soon a question is put to the same leader again. Longer saves messages where ways are long,
/// shorter repairs more losses within a client's patience.
const REPEAT: Duration = Duration::from_millis(300);

/// Up to how many bytes that is done. What is larger goes to each leader once, for it may take
/// longer than that to arrive, and then each repetition would make it take still longer. More
/// repairs more losses, less repeats less in vain.
const MOST_REPEATED: usize = Pace::DEFAULT.probe_bytes;

/// Most bytes of a command, a query or an answer: an entry ([`LONGEST_ENTRY`]), less 1 KiB for the
/// names and numbers around it. More takes larger values, less lets everybody else wait for less
/// while one is on its way; it must pass in less than an election's time-out.
pub(super) const MOST_COMMAND_BYTES: usize = LONGEST_ENTRY - 1024;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// No leader has answered in time, and it certainly has not happened, and never will.
    NotDone,
    /// No leader has answered in time, and it may have happened.
    InDoubt,
    /// It would make a longer line than replicas send each other. It has not happened.
    TooLarge {
        /// How many bytes it takes as JSON.
        bytes: usize,
        /// How many it may take.
        limit: usize,
    },
    /// What was to be read would make such a line.
    AnswerTooLarge {
        /// How many bytes it takes as JSON.
        bytes: usize,
        /// How many it may take.
        limit: usize,
    },
}

impl Unanswered {
    /// Whether what was asked certainly has not happened, and never will.
    pub fn is_definite(&self) -> bool {
        *self != Unanswered::InDoubt
    }
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
    /// Whether there are more to ask for than go at a time.
    is_behind: bool,
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
    bytes: usize,
    answer: Answer<M>,
    deadline: Duration,
    /// Who was asked, and when to ask again.
    sent: Option<(Leader, Duration)>,
    /// Whether anybody was ever asked.
    was_sent: bool,
}

impl<M: StateMachine> Desk<M> {
    pub(super) fn new() -> Self {
        Desk { waiting: BTreeMap::new(), last_number: 0, is_behind: false }
    }

    /// Takes a client's wish, or refuses it at once.
    pub(super) fn open(&mut self, now: Duration, wish: Wish<M>, answer: Answer<M>) {
        let bytes = match &wish {
            Wish::Propose(command) => json::length(command),
            Wish::Read(query) => json::length(query),
        };
        if bytes > MOST_COMMAND_BYTES {
            let _ = answer.send(Err(Unanswered::TooLarge { bytes, limit: MOST_COMMAND_BYTES }));
            return;
        }
        self.last_number += 1;
        let deadline = now + PATIENCE;
        let waiting = Waiting { wish, bytes, answer, deadline, sent: None, was_sent: false };
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

    /// The answer to a read is too large to be sent here.
    pub(super) fn refuse(&mut self, number: u64, bytes: usize) {
        if let Some(waiting) = self.waiting.remove(&number) {
            let limit = MOST_COMMAND_BYTES;
            let _ = waiting.answer.send(Err(Unanswered::AnswerTooLarge { bytes, limit }));
        }
    }

    /// Those who are to be asked for now: of another leader, or once more of the same. To oneself
    /// nothing is lost; to another no more than fills a letter, and the rest in the next turn.
    pub(super) fn take_due(&mut self, now: Duration, leader: Leader) -> Vec<u64> {
        let due = self.waiting.iter_mut().filter(|(_, waiting)| {
            waiting.sent.is_none_or(|(asked, repeat)| asked != leader || repeat <= now)
        });
        let (mut numbers, mut bytes) = (Vec::new(), 0);
        self.is_behind = false;
        for (number, waiting) in due {
            bytes += waiting.bytes;
            if !leader.is_self && bytes > MOST_BYTES && !numbers.is_empty() {
                self.is_behind = true;
                break;
            }
            let is_repeated = !leader.is_self && waiting.bytes <= MOST_REPEATED;
            waiting.sent = Some((leader, if is_repeated { now + REPEAT } else { Duration::MAX }));
            waiting.was_sent = true;
            numbers.push(*number);
        }
        numbers
    }

    /// Whether somebody should be asked for in the next turn.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Gives up on those whose time is over.
    pub(super) fn give_up(&mut self, now: Duration) {
        while let Some(first) = self.waiting.first_entry()
            && first.get().deadline <= now
        {
            let Waiting { wish, answer, was_sent, .. } = first.remove();
            // To read changes nothing.
            let is_definite = !was_sent || matches!(wish, Wish::Read(_));
            let why = if is_definite { Unanswered::NotDone } else { Unanswered::InDoubt };
            let _ = answer.send(Err(why));
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
pub(super) struct Debts<M: StateMachine> {
    /// Which other node has proposed what stands in the log and is not applied.
    pub(super) proposals: BTreeMap<ProposalId, NodeId>,
    /// The reads that the core was told of, by ticket.
    reads: BTreeMap<u64, Reader<M::Query>>,
    last_ticket: u64,
    /// Answers to other nodes that have not been sent; what was asked twice has one.
    answers: BTreeMap<NodeId, OwedAnswers<M::Answer>>,
}

/// By life and number.
type OwedAnswers<A> = BTreeMap<(u64, u64), Owed<A>>;

/// Who wants to know something.
pub(super) enum Reader<Q> {
    /// A client of this node.
    Own(u64),
    /// A client of another node.
    Other { to: NodeId, life: u64, number: u64, query: Q },
}

struct Owed<A> {
    answer: A,
    bytes: usize,
    /// What a proposal is answered, the other node finds out by itself.
    is_of_read: bool,
    /// When nobody waits for it any more.
    deadline: Duration,
}

impl<M: StateMachine> Debts<M> {
    pub(super) fn new() -> Self {
        Debts {
            proposals: BTreeMap::new(),
            reads: BTreeMap::new(),
            last_ticket: 0,
            answers: BTreeMap::new(),
        }
    }

    /// A ticket for a read.
    pub(super) fn issue(&mut self, reader: Reader<M::Query>) -> u64 {
        self.last_ticket += 1;
        self.reads.insert(self.last_ticket, reader);
        self.last_ticket
    }

    pub(super) fn redeem(&mut self, ticket: u64) -> Option<Reader<M::Query>> {
        self.reads.remove(&ticket)
    }

    /// Takes what a read of another node's client is answered, to be sent when it is its turn.
    pub(super) fn answer_read(&mut self, now: Duration, to: NodeId, answered: Answered<M::Answer>) {
        self.answer(now, to, answered, true);
    }

    /// The same for a proposal.
    pub(super) fn answer_proposal(
        &mut self,
        now: Duration,
        to: NodeId,
        answered: Answered<M::Answer>,
    ) {
        self.answer(now, to, answered, false);
    }

    fn answer(
        &mut self,
        now: Duration,
        to: NodeId,
        answered: Answered<M::Answer>,
        is_of_read: bool,
    ) {
        let Answered { life, number, answer } = answered;
        let (bytes, deadline) = (json::length(&answer), now + PATIENCE);
        let owed = Owed { answer, bytes, is_of_read, deadline };
        self.answers.entry(to).or_default().insert((life, number), owed);
    }

    /// Puts what goes to a node in this turn into its letter: as much as fills it.
    pub(super) fn answer_in<C, Q>(
        &mut self,
        now: Duration,
        to: NodeId,
        letter: &mut Letter<C, Q, M::Answer>,
    ) {
        let Some(answers) = self.answers.get_mut(&to) else { return };
        let mut bytes = 0;
        while let Some(first) = answers.first_entry() {
            let &(life, number) = first.key();
            let fits = bytes == 0 || bytes + first.get().bytes <= MOST_BYTES;
            if first.get().deadline > now && !fits {
                return;
            }
            let Owed { answer, bytes: size, is_of_read, deadline } = first.remove();
            if deadline <= now {
                continue;
            }
            if size <= MOST_COMMAND_BYTES {
                bytes += size;
                letter.answered.push(Answered { life, number, answer });
            } else if is_of_read {
                letter.too_large.push(TooLarge { life, number, bytes: size });
            }
        }
        self.answers.remove(&to);
    }

    /// To whom there are answers.
    pub(super) fn creditors(&self) -> Vec<NodeId> {
        self.answers.keys().copied().collect()
    }
}

impl<A> Answered<A> {
    pub(super) fn to(id: &ProposalId, answer: A) -> Self {
        Answered { life: id.life, number: id.number, answer }
    }
}

/// What does not fit into a message is told as a malformed request (12), which this very request is
/// for this cluster, whenever and whomever it is asked again: 11 would ask for a repetition, and 10
/// would say that the operation is unknown.
impl From<Unanswered> for Error {
    fn from(unanswered: Unanswered) -> Error {
        let code = match unanswered {
            Unanswered::NotDone => ErrorCode::TemporarilyUnavailable,
            Unanswered::InDoubt => ErrorCode::Timeout,
            Unanswered::TooLarge { .. } | Unanswered::AnswerTooLarge { .. } => {
                ErrorCode::MalformedRequest
            }
        };
        code.error(unanswered.to_string())
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unanswered::NotDone => {
                f.write_str("no leader has answered in time, and nothing has happened")
            }
            Unanswered::InDoubt => {
                f.write_str("no leader has answered in time, and it may have happened")
            }
            Unanswered::TooLarge { bytes, limit } => {
                write!(f, "the request takes {bytes} bytes as JSON: expected at most {limit}")
            }
            Unanswered::AnswerTooLarge { bytes, limit } => {
                write!(f, "the answer takes {bytes} bytes as JSON: expected at most {limit}")
            }
        }
    }
}

impl std::error::Error for Unanswered {}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    /// Says what it is told.
    #[derive(Default, Serialize, Deserialize)]
    struct Echo;

    impl StateMachine for Echo {
        type Command = String;
        type Query = String;
        type Answer = String;

        fn apply(&mut self, command: &String) -> String {
            command.clone()
        }

        fn query(&self, query: &String) -> String {
            query.clone()
        }
    }

    const NOW: Duration = Duration::from_secs(5);
    const LEADER: Leader = Leader { node: 1, term: 3, is_self: false };

    fn text(bytes: usize) -> String {
        "x".repeat(bytes - 2)
    }

    fn open(desk: &mut Desk<Echo>, bytes: usize) -> oneshot::Receiver<Result<String, Unanswered>> {
        let (answer, answered) = oneshot::channel();
        desk.open(NOW, Wish::Propose(text(bytes)), answer);
        answered
    }

    #[test]
    fn what_is_too_large_is_refused_at_once_with_its_size_and_the_limit() {
        let mut desk = Desk::<Echo>::new();
        let mut answered = open(&mut desk, MOST_COMMAND_BYTES + 1);
        let refusal = answered.try_recv().unwrap().unwrap_err();
        assert!(refusal.is_definite());
        let error = Error::from(refusal).to_string();
        assert!(error.contains("takes 8387585 bytes as JSON: expected at most 8387584"), "{error}");
        assert!(desk.take_due(NOW, LEADER).is_empty());
        assert!(open(&mut desk, MOST_COMMAND_BYTES).try_recv().is_err());
        assert_eq!(desk.take_due(NOW, LEADER), [1]);
    }

    #[test]
    fn a_leader_is_asked_for_as_much_as_fills_a_letter_and_for_what_is_large_only_once() {
        let mut desk = Desk::<Echo>::new();
        let sizes = [100, 300_000, 300_000, 8_000_000, 100];
        let answered = sizes.map(|bytes| open(&mut desk, bytes));
        let mut turns = Vec::new();
        while turns.is_empty() || desk.is_behind() {
            turns.push(desk.take_due(NOW, LEADER));
        }
        assert_eq!(turns, [vec![1, 2], vec![3], vec![4], vec![5]]);
        assert_eq!(desk.take_due(NOW + REPEAT, LEADER), [1, 5]);
        let next = Leader { node: 2, term: 4, ..LEADER };
        assert_eq!(desk.take_due(NOW + REPEAT, next), [1, 2]);
        drop(answered);
    }

    #[test]
    fn answers_to_another_node_wait_for_their_turn_and_not_longer_than_its_client() {
        let mut debts = Debts::<Echo>::new();
        let answered = |number, bytes| Answered { life: 1, number, answer: text(bytes) };
        let turn = |debts: &mut Debts<Echo>, now| {
            let mut letter = Letter::<String, String, String>::default();
            debts.answer_in(now, 2, &mut letter);
            let numbers = letter.answered.iter().map(|one| one.number).collect::<Vec<_>>();
            (numbers, letter.too_large.iter().map(|one| one.number).collect::<Vec<_>>())
        };
        for (number, bytes) in [(1, 300_000), (2, 200_000), (3, 300_000), (4, 8_000_000)] {
            debts.answer_read(NOW, 2, answered(number, bytes));
        }
        // Asked for again before the first answer has left: one of them is enough.
        debts.answer_read(NOW, 2, answered(3, 300_000));
        assert_eq!(turn(&mut debts, NOW), (vec![1, 2], vec![]));
        assert_eq!(debts.creditors(), [2]);
        assert_eq!(turn(&mut debts, NOW), (vec![3], vec![]));
        assert_eq!(turn(&mut debts, NOW), (vec![4], vec![]));
        assert!(debts.creditors().is_empty());
        // A read is told that it cannot be answered; a proposal is answered where it is applied.
        debts.answer_read(NOW, 2, answered(5, 9_000_000));
        debts.answer_proposal(NOW, 2, answered(6, 9_000_000));
        assert_eq!(turn(&mut debts, NOW), (vec![], vec![5]));
        debts.answer_read(NOW, 2, answered(7, 100));
        assert_eq!(turn(&mut debts, NOW + PATIENCE), (vec![], vec![]));
        assert!(debts.creditors().is_empty());
    }
}
