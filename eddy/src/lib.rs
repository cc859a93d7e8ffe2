//! eddy is a small maelstrom: it runs clusters of Maelstrom nodes and judges them by Maelstrom's rules.

pub mod checker;
mod client;
pub mod concurrency;
mod drive;
pub mod edn;
pub mod generator;
pub mod history;
mod interpreter;
pub mod latency;
pub mod name;
pub mod nemesis;
pub mod network;
pub mod random;
mod report;
mod schema;
mod seeds;
mod simulation;
pub mod stagger;
mod test;
pub mod topology;
mod workload;

pub use checker::Validity;
pub use nemesis::Fault;
pub use report::{OkFraction, Report};
pub use seeds::seeds;
pub use test::Test;
pub use workload::Workload;
