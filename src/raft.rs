//! Raft.

mod core;
mod election;
mod follower;
mod log;
mod message;
mod pace;
mod reads;
mod replication;
#[cfg(test)]
mod tests;

pub use self::core::{Input, Output, Raft, Stored};
pub use self::log::Log;
pub use self::message::{
    AppendEntries, AppendEntriesAnswer, Ballot, Entry, InstallSnapshot, Message, NodeId, Outcome,
    Snapshot, VoteAnswer,
};
pub use self::pace::Pace;
pub use self::reads::Witness;
