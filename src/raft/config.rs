//! Timeouts, intervals, and limits of message sizes.

use std::time::Duration;

use crate::size;

/// Timeouts, intervals and limits; the same on all nodes of a cluster.
///
/// Section 5.6 requires broadcast time ≪ election timeout ≪ mean time between failures. So
/// `heartbeat_interval`, and the time that a message of `max_message_bytes` takes, must be far
/// below `min_election_timeout`. `max_retransmit_timeout`, a leader's longest silence, must be
/// below it.
///
/// Invariants: `heartbeat_interval <= max_retransmit_timeout`, and `max_in_flight >= 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Interval of heartbeats, which are sent unless a short message is in flight, and minimum
    /// retransmission timeout. A longer one saves messages while clients are idle. A shorter one
    /// repairs losses sooner, and lets a follower miss more heartbeats before an election.
    pub heartbeat_interval: Duration,
    /// Maximum retransmission timeout of a short message. The timeout is twice the last round-trip
    /// time, but at least `heartbeat_interval` and at most this. A longer one resends less that was
    /// not lost; a shorter one repairs losses sooner. Candidates repeat vote requests after it.
    pub max_retransmit_timeout: Duration,
    /// Minimum election timeout. A longer one starts fewer needless elections; a shorter one
    /// shortens the time without a leader. A leader sends nothing while its disk syncs, so this
    /// must exceed a sync, too.
    pub min_election_timeout: Duration,
    /// Upper bound of the random addition to the election timeout. A larger one makes split votes
    /// rarer; a smaller one shortens the time without a leader.
    pub election_jitter: Duration,
    /// Minimum election timeout of a candidate, and of a node that has just started. A shorter one
    /// resolves a split vote sooner; it must exceed a round trip.
    pub min_candidate_timeout: Duration,
    /// Upper bound of the random addition to that, which lets one of two candidates be first. A
    /// larger one makes another split vote rarer; a smaller one resolves it sooner.
    pub candidate_jitter: Duration,
    /// Time without responses of a majority after which a leader steps down (etcd's `CheckQuorum`).
    /// A longer one survives more losses; a shorter one frees an isolated leader's clients sooner.
    pub quorum_timeout: Duration,
    /// Maximum number of unanswered messages to a follower, ordinary heartbeats included; 1 while a
    /// snapshot is sent. With 1, what arrives meanwhile waits for the response and is sent
    /// together, which saves messages; with more, it waits less.
    pub max_in_flight: usize,
    /// Maximum number of entries in a message. A larger one brings a follower up to date sooner; a
    /// smaller one resends less in vain to a follower that is dead.
    pub max_entries: usize,
    /// Maximum size of the entries in a message, or of a part of a snapshot, in bytes; a larger
    /// entry is sent alone. A larger one takes fewer round trips to a follower that is far behind.
    /// A smaller one shortens the delay of everybody else while a message is written and read: at
    /// 100 MB/s, 512 KiB take 5 ms. Heartbeats wait behind it.
    pub max_message_bytes: usize,
    /// Maximum size of the entries in a message to a follower that has not responded in time. A
    /// larger one brings a follower that has only missed a message up to date sooner. A smaller one
    /// resends less in vain to one that is dead, or to which a larger message is still in flight. A
    /// message with more is *large*, and has its own retransmission timeout.
    pub max_probe_bytes: usize,
    /// Maximum retransmission timeout of a large message, after exponential backoff. A longer one
    /// resends less in vain over a slow link; a shorter one recovers sooner after losses.
    pub max_large_retransmit_timeout: Duration,
}

impl Config {
    /// Defaults for networks in which a message takes up to 100 ms. When it takes 10 ms, a new
    /// leader is elected at most 0.85 s after the last message of the old one, or 1.5 s if the
    /// first election is a split vote.
    pub const DEFAULT: Config = Config {
        heartbeat_interval: Duration::from_millis(100),
        max_retransmit_timeout: Duration::from_millis(300),
        min_election_timeout: Duration::from_millis(400),
        election_jitter: Duration::from_millis(400),
        min_candidate_timeout: Duration::from_millis(250),
        candidate_jitter: Duration::from_millis(350),
        quorum_timeout: Duration::from_millis(600),
        max_in_flight: 1,
        max_entries: 256,
        max_message_bytes: size::FULL_MESSAGE_BYTES,
        max_probe_bytes: 16 << 10,
        max_large_retransmit_timeout: Duration::from_secs(10),
    };
}

/// Randomized timeout: at least `min`, and less than `min + jitter`.
pub(super) fn randomized_timeout(min: Duration, jitter: Duration, random: u64) -> Duration {
    let nanoseconds = u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX).max(1);
    min + Duration::from_nanos(random % nanoseconds)
}
