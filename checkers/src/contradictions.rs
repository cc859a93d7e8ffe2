//! Contradictions that each checker finds, as operations, one module for each checker.

mod assessment;
mod counter;
mod elle;
mod kafka;
mod linearizable;
mod set_full;
