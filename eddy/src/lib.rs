//! placeholder

pub mod concurrency;
pub mod generator;
pub mod latency;
pub mod name;
pub mod nemesis;
pub mod random;
pub mod stagger;
pub mod topology;
