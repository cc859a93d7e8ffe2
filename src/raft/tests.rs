//! Tests of the core: rule by rule, and clusters under random faults.

mod invariants;
mod cluster;
mod figure_13;
mod figure_2;
mod far_behind;
mod lost_storage;
mod mutants;
mod split_votes;
mod dissertation;

use std::borrow::Cow;
use std::time::Duration;

use super::core::Role;
use super::message::{
    AppendEntries, AppendEntriesResponse, Entry, RaftMessage, ReplicationOutcome, RequestVote,
    RequestVoteResponse, ServerId, Snapshot,
};
use super::replication::Progress;
use super::{Config, Input, InstallSnapshot, Output, PersistentState, Raft, SnapshotState};

pub(super) use self::mutants::Mutant;

/// Node under test. Commands are numbers, and the state is a list of numbers.
type TestRaft = Raft<u64, Vec<u64>>;
type TestMessage = RaftMessage<u64>;
type TestOutput = Output<u64, Vec<u64>>;

impl SnapshotState for Vec<u64> {
    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(serde_json::to_string(self).unwrap())
    }

    fn from_text(text: String) -> Option<Self> {
        serde_json::from_str(&text).ok()
    }
}

/// Configuration for tests. It is not the default, so that tuning the default does not change what
/// a seed finds.
const CONFIG: Config = Config {
    heartbeat_interval: Duration::from_millis(100),
    max_retransmit_timeout: Duration::from_millis(300),
    min_election_timeout: Duration::from_millis(500),
    election_jitter: Duration::from_millis(500),
    min_candidate_timeout: Duration::from_millis(300),
    candidate_jitter: Duration::from_millis(400),
    quorum_timeout: Duration::from_millis(750),
    max_in_flight: 1,
    max_entries: 256,
    max_message_bytes: 10_000,
    max_probe_bytes: 100,
    max_large_retransmit_timeout: Duration::from_secs(2),
};

/// Time at which every timeout has long passed.
const LATER: Duration = Duration::from_secs(10);

const MOMENT: Duration = Duration::from_millis(1);

/// Node 0 of three, as a follower with a log of entries of these terms.
fn follower(current_term: u64, voted_for: Option<ServerId>, terms: &[u64]) -> TestRaft {
    let entries = terms.iter().map(|&term| entry(term)).collect();
    let stored = PersistentState { current_term, voted_for, snapshot: None, entries };
    TestRaft::new(0, 3, CONFIG, stored, Duration::ZERO, 0)
}

/// The same node as leader of this term, at [`LATER`]. It has sent its no-op entry, and has got no
/// response yet.
fn leader(current_term: u64, terms: &[u64]) -> TestRaft {
    let mut node = follower(current_term - 1, None, terms);
    node.step(LATER, [Input::Tick { random: 0 }]);
    for message in [RaftMessage::PreVoteResponse, RaftMessage::RequestVoteResponse] {
        let answer = RequestVoteResponse {
            term: current_term - 1,
            requested_term: current_term,
            vote_granted: true,
        };
        receive(&mut node, 1, message(answer));
    }
    assert_eq!((node.leader(), node.term()), (Some(0), current_term));
    node
}

/// Entry whose command is its term.
fn entry(term: u64) -> Entry<u64> {
    Entry { term, command: Some(term) }
}

fn receive(node: &mut TestRaft, from: ServerId, message: TestMessage) -> Vec<TestOutput> {
    node.step(LATER, [Input::Message { from, message }])
}

fn request_vote(term: u64, last_log_index: u64, last_log_term: u64) -> RequestVote {
    RequestVote { term, last_log_index, last_log_term }
}

/// `AppendEntries` with entries of these terms, after the entry of this index and term.
fn append(term: u64, prev: (u64, u64), terms: &[u64], leader_commit: u64) -> TestMessage {
    RaftMessage::AppendEntries(AppendEntries {
        term,
        prev_log_index: prev.0,
        prev_log_term: prev.1,
        entries: terms.iter().map(|&term| entry(term)).collect(),
        leader_commit,
        round: 1,
    })
}

fn matches(term: u64, round: u64, match_index: u64) -> TestMessage {
    let outcome = ReplicationOutcome::Matches { match_index };
    RaftMessage::AppendEntriesResponse(AppendEntriesResponse { term, round, outcome })
}

/// Delivers this response of both followers.
fn respond_both(node: &mut TestRaft, term: u64, round: u64, match_index: u64) {
    for follower in [1, 2] {
        receive(node, follower, matches(term, round, match_index));
    }
}

fn differs(term: u64, round: u64, next_index: u64) -> TestMessage {
    let outcome = ReplicationOutcome::Differs { next_index };
    RaftMessage::AppendEntriesResponse(AppendEntriesResponse { term, round, outcome })
}

/// Messages that are sent, with their receivers.
fn sent(outputs: &[TestOutput]) -> Vec<(ServerId, &TestMessage)> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { to, message } => Some((*to, message)),
        _ => None,
    });
    sent.collect()
}

/// First `AppendEntries` that is sent to a node.
fn appended(outputs: &[TestOutput], to: ServerId) -> &AppendEntries<u64> {
    let appended = sent(outputs).into_iter().filter(|(receiver, _)| *receiver == to);
    let mut appended = appended.filter_map(|(_, message)| match message {
        RaftMessage::AppendEntries(append) => Some(append),
        _ => None,
    });
    appended.next().unwrap_or_else(|| panic!("no entries to {to} among {outputs:?}"))
}

/// True if the only response grants a vote.
fn is_granted(outputs: &[TestOutput]) -> bool {
    match sent(outputs)[..] {
        [(_, RaftMessage::RequestVoteResponse(answer) | RaftMessage::PreVoteResponse(answer))] => {
            answer.vote_granted
        }
        _ => panic!("one response was expected: {outputs:?}"),
    }
}

/// Outcome in the only response.
fn outcome(outputs: &[TestOutput]) -> ReplicationOutcome {
    match sent(outputs)[..] {
        [(_, RaftMessage::AppendEntriesResponse(answer))] => answer.outcome,
        _ => panic!("one response was expected: {outputs:?}"),
    }
}

fn applied(outputs: &[TestOutput]) -> Vec<(u64, Option<u64>)> {
    let applied = outputs.iter().filter_map(|output| match output {
        Output::Apply { index, command } => Some((*index, *command)),
        _ => None,
    });
    applied.collect()
}

/// Terms of the entries in the log.
fn terms(node: &TestRaft) -> Vec<u64> {
    node.log().entries().iter().map(|entry| entry.term).collect()
}

/// A leader's state of a follower.
fn progress(node: &mut TestRaft, of: ServerId) -> &mut Progress<Vec<u64>> {
    match &mut node.role {
        Role::Leader(leader) => leader.followers.get_mut(&of).expect("a follower"),
        role => panic!("it does not lead: {role:?}"),
    }
}

fn position(outputs: &[TestOutput], is_it: impl Fn(&TestOutput) -> bool) -> usize {
    let place = outputs.iter().position(is_it);
    place.unwrap_or_else(|| panic!("it is not among {outputs:?}"))
}

fn snapshot(last_included_index: u64, last_included_term: u64) -> Snapshot<Vec<u64>> {
    Snapshot { last_included_index, last_included_term, state: vec![7] }
}
