//! placeholder

pub mod latency;
pub mod name;
pub mod random;
pub mod topology;
