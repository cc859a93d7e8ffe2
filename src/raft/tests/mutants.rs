//! Mutation tests: rules are removed, one at a time, and the seeds must find each.
//!
//! A mutant changes the core only where a wrapper cannot, by changing a node's messages, its
//! storage, or the order of its outputs.
//!
//! `cargo test --release -p glomers --lib missing_rule -- --nocapture` prints the first seed that
//! finds each:
//!
//! ```text
//! what a mutant does       seed  what is seen
//! ForgetsItsVote           1092  election safety: 2 and 0 lead term 1
//! RespondsBeforeItStores     18  leader completeness: 2 leads term 6 without entry 13 of term 5
//! FollowsFormerLeaders      935  leader completeness: 2 leads term 11 without entry 38 of term 7
//! SkipsTheLogMatchingCheck   12  log matching: two logs agree on entry 15, and not on 11
//! VotesForStaleLogs           0  leader completeness: 0 leads term 3 without entry 1 of term 2
//! CommitsAnyTerm           1275  leader completeness: 0 leads term 27 without entry 14 of term 7
//! SkipsReadConfirmation      85  linearizability: a read saw 43 of 47 committed entries
//! ForgetsSnapshotTerm        34  leader completeness: 0 leads term 8 without entry 9 of term 4
//! MixesSnapshots            268  state machine safety: wrong state after entry 142
//! UsesPresentMatchIndex       2  2 has not lost its storage
//! TrustsLostStorage           0  2 leads with only 0, whose storage is lost
//! ```

use std::fmt::Write;

use super::cluster::RaftCluster;
use super::{Output, PersistentState, RaftMessage, ServerId, TestMessage, TestOutput, TestRaft};
use crate::raft::Forwarder;

/// Rule that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::raft) enum Mutant {
    /// Figure 2, state: the vote is not persistent.
    ForgetsItsVote,
    /// Figure 2, state: a node responds before it updates its storage.
    RespondsBeforeItStores,
    /// `AppendEntries`, receiver, rule 1: leaders of former terms are accepted.
    FollowsFormerLeaders,
    /// `AppendEntries`, receiver, rule 2: the entry before the new ones may be of any term.
    SkipsTheLogMatchingCheck,
    /// `RequestVote`, receiver, rule 2: the candidate's log does not matter (section 5.4.1).
    VotesForStaleLogs,
    /// Leaders, rule 4: entries of former terms are committed by counting replicas (section 5.4.2).
    CommitsAnyTerm,
    /// Dissertation, section 6.4: a read does not wait for the leader to be confirmed.
    SkipsReadConfirmation,
    /// Section 7: a snapshot does not keep the term of its last entry.
    ForgetsSnapshotTerm,
    /// `InstallSnapshot`, receiver, rule 5: parts of another snapshot are not discarded.
    MixesSnapshots,
    /// `lost_storage.rs`: a rejection is compared with `match_index` when it arrives, rather than
    /// when the message was sent.
    UsesPresentMatchIndex,
    /// `lost_storage.rs`: votes and responses of a node count even if it has lost its storage.
    TrustsLostStorage,
}

impl Mutant {
    const ALL: [Mutant; 11] = [
        Mutant::ForgetsItsVote,
        Mutant::RespondsBeforeItStores,
        Mutant::FollowsFormerLeaders,
        Mutant::SkipsTheLogMatchingCheck,
        Mutant::VotesForStaleLogs,
        Mutant::CommitsAnyTerm,
        Mutant::SkipsReadConfirmation,
        Mutant::ForgetsSnapshotTerm,
        Mutant::MixesSnapshots,
        Mutant::UsesPresentMatchIndex,
        Mutant::TrustsLostStorage,
    ];

    /// Size of the cluster that shows it best.
    pub(super) fn nodes(self) -> u64 {
        if self == Mutant::CommitsAnyTerm { 5 } else { 3 }
    }

    pub(super) fn tamper_with_message(self, message: &mut TestMessage, receiver: &TestRaft) {
        match (self, message) {
            (Mutant::FollowsFormerLeaders, RaftMessage::AppendEntries(append)) => {
                append.term = append.term.max(receiver.term());
            }
            (Mutant::SkipsTheLogMatchingCheck, RaftMessage::AppendEntries(append)) => {
                let own = receiver.log().term_at(append.prev_log_index);
                append.prev_log_term = own.unwrap_or(append.prev_log_term);
            }
            (
                Mutant::VotesForStaleLogs,
                RaftMessage::PreVote(ballot) | RaftMessage::RequestVote(ballot),
            ) => ballot.last_log_term = u64::MAX,
            (Mutant::ForgetsSnapshotTerm, RaftMessage::InstallSnapshot(install)) => {
                install.last_included_term = 0;
            }
            _ => {}
        }
    }

    pub(super) fn tamper_with_outputs(self, outputs: &mut [TestOutput]) {
        if self == Mutant::RespondsBeforeItStores {
            outputs.sort_by_key(|output| !matches!(output, Output::Send { .. }));
        }
    }

    pub(super) fn tamper_with_disk(self, disk: &mut PersistentState<u64, Vec<u64>>) {
        match (self, &mut disk.snapshot) {
            (Mutant::ForgetsItsVote, _) => disk.voted_for = None,
            (Mutant::ForgetsSnapshotTerm, Some(snapshot)) => snapshot.last_included_term = 0,
            _ => {}
        }
    }

    /// False claim that another node has forwarded a read, and so confirms it.
    pub(super) fn read_forwarder(self, leader: &TestRaft, me: ServerId) -> Option<Forwarder> {
        let node = usize::from(me == 0);
        (self == Mutant::SkipsReadConfirmation).then(|| Forwarder { node, term: leader.term() })
    }
}

/// Number of seeds that are tried for a mutant: twice as many as the hardest one needs.
const SEEDS: u64 = 2600;

/// First seed that finds a mutant, and the violated property.
fn first_seed(mutant: Mutant) -> (u64, String) {
    let mut runs = (0..SEEDS).map(|seed| (seed, RaftCluster::run(seed, Some(mutant))));
    let found = runs.find_map(|(seed, run)| Some((seed, run.err()?)));
    found.unwrap_or_else(|| panic!("{mutant:?} survives {SEEDS} seeds"))
}

#[test]
fn every_missing_rule_is_found_by_some_seed() {
    let mut table = String::from("//! what a mutant does       seed  what is seen\n");
    let found = std::thread::scope(|scope| {
        let threads = Mutant::ALL.map(|mutant| scope.spawn(move || first_seed(mutant)));
        threads.map(|thread| thread.join().expect("a seed that finds it"))
    });
    for (mutant, (seed, fault)) in Mutant::ALL.iter().zip(&found) {
        let name = format!("{mutant:?}");
        writeln!(table, "//! {name:<24} {seed:>4}  {fault}").expect("a string takes everything");
    }
    println!("{}", table.replace("//! ", ""));
    let last = found.iter().map(|(seed, _)| seed).max();
    println!(
        "raft, {} mutants: each is found, the last by seed {}",
        found.len(),
        last.unwrap_or(&0)
    );
    let is_told = include_str!("mutants.rs").contains(&table);
    assert!(is_told, "the module's documentation should have this table:\n{table}");
}
