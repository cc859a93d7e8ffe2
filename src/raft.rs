//! Raft: replicates a log of commands, so that every node of a cluster keeps the same state.
//!
//! Sections and figures are those of the extended version of Ongaro and Ousterhout, *In Search of
//! an Understandable Consensus Algorithm* (2014). Where the paper is brief, the code follows
//! Ongaro's dissertation (2014), whose sections are marked as such. There are two layers. [`Raft`],
//! the core, is the algorithm: each step takes the current time and the [`Input`]s since the last
//! step, and returns the [`Output`]s to carry out. It has no clock, no disk, no network, and no
//! randomness of its own. [`Replica`] runs it in one task of a node, with all of these and any
//! [`StateMachine`]. To replicate something, write a state machine and embed [`ReplicaMessage`]s in
//! the messages of your node, as `lin-kv` does.
//!
//! # Why it is right
//!
//! **Election safety** (section 5.2): a term has at most one leader. A leader has the votes of a
//! majority, any two majorities share a node, and a node votes at most once in a term. Its vote is
//! durable before it is sent, so not even a restart makes it vote twice.
//!
//! **Leader append-only and log matching** (section 5.3). Only the leader of a term creates entries
//! of that term. It appends each to its own log, and never overwrites or deletes one. So an index
//! and a term identify one entry. A follower accepts entries only after an entry that it shares
//! with the leader, and so by induction all entries before that one are the same.
//!
//! **Leader completeness** (section 5.4): a committed entry is in the log of every later leader. An
//! entry is committed when a majority has it and its term is the leader's. A later leader has the
//! vote of at least one node of that majority, and voters reject a log that is less up-to-date than
//! theirs; so its log has the entry. An entry of a former term is not committed by counting
//! replicas, because a node that lacks it may still be elected (figure 8). It is committed together
//! with the first later entry of the leader's own term. A leader begins its term with such an
//! entry, a no-op, so nobody has to wait for a client to send one (section 8).
//!
//! **State machine safety** (section 5.4.3): all nodes apply the same commands. Only committed
//! entries are applied, each index once and in order. A snapshot replaces entries that were
//! applied. It keeps the index and the term of the last one (section 7), so the consistency check
//! of `AppendEntries` works at the end of a snapshot as at any entry.
//!
//! **At most once** (section 8; dissertation, section 6.3). A command that the network duplicates,
//! or that a node sends again because nobody answered, may be in the log twice and takes effect
//! once. The sessions are those of nodes, which propose for their clients, and their responses are
//! replicated with the state (`state_machine.rs`).
//!
//! **Linearizable reads** (section 8; ReadIndex in the dissertation, section 6.4). A leader may
//! have been replaced without knowing it yet. So it serves a read only when a majority has
//! responded to messages that the leader sent after the read arrived, and when it has applied all
//! that was committed at that time, which a new leader knows only once its no-op is committed. The
//! follower that forwarded the read counts as one of that majority (`read_index.rs` says why).
//!
//! **Liveness** (section 5.6). Election timeouts are drawn anew for each attempt, so one of two
//! candidates is soon the first. By PreVote, a node asks whether it would be elected before it
//! begins a term, and a node that has just heard from a leader says no (dissertation, section 9.6);
//! so a node that rejoins does not disrupt the leader. A leader to which no majority responds steps
//! down (dissertation, section 6.2), so its clients do not wait for it. Vote requests without a
//! response are sent again, and so are entries, large ones only once the follower has responded to
//! something else. Safety needs none of this: it holds whatever the clocks say.
//!
//! **Persistence.** A `Store…` output is made durable before the next output is carried out. Only a
//! leader's new entries are sent before the leader has stored them (`core.rs` says why that is
//! safe). If the disk fails, the node ends. All of the above assumes that disks keep what they have
//! stored. A leader that finds a follower without entries that it has acknowledged reports that,
//! and from then on ignores the follower's votes and responses (`lost_storage.rs`).
//!
//! **Followers that are far behind.** A message has at most 512 KiB, or a single larger entry. The
//! next message is sent when the last one was answered or has timed out, and snapshots are sent in
//! parts (section 7, figure 13). So however much a follower lacks, everybody else waits for one
//! message to it at a time. After a timeout the next message is small, until the follower responds:
//! it may be dead, or still be reading the large one (`replication.rs`).
//!
//! Left out: membership changes (section 6). A snapshot is made, stored and read in one go, and the
//! node sends nothing meanwhile: a state of some 100 MB takes longer than the election timeout, so
//! another node then becomes leader.
//!
//! # Where the rules of figures 2 and 13 are
//!
//! The files are in `src/raft/`, its `tests/` included. The `mod` lines in `src/raft.rs` are in
//! the order in which to read them.
//!
//! | rule | function | file |
//! |---|---|---|
//! | state, persistent | `PersistentState`, `finish_step` | `interface.rs`, `core.rs` |
//! | state, volatile | `Raft`, `LeaderState`, `Progress` | `core.rs`, `replication.rs` |
//! | `AppendEntries` 1: an old term | `accept_leader` | `follower.rs` |
//! | `AppendEntries` 2: the log matches | `Log::matches` | `log.rs` |
//! | `AppendEntries` 3, 4: delete and append | `merge` | `log.rs` |
//! | `AppendEntries` 5: the commit index | `handle_append_entries` | `follower.rs` |
//! | `RequestVote` 1, 2: the vote | `handle_request_vote` | `election.rs` |
//! | all servers 1: apply | `apply_committed` | `core.rs` |
//! | all servers 2: a later term | `adopt_term` | `core.rs` |
//! | followers 1: respond | `receive` | `core.rs` |
//! | followers 2: the election timeout | `become_pre_candidate` | `election.rs` |
//! | candidates 1: begin a term | `become_candidate` | `election.rs` |
//! | candidates 2: a majority | `count_votes` | `election.rs` |
//! | candidates 3: another leader | `accept_leader` | `follower.rs` |
//! | candidates 4: the election timeout | `become_pre_candidate` | `election.rs` |
//! | leaders 1: heartbeats | `become_leader`, `replicate` | `election.rs`, `replication.rs` |
//! | leaders 2: commands | `propose` | `core.rs` |
//! | leaders 3: entries | `replicate` | `replication.rs` |
//! | leaders 3.1, 3.2: the responses | `handle_append_entries_response` | `replication.rs` |
//! | leaders 4: commit | `advance_commit_index` | `replication.rs` |
//! | section 7: log compaction | `compact` | `snapshot.rs` |
//! | figure 13: snapshots | `handle_install_snapshot`, `install` | `follower.rs`, `log.rs` |
//! | figure 13, 2 to 5: their parts | `receive_part` | `snapshot.rs` |
//! | figure 13, leader: parts | `next_part`, `update_offset` | `snapshot.rs`, `replication.rs` |
//! | lost storage | `detect_lost_storage`, `is_trusted` | `lost_storage.rs` |
//!
//! Each rule has a test that is named after it in `tests/figure_2.rs`, `tests/figure_13.rs` or
//! `tests/lost_storage.rs`, and `tests/far_behind.rs` tests timeouts and sizes.
//! `tests/cluster.rs` subjects clusters to random faults and checks the five properties of figure 3
//! after each step, and `tests/mutants.rs` shows that it would notice if a rule were missing.

mod message;
mod log;
mod config;
mod interface;
mod core;
mod election;
mod replication;
mod lost_storage;
mod follower;
mod snapshot;
mod read_index;
mod state_machine;
mod replica_message;
mod wal;
mod pending;
mod replica;
#[cfg(test)]
mod tests;

pub use self::config::Config;
pub use self::core::Raft;
pub use self::interface::{Input, Output, PersistentState};
pub use self::log::Log;
pub use self::message::{
    AppendEntries, AppendEntriesResponse, Entry, InstallSnapshot, RaftMessage, ReplicationOutcome,
    RequestVote, RequestVoteResponse, ServerId, Snapshot,
};
pub use self::pending::RequestError;
pub use self::read_index::Forwarder;
pub use self::replica::{Replica, ReplicaMessageOf};
pub use self::replica_message::ReplicaMessage;
pub use self::snapshot::SnapshotState;
pub use self::state_machine::StateMachine;
