//! The shell around the core: the one task that has the disk, the clock and the state machine.
//!
//! Whatever has come while the task was busy, with its disk for the most part, goes into the next
//! step together. So under load a message to each follower and a sync are for many clients. What a
//! node has for another one at the end of a step is one message.
//!
//! A client's wish goes to the leader, with an id if it changes anything, and is repeated to
//! whoever leads next until it is answered. The leader answers the node that has asked, and that
//! one its client; if a proposal is applied there before the answer comes, that is the answer.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::core::Raft;
use super::desk::{Answer, Debts, Desk, Leader, Reader, Unanswered, Wish};
use super::interface::{Input, Output};
use super::journal::Journal;
use super::letter::{Answered, Asked, Letter, TooLarge};
use super::machine::{Proposal, ProposalId, State, StateMachine};
use super::message::NodeId;
use super::pace::Pace;
use super::reads::Witness;
use crate::json::Json;
use crate::node::Node;
use crate::refusal::refuse;

/// After how many bytes of entries a snapshot takes their place, each counted with
/// [`ENTRY_BYTES`]: so after 1000 entries that are small, or 16 MB of large ones. More saves work,
/// fewer save space, the time of a start, and entries that a node gets which was away. A snapshot
/// that is larger is worth as many entries as it has bytes itself: otherwise most of what a node
/// with a large state writes would be snapshots.
const COMPACT_AFTER: u64 = 1000 * ENTRY_BYTES;

/// What an entry costs beside its bytes, to keep and to do again after a start. More makes
/// snapshots after fewer entries.
const ENTRY_BYTES: u64 = 16 << 10;

/// After how many times as many a leader does not wait any more until it has sent them to all who
/// answer. More sends fewer snapshots to who is only slow, fewer save space.
const COMPACT_AT_LAST: u64 = 2;

/// What replicas of this state machine send each other.
pub type LetterOf<M> =
    Letter<<M as StateMachine>::Command, <M as StateMachine>::Query, <M as StateMachine>::Answer>;

/// This node's replica of a state machine. Clones are the same, and cheap.
pub struct Replica<M: StateMachine> {
    // Unbounded: what waits here is a client's, or a message's that was read already.
    events: mpsc::UnboundedSender<Event<M>>,
}

enum Event<M: StateMachine> {
    Wish(Wish<M>, Answer<M>),
    Letter(String, LetterOf<M>),
}

impl<M: StateMachine> Replica<M> {
    /// Starts the replica of a node; `message` makes the message that carries a letter.
    ///
    /// A node that is not a member of the cluster ends, and so does one whose storage is another
    /// node's, or another cluster's: `serve` returns that as an error.
    pub fn start<B: Serialize>(
        node: &Node,
        message: impl Fn(LetterOf<M>) -> B + 'static,
    ) -> Replica<M> {
        let (events, inbox) = mpsc::unbounded_channel();
        let sender = node.clone();
        let send = Box::new(move |to: &str, letter| sender.send(to, &message(letter)));
        node.spawn(Task::new(node, send).run(inbox));
        Replica { events }
    }

    /// Has a command done, once, on all replicas. If it cannot be told in time whether that has
    /// happened, the error says so.
    pub async fn propose(&self, command: M::Command) -> Result<M::Answer, Unanswered> {
        self.ask(Wish::Propose(command)).await
    }

    /// Asks the state machine, which knows everything that was answered before.
    pub async fn read(&self, query: M::Query) -> Result<M::Answer, Unanswered> {
        self.ask(Wish::Read(query)).await
    }

    /// Takes a letter of another node.
    pub fn receive(&self, from: &str, letter: LetterOf<M>) {
        // Refused only when the node is about to end.
        let _ = self.events.send(Event::Letter(from.to_owned(), letter));
    }

    async fn ask(&self, wish: Wish<M>) -> Result<M::Answer, Unanswered> {
        let (answer, answered) = oneshot::channel();
        let _ = self.events.send(Event::Wish(wish, answer));
        answered.await.unwrap_or(Err(Unanswered::InDoubt))
    }
}

