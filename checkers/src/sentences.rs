//! Findings as sentences for people, one module for each checker.

pub(crate) mod elle;
pub(crate) mod kafka;
