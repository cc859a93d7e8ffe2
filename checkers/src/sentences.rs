//! Findings as sentences for people, one module for each checker.

pub(crate) mod kafka;
