//! `progress.json`: the progress of a running test.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{PROGRESS, replace};

/// Figures of a running test. The file is replaced as a whole at an interval, and removed at the
/// end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TestProgress {
    /// Id of the process that runs the test.
    pub pid: u32,
    /// Seconds since the first operation.
    pub elapsed_s: f64,
    /// Duration of the operations, in seconds.
    pub time_limit_s: f64,
    /// Current stage in a few words: waiting for the nodes, operations, recovery.
    pub stage: String,
    /// Number of operations invoked.
    pub operations: u64,
    /// Operations per second, over the last seconds.
    pub ops_per_second: f64,
    /// Messages between servers per operation, so far.
    pub msgs_per_op: Option<f64>,
    /// Number of strikes of each fault.
    pub faults: std::collections::BTreeMap<String, u64>,
}

/// Progress file of a running test; dropping this removes the file.
#[derive(Debug)]
pub struct ProgressFile {
    path: PathBuf,
}

impl ProgressFile {
    /// File in a test's directory. It is not written yet.
    pub fn of(directory: &Path) -> ProgressFile {
        ProgressFile { path: directory.join(PROGRESS) }
    }

    /// Replaces the file.
    pub fn replace(&self, progress: &TestProgress) -> io::Result<()> {
        replace::file(&self.path, serde_json::to_vec(progress)?)
    }
}

impl Drop for ProgressFile {
    fn drop(&mut self) {
        // The file may not exist.
        let _ = fs::remove_file(&self.path);
    }
}
