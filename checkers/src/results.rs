//! Findings as results.edn, one module for each checker.

mod elle;
mod kafka;
