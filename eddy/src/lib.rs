//! eddy is a small maelstrom: it runs clusters of Maelstrom nodes and judges them by Maelstrom's rules.

pub mod checker;
pub mod cli;
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
mod processes;
pub mod random;
mod report;
mod schema;
mod simulation;
pub mod stagger;
mod store;
mod test;
pub mod topology;
mod workload;

pub use report::{OkFraction, Report};
pub use test::Test;
pub use workload::Workload;
