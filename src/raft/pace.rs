//! How patient a cluster is.

use std::time::Duration;

use crate::size;

/// When nodes speak, and when they lose patience. All nodes of a cluster need the same.
///
/// Section 5.6 asks for a time to broadcast that is far below the time-out of an election, and that
/// far below the time between failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a leader is silent at most, and how soon at the earliest it repeats what was not
    /// answered. Longer saves messages while nobody asks anything; shorter repairs losses sooner,
    /// and more of them may follow on each other before a follower calls an election.
    pub heartbeat: Duration,
    /// How soon at the latest a leader repeats. Between the two it takes twice the time of the last
    /// way there and back: longer than that wastes time, shorter repeats in vain. What is long
    /// (`probe_bytes`) has a time-out of its own.
    pub longest_retry: Duration,
    /// How long a follower waits for a leader at least. Longer calls fewer elections in vain,
    /// shorter is without a leader for less. A leader says nothing while its disk is busy, so this
    /// must exceed a sync as well.
    pub election: Duration,
    /// How much longer it may wait, at random. More lets fewer elections tie, less is without a
    /// leader for less.
    pub election_spread: Duration,
    /// How long who called an election waits before it calls another one, and a node that starts
    /// before its first. Shorter repairs a tie sooner; it must exceed a way there and back.
    pub candidacy: Duration,
    /// How much longer that may be, at random: what makes one of two candidates be the first.
    pub candidacy_spread: Duration,
    /// How long a leader goes on that a majority does not answer. Longer survives more losses,
    /// shorter lets clients of a leader that is cut off wait for less.
    pub quorum: Duration,
    /// How many messages may be on their way to a follower that have entries or ask for
    /// confirmation. With 1, what comes meanwhile waits for the answer and goes together, which
    /// saves messages; with more, nothing waits.
    pub window: usize,
    /// How many entries a message has at most. More brings a follower up to date sooner, less is
    /// repeated in vain to one that is dead.
    pub most_entries: usize,
    /// How many bytes the entries of a message take at most, and a part of a snapshot; one entry
    /// that is larger goes alone. More has fewer ways there and back for one that is far behind,
    /// less lets the others wait for less while it is written and read: at 100 MB/s, 512 KiB take
    /// 5 ms. It must pass in far less than `election`, since heartbeats wait behind it.
    pub most_bytes: usize,
    /// How many bytes of entries go to a follower that has not answered in time. More brings one up
    /// to date sooner of which only a message was lost, less is repeated in vain to one that is
    /// dead, or to which a longer message is still on its way.
    pub probe_bytes: usize,
    /// How soon at the latest what takes more than `probe_bytes` is repeated, if again and again it
    /// is not answered. Longer repeats less in vain over a link that is slow, shorter is back
    /// sooner over one that was lossy.
    pub longest_transfer: Duration,
}

impl Pace {
    /// For messages that take up to 100 ms. When they take 10 ms, there is a new leader 0.85 s
    /// after the last message of the old one at the latest, or 1.5 s if the election ties once.
    pub const DEFAULT: Pace = Pace {
        heartbeat: Duration::from_millis(100),
        longest_retry: Duration::from_millis(300),
        election: Duration::from_millis(400),
        election_spread: Duration::from_millis(400),
        candidacy: Duration::from_millis(250),
        candidacy_spread: Duration::from_millis(350),
        quorum: Duration::from_millis(600),
        window: 1,
        most_entries: 256,
        most_bytes: size::FULL,
        probe_bytes: 16 << 10,
        longest_transfer: Duration::from_secs(10),
    };
}

/// Somewhere in a span of time, as a random number decides.
pub(super) fn within(least: Duration, spread: Duration, random: u64) -> Duration {
    let nanoseconds = u64::try_from(spread.as_nanos()).unwrap_or(u64::MAX).max(1);
    least + Duration::from_nanos(random % nanoseconds)
}
