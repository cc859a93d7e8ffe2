//! What nodes say to each other: the paper's calls, each as two messages, a question and an answer.
//!
//! Fields bear the paper's names. `leaderId` and `candidateId` are missing, because whoever hands a
//! message over says from whom it is. Answers carry what the paper's caller would remember about
//! its call: a network that loses and doubles messages knows no calls.

use serde::{Deserialize, Serialize};

/// A server (the paper's word for a node), as the position of its node id in the sorted list of all
/// ids; so the servers are `0..cluster_size`.
pub type ServerId = usize;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<C> {
    /// The term in which a leader received it.
    pub term: u64,
    /// What the state machine is to do; nothing in the entry with which a leader begins its term.
    pub command: Option<C>,
}

/// All that the entries up to an index have made of the state machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot<S> {
    /// The last entry whose effect is in it.
    pub last_included_index: u64,
    /// The term of that entry.
    pub last_included_term: u64,
    /// The state machine's.
    pub state: S,
}

/// What a node says to another.
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
    /// A part of the snapshot that replaces a log which lacks what the leader's has no more
    /// (section 7).
    InstallSnapshot(InstallSnapshot),
    /// Response to `AppendEntries` or `InstallSnapshot`.
    AppendEntriesResponse(AppendEntriesResponse),
}

/// What a candidate stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVote {
    /// Candidate's term; in a pre-vote, the term that it would begin.
    pub term: u64,
    /// The last entry of the candidate's log.
    pub last_log_index: u64,
    /// The term of that entry.
    pub last_log_term: u64,
}

/// Whether the candidate has the vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVoteResponse {
    /// Voter's current term.
    pub term: u64,
    /// Term of the request: the response may be to an older request than the last one.
    pub requested_term: u64,
    /// True if the candidate has the vote.
    pub vote_granted: bool,
}

/// What stands in the leader's log behind an entry that the follower should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEntries<C> {
    /// The leader's term.
    pub term: u64,
    /// The entry before the new ones.
    pub prev_log_index: u64,
    /// The term of that entry.
    pub prev_log_term: u64,
    /// What to store.
    pub entries: Vec<Entry<C>>,
    /// Up to where the leader knows entries to be committed.
    pub leader_commit: u64,
    /// A number that grows with each time the leader speaks in this term. An answer repeats it, so
    /// the leader knows what the follower had heard when it answered.
    pub round: u64,
}

/// One part of the leader's snapshot (figure 13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallSnapshot {
    /// The leader's term.
    pub term: u64,
    /// The last entry that the snapshot replaces.
    pub last_included_index: u64,
    /// The term of that entry.
    pub last_included_term: u64,
    /// Where in the snapshot's text the part begins, in bytes.
    pub offset: usize,
    /// The part.
    pub data: String,
    /// Whether it is the last one.
    pub done: bool,
    /// As in [`AppendEntries`].
    pub round: u64,
}

/// What became of entries or of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEntriesResponse {
    /// Follower's current term.
    pub term: u64,
    /// The round of the message that this answers.
    pub round: u64,
    /// Result for the follower's log.
    pub outcome: ReplicationOutcome,
}

/// Where a follower's log and its leader's agree, if the message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicationOutcome {
    /// Success: the logs match up to an index, and the follower has stored these entries.
    Matches {
        /// The last entry of which that is known.
        match_index: u64,
    },
    /// Not at `prev_log_index`.
    Differs {
        /// The first entry of the term that differs, or the first that is missing: where to go on
        /// (the end of section 5.3).
        next_index: u64,
    },
    /// Unknown: the follower has a part of a snapshot, and needs the next one.
    Receiving {
        /// Where in the snapshot's text the next part begins. Nothing of it is durable, so after a
        /// restart this is 0.
        offset: usize,
        /// The last entry of the follower's own log.
        last_log_index: u64,
    },
    /// Up to where the snapshot goes, which has taken the log's place.
    Installed {
        /// The last entry that the snapshot replaces.
        match_index: u64,
        /// The last entry of the follower's log before that.
        last_log_index: u64,
    },
    /// Unknown: the message was of a former term. Its round is none of the present term's.
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
