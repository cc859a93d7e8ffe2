//! placeholder

pub mod checker;
pub mod concurrency;
pub mod edn;
pub mod generator;
pub mod history;
pub mod latency;
pub mod name;
pub mod nemesis;
pub mod network;
pub mod random;
pub mod stagger;
pub mod topology;
