//! Raft: a cluster agrees on a log of commands, so each node can keep the same state.
//!
//! After the extended version of Ongaro and Ousterhout, *In Search of an Understandable Consensus
//! Algorithm* (2014); where that is brief, after Ongaro's dissertation (2014), of which sections
//! are named as such. There are two layers. [`Raft`] is the algorithm: it is told what has happened
//! and when, and says what is to be done; it has no clock, no disk, no network, and no randomness
//! of its own. [`Replica`] is the shell around it: one task of a node that has all of these and any
//! [`StateMachine`]. Whoever wants to replicate something writes a state machine and embeds
//! [`Letter`]s in its messages, as `lin-kv` does.
//!
//! # Why it is right
//!
//! **One leader in a term** (election safety, section 5.2). A leader has the votes of a majority,
//! two majorities have a node in common, and a node votes once in a term: its vote is durable
//! before anybody hears of it, so not even a restart makes it vote twice.
//!
//! **Logs agree** (leader append-only and log matching, section 5.3). Only the leader of a term
//! makes entries of that term, each at the end of its own log, of which it takes nothing back. So
//! index and term name one entry. A follower takes entries only behind one that it has in common
//! with the leader, and so by induction all before it are the same.
//!
//! **What is committed stays** (leader completeness, section 5.4). An entry is committed when a
//! majority has it and its term is the leader's. Whoever is elected later has a vote of that
//! majority, and voters refuse a log that is behind theirs; so its log has the entry. An entry of a
//! former term is not committed by counting, for a log without it may still be ahead (figure 8); it
//! is committed with the first one of the new term behind it. A leader begins its term with such an
//! entry, which does nothing, so nobody has to wait for a client to send one (section 8).
//!
//! **All apply the same** (state machine safety, section 5.4.3). What is applied is committed, each
//! index once and in order. A snapshot stands for entries that were applied, with the index and
//! term of the last (section 7), so what is compared with an entry can be compared with a snapshot.
//!
//! **Once** (section 8). A command that is sent twice, or asked for again because nobody answered,
//! stands in the log twice and takes effect once: what was done by which id is replicated with the
//! state (`machine.rs`).
//!
//! **Reads are not stale** (section 8; dissertation, section 6.4). A leader that has been replaced
//! does not know it. So it answers a read only when a majority has answered something that it sent
//! after the read had come, and when it has applied what was committed by then. The node that has
//! passed a read on counts as one of that majority (`reads.rs` says why).
//!
//! **Somebody leads** (section 5.6). Time-outs are drawn anew for each attempt, so of two
//! candidates one is soon the first. Who asks for votes asks first whether it would get them, and
//! nobody says yes who hears a leader (dissertation, section 9.6); so a node that comes back
//! disturbs nobody. A leader that no majority answers steps down (dissertation, section 6.2), so
//! its clients do not wait for it. Votes and entries that are not answered are asked for and sent
//! again. None of this is needed for the guarantees above: they hold whatever the clocks say.
//!
//! **The disk.** What an output asks to store is durable before anything behind it is done. Only a
//! leader's new entries leave before they are stored there (`core.rs` says why that may be). If the
//! disk fails, the node ends. All of the above rests on disks that keep what they have stored; a
//! leader that finds a follower without what it has acknowledged says so, and neither its votes nor
//! its answers count there from then on (`lost_storage.rs`).
//!
//! **Who is far behind.** However much a follower lacks, a message has 512 KiB or one entry, the
//! next one leaves when it is answered, and snapshots go in parts (section 7, figure 13). So the
//! other nodes and the clients wait for one such message, not for all of it; and nothing long is
//! repeated to who may be dead, or still be reading it (`replication.rs`).
//!
//! Left out: changes of the cluster's members (section 6). A snapshot is made, stored and read in
//! one go, and a node says nothing meanwhile: a state of some 100 MB takes longer than the time-out
//! of an election, so then another node leads.
//!
//! # Where each rule of figure 2 is
//!
//! | rule | function | file |
//! |---|---|---|
//! | state, persistent | `Stored`, `outputs` | `interface.rs`, `core.rs` |
//! | `AppendEntries` 1: an old term | `accepts_leader` | `follower.rs` |
//! | `AppendEntries` 2: the log matches | `Log::matches` | `log.rs` |
//! | `AppendEntries` 3, 4: delete and append | `merge` | `log.rs` |
//! | `AppendEntries` 5: the commit index | `answer_append_entries` | `follower.rs` |
//! | `RequestVote` 1, 2: the vote | `answer_request_vote` | `election.rs` |
//! | all servers 1: apply | `apply_committed` | `core.rs` |
//! | all servers 2: a later term | `follow_term` | `core.rs` |
//! | followers 1: answer | `receive` | `core.rs` |
//! | followers 2: the time-out | `call_for_an_election` | `election.rs` |
//! | candidates 1: begin a term | `become_candidate` | `election.rs` |
//! | candidates 2: a majority | `count_votes` | `election.rs` |
//! | candidates 3: another leader | `accepts_leader` | `follower.rs` |
//! | candidates 4: the time-out | `call_for_an_election` | `election.rs` |
//! | leaders 1: heartbeats | `become_leader`, `replicate` | `election.rs`, `replication.rs` |
//! | leaders 2: commands | `propose` | `core.rs` |
//! | leaders 3: entries | `replicate` | `replication.rs` |
//! | leaders 3.1, 3.2: their answers | `note_answer` | `replication.rs` |
//! | leaders 4: commit | `advance_commit_index` | `replication.rs` |
//! | figure 13: snapshots | `answer_install_snapshot`, `install` | `follower.rs`, `log.rs` |
//! | figure 13, 2 to 5: their parts | `receive_part` | `snapshot.rs` |
//! | figure 13, leader: parts in order | `part`, `note_offset` | `snapshot.rs`, `replication.rs` |
//! | storage that was lost | `note_lost_storage`, `counts` | `lost_storage.rs` |
//!
//! Each has a test of its name in `tests/figure_2.rs`, `tests/figure_13.rs` or
//! `tests/lost_storage.rs`, and `tests/far_behind.rs` is of time-outs and sizes;
//! `tests/cluster.rs` lets clusters run into everything and checks the five properties of figure 3
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
