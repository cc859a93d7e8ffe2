//! Rules that are removed, one at a time: the seeds must notice.
//!
//! The core is left alone where a wrapper can do it, by changing what a node is told, what it
//! remembers, or the order in which it does things.

use super::cluster::Cluster;
use super::{Done, Message, Node, NodeId, Output, Said, Stored};
use crate::raft::Witness;

/// A rule that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::raft) enum Mutant {
    /// Figure 2, state: the vote is not on the disk.
    ForgetsItsVote,
    /// Figure 2, state: who answers has not stored anything yet.
    AnswersBeforeItStores,
    /// `AppendEntries`, receiver, rule 1: whoever says that it leads is believed.
    FollowsFormerLeaders,
    /// `AppendEntries`, receiver, rule 2: the entry before the new ones may be of any term.
    SkipsTheLogMatchingCheck,
    /// `RequestVote`, receiver, rule 2: the candidate's log does not matter (section 5.4.1).
    VotesForStaleLogs,
    /// Leaders, rule 4: entries of former terms are committed by counting (section 5.4.2).
    AnyTermCommits,
    /// Dissertation, section 6.4: nobody confirms that the leader still is one.
    ReadsUnconfirmed,
    /// Section 7: a snapshot does not tell the term of its last entry.
    ForgetsTheSnapshotsTerm,
}

impl Mutant {
    const ALL: [Mutant; 8] = [
        Mutant::ForgetsItsVote,
        Mutant::AnswersBeforeItStores,
        Mutant::FollowsFormerLeaders,
        Mutant::SkipsTheLogMatchingCheck,
        Mutant::VotesForStaleLogs,
        Mutant::AnyTermCommits,
        Mutant::ReadsUnconfirmed,
        Mutant::ForgetsTheSnapshotsTerm,
    ];

    /// How large a cluster shows it best.
    pub(super) fn nodes(self) -> u64 {
        if self == Mutant::AnyTermCommits { 5 } else { 3 }
    }

    pub(super) fn tamper_with_message(self, message: &mut Said, receiver: &Node) {
        match (self, message) {
            (Mutant::FollowsFormerLeaders, Message::AppendEntries(append)) => {
                append.term = append.term.max(receiver.term());
            }
            (Mutant::SkipsTheLogMatchingCheck, Message::AppendEntries(append)) => {
                let own = receiver.log().term_at(append.prev_log_index);
                append.prev_log_term = own.unwrap_or(append.prev_log_term);
            }
            (
                Mutant::VotesForStaleLogs,
                Message::PreVote(ballot) | Message::RequestVote(ballot),
            ) => ballot.last_log_term = u64::MAX,
            (Mutant::ForgetsTheSnapshotsTerm, Message::InstallSnapshot(install)) => {
                install.snapshot.last_included_term = 0;
            }
            _ => {}
        }
    }

    pub(super) fn tamper_with_outputs(self, outputs: &mut [Done]) {
        if self == Mutant::AnswersBeforeItStores {
            outputs.sort_by_key(|output| !matches!(output, Output::Send { .. }));
        }
    }

    pub(super) fn tamper_with_disk(self, disk: &mut Stored<u64, Vec<u64>>) {
        match (self, &mut disk.snapshot) {
            (Mutant::ForgetsItsVote, _) => disk.voted_for = None,
            (Mutant::ForgetsTheSnapshotsTerm, Some(snapshot)) => snapshot.last_included_term = 0,
            _ => {}
        }
    }

    /// Another node that is said to have confirmed a read.
    pub(super) fn witness(self, leader: &Node, me: NodeId) -> Option<Witness> {
        let node = usize::from(me == 0);
        (self == Mutant::ReadsUnconfirmed).then(|| Witness { node, term: leader.term() })
    }
}

/// How many seeds a mutant may survive: twice as many as the rarest fault needs.
const SEEDS: u64 = 1000;

#[test]
fn whichever_rule_is_removed_a_seed_finds_it() {
    std::thread::scope(|scope| {
        for mutant in Mutant::ALL {
            scope.spawn(move || {
                let mut runs = (0..SEEDS).map(|seed| (seed, Cluster::run(seed, Some(mutant))));
                let found = runs.find_map(|(seed, run)| Some((seed, run.err()?)));
                let Some((seed, fault)) = found else { panic!("{mutant:?} survives all seeds") };
                println!("{mutant:?} is found by seed {seed}: {fault}");
            });
        }
    });
}
