//! Findings as sentences for people, one module for each checker.

mod answers;
mod counter;
pub(crate) mod disguise;
pub(crate) mod elle;
pub(crate) mod judgement;
pub(crate) mod kafka;
mod linearizable;
pub(crate) mod set_full;
pub(crate) mod stats;
