//! Findings as the operations that show them, one module for each checker.

mod counter;
mod elle;
mod kafka;
mod linearizable;
