//! `progress.json`: how far a test is that is running.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{PROGRESS, replace};

/// Figures of a test so far; replaced as a whole now and again, and removed at the end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TestProgress {
    /// Id of the process that runs the test.
    pub pid: u32,
    /// Seconds since the first operation.
    pub elapsed_s: f64,
    /// How many seconds operations go on.
    pub time_limit_s: f64,
    /// What is going on, in a few words: waiting for the nodes, operations, recovery.
    pub stage: String,
    /// How many operations have been invoked.
    pub operations: u64,
    /// How many of them a second, lately.
    pub ops_per_second: f64,
    /// Messages between servers per operation, so far.
    pub msgs_per_op: Option<f64>,
    /// How many strikes there were of each fault.
    pub faults: std::collections::BTreeMap<String, u64>,
}

/// The file, as long as the test goes on: dropping it removes it.
#[derive(Debug)]
pub struct ProgressFile {
    path: PathBuf,
}

impl ProgressFile {
    /// The file in a test's directory, which is not written yet.
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
        // Whatever is not there need not be removed.
        let _ = fs::remove_file(&self.path);
    }
}
