//! placeholder

pub mod checker;
pub mod edn;
pub mod history;
