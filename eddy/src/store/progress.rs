//! `progress.json`: how far a test is that is running.

use serde::{Deserialize, Serialize};

/// Figures of a test so far; replaced as a whole now and again, and removed at the end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The process that runs the test.
    pub(crate) pid: u32,
    /// Seconds since the first operation, and how many there will be of operations.
    pub(crate) elapsed_s: f64,
    pub(crate) time_limit_s: f64,
    /// What is going on, in a few words: waiting for the nodes, operations, recovery.
    pub(crate) stage: String,
    pub(crate) operations: u64,
    pub(crate) ops_per_second: f64,
    pub(crate) msgs_per_op: Option<f64>,
    /// How many strikes there were of each fault.
    pub(crate) faults: std::collections::BTreeMap<String, u64>,
}
