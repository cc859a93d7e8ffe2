//! placeholder

pub mod edn;
pub mod history;
