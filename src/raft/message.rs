//! The paper's RPCs, each as two messages: a request and a response.
//!
//! Fields have the paper's names. `leaderId` and `candidateId` are missing, because each message
//! arrives with its sender. A response repeats those arguments of its request that the sender
//! needs: the network may lose and duplicate messages, and does not match responses to requests.

use serde::{Deserialize, Serialize};

/// A server (the paper's word for a node), as the position of its node id in the sorted list of all
/// ids; so the servers are `0..cluster_size`.
pub type ServerId = usize;

/// Command or no-op in the log, with the term of the leader that appended it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<C> {
    /// Term in which a leader appended the entry.
    pub term: u64,
    /// Command for the state machine; `None` in the no-op entry that begins a leader's term.
    pub command: Option<C>,
}

/// State of the state machine after the entries up to an index, which it replaces (section 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot<S> {
    /// Index of the last entry that the snapshot replaces.
    pub last_included_index: u64,
    /// Term of that entry.
    pub last_included_term: u64,
    /// State of the state machine.
    pub state: S,
}

/// Message of the algorithm between two nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RaftMessage<C> {
    /// Asks if a vote would be granted in the next term (dissertation, section 9.6).
    PreVote(RequestVote),
    /// Response to a pre-vote.
    PreVoteResponse(RequestVoteResponse),
    /// Requests a vote (section 5.2).
    RequestVote(RequestVote),
    /// Response to a vote request.
    RequestVoteResponse(RequestVoteResponse),
    /// Replicates entries (section 5.3). Without entries, it is a heartbeat or a probe.
    AppendEntries(AppendEntries<C>),
    /// Sends a part of a snapshot to a follower that lacks entries which the leader's log no longer
    /// has (section 7).
    InstallSnapshot(InstallSnapshot),
    /// Response to `AppendEntries` or `InstallSnapshot`.
    AppendEntriesResponse(AppendEntriesResponse),
}

/// Arguments of `RequestVote`, and of a pre-vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVote {
    /// Candidate's term; in a pre-vote, the term that it would begin.
    pub term: u64,
    /// Index of the last entry of the candidate's log.
    pub last_log_index: u64,
    /// Term of that entry.
    pub last_log_term: u64,
}

/// Results of `RequestVote`, and of a pre-vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVoteResponse {
    /// Voter's current term.
    pub term: u64,
    /// Term of the request: the response may be to an older request than the last one.
    pub requested_term: u64,
    /// True if the candidate has the vote.
    pub vote_granted: bool,
}

/// Arguments of `AppendEntries`: entries of the leader's log after one that the follower should
/// have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEntries<C> {
    /// The leader's term.
    pub term: u64,
    /// Index of the entry immediately before the new ones.
    pub prev_log_index: u64,
    /// Term of that entry.
    pub prev_log_term: u64,
    /// Entries to store; none in a heartbeat.
    pub entries: Vec<Entry<C>>,
    /// Leader's commit index.
    pub leader_commit: u64,
    /// Number of the leader's round of messages, which increases within a term. The response
    /// repeats it, so the leader knows to which message the follower has responded.
    pub round: u64,
}

/// Arguments of `InstallSnapshot`: one part of the leader's snapshot (figure 13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallSnapshot {
    /// The leader's term.
    pub term: u64,
    /// Index of the last entry that the snapshot replaces.
    pub last_included_index: u64,
    /// Term of that entry.
    pub last_included_term: u64,
    /// Offset of the part in the text of the snapshot, in bytes.
    pub offset: usize,
    /// The part.
    pub data: String,
    /// True if this is the last part.
    pub done: bool,
    /// Round, as in [`AppendEntries`].
    pub round: u64,
}

/// Results of `AppendEntries` and `InstallSnapshot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEntriesResponse {
    /// Follower's current term.
    pub term: u64,
    /// Round of the message to which this responds.
    pub round: u64,
    /// Result for the follower's log.
    pub outcome: ReplicationOutcome,
}

/// Result of `AppendEntries` or `InstallSnapshot`, in place of the paper's `success`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicationOutcome {
    /// Success: the logs match up to an index, and the follower has stored these entries.
    Matches {
        /// Last index up to which the logs are known to match.
        match_index: u64,
    },
    /// Failure: the logs do not match at `prev_log_index`.
    Differs {
        /// Hint for the leader's `next_index`: the first entry of the follower's conflicting term,
        /// or the first index that it lacks (the end of section 5.3).
        next_index: u64,
    },
    /// The follower has a part of a snapshot, and needs the next one. The response does not tell
    /// where the logs match.
    Receiving {
        /// Offset of the next part in the text of the snapshot. Parts are not durable, so it is 0
        /// after a restart.
        offset: usize,
        /// Last index of the follower's log.
        last_log_index: u64,
    },
    /// The follower has all that the snapshot replaces: it has installed the snapshot, or had
    /// committed these entries already. So the logs match up to the snapshot's end.
    Installed {
        /// Index of the last entry that the snapshot replaces.
        match_index: u64,
        /// Last index of the follower's log when the message arrived.
        last_log_index: u64,
    },
    /// Rejection of a message of a former term. The response has the follower's term, but the round
    /// is one of the former term.
    OldTerm,
}

impl<C> RaftMessage<C> {
    /// Sender's term. A pre-vote has none: it names a term that has not begun.
    pub(super) fn term(&self) -> Option<u64> {
        match self {
            RaftMessage::PreVote(_) => None,
            RaftMessage::RequestVote(request) => Some(request.term),
            RaftMessage::PreVoteResponse(response) | RaftMessage::RequestVoteResponse(response) => {
                Some(response.term)
            }
            RaftMessage::AppendEntries(append) => Some(append.term),
            RaftMessage::InstallSnapshot(install) => Some(install.term),
            RaftMessage::AppendEntriesResponse(response) => Some(response.term),
        }
    }
}
