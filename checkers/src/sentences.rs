//! Findings as sentences for people, one module for each checker.

mod counter;
pub(crate) mod elle;
pub(crate) mod kafka;
mod linearizable;