impl<M: StateMachine> Clone for Replica<M> {
    fn clone(&self) -> Self {
        Replica { events: self.events.clone() }
    }
}

type Core<M> = Raft<Proposal<<M as StateMachine>::Command>, Json>;
type Inputs<M> = Vec<Input<Proposal<<M as StateMachine>::Command>, Json>>;
type Outputs<M> = Vec<Output<Proposal<<M as StateMachine>::Command>, Json>>;

type Send<M> = Box<dyn Fn(&str, LetterOf<M>)>;

struct Task<M: StateMachine> {
    node: Node,
    /// All nodes, in the order that gives them their numbers.
    ids: Vec<String>,
    me: NodeId,
    start: Instant,
    core: Core<M>,
    journal: Journal<Proposal<M::Command>>,
    state: State<M>,
    applied: u64,
    desk: Desk<M>,
    debts: Debts<M>,
    letters: BTreeMap<NodeId, LetterOf<M>>,
    send: Send<M>,
}

impl<M: StateMachine> Task<M> {
    fn new(node: &Node, send: Send<M>) -> Self {
        let mut ids = node.node_ids().to_vec();
        ids.sort_unstable();
        ids.dedup();
        let me = ids.iter().position(|id| id == node.id());
        let Some(me) = me else {
            let id = node.id();
            refuse(format!("{id} refuses to start: it is not a member of the cluster {ids:?}"));
        };
        let (journal, stored) = Journal::open(node, &ids);
        let snapshot = stored.snapshot.as_ref();
        let state = snapshot.map(|snapshot| State::from_snapshot(&snapshot.state));
        let applied = snapshot.map_or(0, |snapshot| snapshot.last_included_index);
        let core = Raft::new(me, ids.len(), Pace::DEFAULT, stored, Duration::ZERO, node.random());
        Task {
            node: node.clone(),
            ids,
            me,
            start: Instant::now(),
            core,
            journal,
            state: state.unwrap_or_default(),
            applied,
            desk: Desk::new(),
            debts: Debts::new(),
            letters: BTreeMap::new(),
            send,
        }
    }

    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Event<M>>) {
        loop {
            let mut inputs = Vec::new();
            tokio::select! {
                biased;
                event = inbox.recv() => match event {
                    Some(event) => self.take(event, &mut inputs),
                    None => return,
                },
                () = self.wait() => {}
            }
            while let Ok(event) = inbox.try_recv() {
                self.take(event, &mut inputs);
            }
            if self.core.due() <= self.now() {
                inputs.push(Input::Tick { random: self.node.random() });
            }
            inputs.extend(self.ask_the_leader());
            self.step(inputs).await;
            // What this step has changed, a leader or what is applied, may call for another.
            let mut inputs = self.ask_the_leader();
            inputs.extend(self.compact());
            if !inputs.is_empty() {
                self.step(inputs).await;
            }
            self.desk.give_up(self.now());
            self.post();
            if self.has_more() {
                // What was said is written before there is more.
                tokio::task::yield_now().await;
            }
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Whether there was more to say than goes at a time.
    fn has_more(&self) -> bool {
        self.desk.is_behind() && self.core.leader().is_some() || !self.debts.creditors().is_empty()
    }

    async fn wait(&self) {
        if self.has_more() {
            return;
        }
        let due = self.core.due().min(self.desk.due(self.core.leader().is_some()));
        match self.start.checked_add(due) {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    fn take(&mut self, event: Event<M>, inputs: &mut Inputs<M>) {
        match event {
            Event::Wish(wish, answer) => self.desk.open(self.now(), wish, answer),
            Event::Letter(from, letter) => {
                // Who is not of the cluster has no say in it.
                let Ok(from) = self.ids.binary_search(&from) else { return };
                let Letter { raft, asked, answered, too_large } = letter;
                inputs.extend(raft.into_iter().map(|message| Input::Message { from, message }));
                inputs.extend(asked.into_iter().filter_map(|asked| self.hear(from, asked)));
                for Answered { life, number, answer } in answered {
                    if life == self.journal.life() {
                        self.desk.close(number, answer);
                    }
                }
                for TooLarge { life, number, bytes } in too_large {
                    if life == self.journal.life() {
                        self.desk.refuse(number, bytes);
                    }
                }
            }
        }
    }

    /// Another node's client wants something.
    fn hear(
        &mut self,
        from: NodeId,
        asked: Asked<M::Command, M::Query>,
    ) -> Option<Input<Proposal<M::Command>, Json>> {
        if self.core.leader() != Some(self.me) {
            return None;
        }
        match asked {
            Asked::Propose(proposal) => {
                if let Some(answer) = self.state.answer(&proposal.id) {
                    let answered = Answered::to(&proposal.id, answer.clone());
                    self.debts.answer_proposal(self.now(), from, answered);
                    return None;
                }
                if self.state.is_over(&proposal.id) {
                    return None;
                }
                // What stands in the log already will be answered.
                let is_new = self.debts.proposals.insert(proposal.id.clone(), from).is_none();
                is_new.then_some(Input::Propose { ticket: 0, command: proposal })
            }
            Asked::Read { life, number, term, query } => {
                let reader = Reader::Other { to: from, life, number, query };
                let witness = Some(Witness { node: from, term });
                Some(Input::Read { ticket: self.debts.issue(reader), witness })
            }
        }
    }

    /// Brings the wishes of this node's clients to the leader, if one is known.
    fn ask_the_leader(&mut self) -> Inputs<M> {
        let Some(node) = self.core.leader() else { return Vec::new() };
        let (term, is_self) = (self.core.term(), node == self.me);
        let mut inputs = Vec::new();
        for number in self.desk.take_due(self.now(), Leader { node, term, is_self }) {
            let life = self.journal.life();
            match self.desk.wish(number) {
                Some(Wish::Propose(command)) => {
                    let id = ProposalId { origin: self.ids[self.me].clone(), life, number };
                    let (lowest, command) = (self.desk.lowest(), command.clone());
                    let command = Proposal { id, lowest, command };
                    if is_self {
                        inputs.push(Input::Propose { ticket: 0, command });
                    } else {
                        self.letter(node).asked.push(Asked::Propose(command));
                    }
                }
                Some(Wish::Read(_)) if is_self => {
                    let ticket = self.debts.issue(Reader::Own(number));
                    inputs.push(Input::Read { ticket, witness: None });
                }
                Some(Wish::Read(query)) => {
                    let query = query.clone();
                    self.letter(node).asked.push(Asked::Read { life, number, term, query });
                }
                None => {}
            }
        }
        inputs
    }

    fn compact(&self) -> Option<Input<Proposal<M::Command>, Json>> {
        let (index, log) = (self.applied, self.core.log());
        let entries = index.saturating_sub(log.snapshot_index());
        let bytes = log.bytes_until(index) + entries * ENTRY_BYTES;
        let snapshot = log.snapshot().map_or(0, |snapshot| snapshot.state.get().len() as u64);
        let most = COMPACT_AFTER.max(snapshot);
        let is_long = bytes >= most && !self.core.owes(index) || bytes >= COMPACT_AT_LAST * most;
        is_long.then(|| Input::Compact { index, state: self.state.to_snapshot() })
    }

    /// Has the core take a step, and does what it says.
    async fn step(&mut self, inputs: Inputs<M>) {
        let outputs: Outputs<M> = self.core.step(self.now(), inputs);
        for output in outputs {
            let Some(output) = self.journal.take(output) else { continue };
            self.sync().await;
            self.carry_out(output);
        }
        self.sync().await;
        if self.core.leader() != Some(self.me) {
            self.debts.proposals.clear();
        }
        if self.journal.is_long(self.core.log().entries().len()) {
            self.journal.renew(self.core.stored());
            self.sync().await;
        }
    }

    /// Waits until all is stored. What was said before does not.
    async fn sync(&mut self) {
        if self.journal.is_waiting() {
            self.post();
            self.journal.sync().await;
        }
    }

    fn carry_out(&mut self, output: Output<Proposal<M::Command>, Json>) {
        match output {
            Output::Send { to, message } => self.letter(to).raft.push(message),
            Output::Restore(snapshot) => {
                self.state = State::from_snapshot(&snapshot.state);
                self.applied = snapshot.last_included_index;
            }
            Output::Apply { index, command } => {
                self.applied = index;
                if let Some(proposal) = command {
                    self.apply(&proposal);
                }
            }
            Output::ReadReady { ticket } => match self.debts.redeem(ticket) {
                Some(Reader::Own(number)) => {
                    if let Some(Wish::Read(query)) = self.desk.wish(number) {
                        let answer = self.state.query(query);
                        self.desk.close(number, answer);
                    }
                }
                Some(Reader::Other { to, life, number, query }) => {
                    let answer = self.state.query(&query);
                    self.debts.answer_read(self.now(), to, Answered { life, number, answer });
                }
                None => {}
            },
            Output::LostStorage { node, acknowledged, last_log_index } => {
                let (me, node) = (&self.ids[self.me], &self.ids[node]);
                let line = lost_storage(me, node, acknowledged, last_log_index);
                // A log that nobody takes is no reason to die.
                let _ = std::io::stderr().write_all(line.as_bytes());
            }
            // A read is asked again, of the next leader, by whoever waits for it.
            Output::Refused { ticket } => drop(self.debts.redeem(ticket)),
            Output::StoreTerm { .. } | Output::StoreEntries { .. } | Output::StoreAll(_) => {}
        }
    }

    fn apply(&mut self, proposal: &Proposal<M::Command>) {
        let id = &proposal.id;
        let answer = self.state.apply(proposal);
        let asker = self.debts.proposals.remove(id);
        let Some(answer) = answer else { return };
        if id.origin == self.ids[self.me] && id.life == self.journal.life() {
            self.desk.close(id.number, answer);
        } else if let Some(asker) = asker {
            self.debts.answer_proposal(self.now(), asker, Answered::to(id, answer));
        }
    }

    fn letter(&mut self, to: NodeId) -> &mut LetterOf<M> {
        self.letters.entry(to).or_default()
    }

    fn post(&mut self) {
        let now = self.start.elapsed();
        for to in self.debts.creditors() {
            let letter = self.letters.entry(to).or_default();
            self.debts.answer_in(now, to, letter);
        }
        for (to, letter) in std::mem::take(&mut self.letters) {
            for letter in letter.split().into_iter().filter(|letter| !letter.is_empty()) {
                (self.send)(&self.ids[to], letter);
            }
        }
    }
}

/// What an operator should know and do. In one piece, because several nodes may share a log.
fn lost_storage(me: &str, node: &str, acknowledged: u64, last_log_index: u64) -> String {
    format!(
        "{me}: {node} has lost what it had acknowledged: it had stored the log up to entry \
         {acknowledged}, and now it has nothing after entry {last_log_index}. It was started with \
         another storage directory, an older copy, or none (EDDY_STORAGE). Its votes and its \
         answers do not count here any more, and nothing is sent to it. Stop {node} and leave it \
         down: the others go on while they are a majority. To have it back, stop all nodes and \
         start them again, with its former storage.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_with_who_what_and_what_to_do() {
        let line = lost_storage("n1", "n3", 500, 2);
        for part in [
            "n1: n3 has lost what it had acknowledged",
            "up to entry 500",
            "nothing after entry 2",
            "(EDDY_STORAGE)",
            "Stop n3 and leave it down",
        ] {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(line.lines().count(), 1);
    }
}
