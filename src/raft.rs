//! Raft.

mod message;
mod log;
mod pace;
mod core;
mod election;
mod replication;
mod follower;
mod reads;
mod machine;
mod letter;
mod journal;
mod desk;
mod replica;
#[cfg(test)]
mod tests;

pub use self::core::{Input, Output, Raft, Stored};
pub use self::desk::Unanswered;
pub use self::letter::Letter;
pub use self::log::Log;
pub use self::machine::{Proposal, ProposalId, StateMachine};
pub use self::message::{
    AppendEntries, AppendEntriesAnswer, Ballot, Entry, InstallSnapshot, Message, NodeId, Outcome,
    Snapshot, VoteAnswer,
};
pub use self::pace::Pace;
pub use self::reads::Witness;
pub use self::replica::{LetterOf, Replica};
