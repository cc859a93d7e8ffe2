//! placeholder

pub mod name;
pub mod random;
pub mod topology;
