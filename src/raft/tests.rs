//! Tests of the core: rule by rule, and clusters to which everything happens.

mod checks;
mod cluster;
mod figure_13;
mod figure_2;
mod far_behind;
mod lost_storage;
mod mutants;
mod ties;
mod thesis;

use std::borrow::Cow;
use std::time::Duration;

use super::core::Role;
use super::message::{
    AppendEntries, AppendEntriesAnswer, Ballot, Entry, Message, NodeId, Outcome, Snapshot,
    VoteAnswer,
};
use super::replication::Progress;
use super::{Input, InstallSnapshot, Output, Pace, Raft, SnapshotState, Stored};

pub(super) use self::mutants::Mutant;

/// Commands are numbers, and a state machine is those that it was told.
type Node = Raft<u64, Vec<u64>>;
type Said = Message<u64>;
type Done = Output<u64, Vec<u64>>;

impl SnapshotState for Vec<u64> {
    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(serde_json::to_string(self).unwrap())
    }

    fn from_text(text: String) -> Option<Self> {
        serde_json::from_str(&text).ok()
    }
}

/// Not the default one: what a seed finds must not depend on a figure that is tuned.
const PACE: Pace = Pace {
    heartbeat: Duration::from_millis(100),
    longest_retry: Duration::from_millis(300),
    election: Duration::from_millis(500),
    election_spread: Duration::from_millis(500),
    candidacy: Duration::from_millis(300),
    candidacy_spread: Duration::from_millis(400),
    quorum: Duration::from_millis(750),
    window: 1,
    most_entries: 256,
    most_bytes: 10_000,
    probe_bytes: 100,
    longest_transfer: Duration::from_secs(2),
};

/// Long after every time-out has passed.
const LATER: Duration = Duration::from_secs(10);

const MOMENT: Duration = Duration::from_millis(1);

/// Node 0 of three, with a log of entries of these terms.
fn follower(current_term: u64, voted_for: Option<NodeId>, terms: &[u64]) -> Node {
    let entries = terms.iter().map(|&term| entry(term)).collect();
    let stored = Stored { current_term, voted_for, snapshot: None, entries };
    Node::new(0, 3, PACE, stored, Duration::ZERO, 0)
}

/// The same once it leads the term, at [`LATER`]. All has been said, and nothing answered.
fn leader(current_term: u64, terms: &[u64]) -> Node {
    let mut node = follower(current_term - 1, None, terms);
    node.step(LATER, [Input::Tick { random: 0 }]);
    for message in [Message::PreVoteAnswer, Message::RequestVoteAnswer] {
        let answer = VoteAnswer { term: current_term - 1, asked: current_term, vote_granted: true };
        hear(&mut node, 1, message(answer));
    }
    assert_eq!((node.leader(), node.term()), (Some(0), current_term));
    node
}

/// A command that tells its term.
fn entry(term: u64) -> Entry<u64> {
    Entry { term, command: Some(term) }
}

fn hear(node: &mut Node, from: NodeId, message: Said) -> Vec<Done> {
    node.step(LATER, [Input::Message { from, message }])
}

fn ballot(term: u64, last_log_index: u64, last_log_term: u64) -> Ballot {
    Ballot { term, last_log_index, last_log_term }
}

/// Entries of these terms, behind the entry of this index and term.
fn append(term: u64, prev: (u64, u64), terms: &[u64], leader_commit: u64) -> Said {
    Message::AppendEntries(AppendEntries {
        term,
        prev_log_index: prev.0,
        prev_log_term: prev.1,
        entries: terms.iter().map(|&term| entry(term)).collect(),
        leader_commit,
        round: 1,
    })
}

fn matches(term: u64, round: u64, match_index: u64) -> Said {
    let outcome = Outcome::Matches { match_index };
    Message::AppendEntriesAnswer(AppendEntriesAnswer { term, round, outcome })
}

/// Has both followers answer so.
fn agree(node: &mut Node, term: u64, round: u64, match_index: u64) {
    for follower in [1, 2] {
        hear(node, follower, matches(term, round, match_index));
    }
}

fn differs(term: u64, round: u64, next_index: u64) -> Said {
    let outcome = Outcome::Differs { next_index };
    Message::AppendEntriesAnswer(AppendEntriesAnswer { term, round, outcome })
}

/// What is said to whom.
fn sent(outputs: &[Done]) -> Vec<(NodeId, &Said)> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { to, message } => Some((*to, message)),
        _ => None,
    });
    sent.collect()
}

/// The entries that go to a node.
fn appended(outputs: &[Done], to: NodeId) -> &AppendEntries<u64> {
    let appended = sent(outputs).into_iter().filter(|(receiver, _)| *receiver == to);
    let mut appended = appended.filter_map(|(_, message)| match message {
        Message::AppendEntries(append) => Some(append),
        _ => None,
    });
    appended.next().unwrap_or_else(|| panic!("no entries to {to} among {outputs:?}"))
}

/// Whether the only answer grants a vote.
fn is_granted(outputs: &[Done]) -> bool {
    match sent(outputs)[..] {
        [(_, Message::RequestVoteAnswer(answer) | Message::PreVoteAnswer(answer))] => {
            answer.vote_granted
        }
        _ => panic!("one answer was expected: {outputs:?}"),
    }
}

/// What the only answer says of the log.
fn outcome(outputs: &[Done]) -> Outcome {
    match sent(outputs)[..] {
        [(_, Message::AppendEntriesAnswer(answer))] => answer.outcome,
        _ => panic!("one answer was expected: {outputs:?}"),
    }
}

fn applied(outputs: &[Done]) -> Vec<(u64, Option<u64>)> {
    let applied = outputs.iter().filter_map(|output| match output {
        Output::Apply { index, command } => Some((*index, *command)),
        _ => None,
    });
    applied.collect()
}

/// The terms of the entries that stand in the log.
fn terms(node: &Node) -> Vec<u64> {
    node.log().entries().iter().map(|entry| entry.term).collect()
}

/// What a leader knows of a follower.
fn progress(node: &mut Node, of: NodeId) -> &mut Progress<Vec<u64>> {
    match &mut node.role {
        Role::Leader(leader) => leader.followers.get_mut(&of).expect("a follower"),
        role => panic!("it does not lead: {role:?}"),
    }
}

fn place(outputs: &[Done], is_it: impl Fn(&Done) -> bool) -> usize {
    let place = outputs.iter().position(is_it);
    place.unwrap_or_else(|| panic!("it is not among {outputs:?}"))
}

fn snapshot(last_included_index: u64, last_included_term: u64) -> Snapshot<Vec<u64>> {
    Snapshot { last_included_index, last_included_term, state: vec![7] }
}
