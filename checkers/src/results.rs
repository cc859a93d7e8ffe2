//! Findings as results.edn, one module for each checker.

mod counter;
mod elle;
mod kafka;
mod linearizable;
