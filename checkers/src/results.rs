//! Findings as results.edn, one module for each checker.

mod answers;
mod counter;
mod elle;
mod judgement;
mod kafka;
mod linearizable;
mod set_full;
