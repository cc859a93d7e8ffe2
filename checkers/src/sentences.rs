//! Sentences about the results of each checker, one module for each checker.

pub(crate) mod assessment;
mod counter;
mod echo_and_ids;
pub(crate) mod elle;
pub(crate) mod kafka;
mod linearizable;
pub(crate) mod set_full;
pub(crate) mod stats;
pub(crate) mod type_change;
