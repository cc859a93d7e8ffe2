//! Findings as the operations that show them, one module for each checker.

mod assessment;
mod counter;
mod elle;
mod kafka;
mod linearizable;
mod set_full;
