//! Findings as the operations that show them, one module for each checker.

mod counter;
mod elle;
mod judgement;
mod kafka;
mod linearizable;
mod set_full;
