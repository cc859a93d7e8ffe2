//! `progress.json`: how far a test is that is running.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{PROGRESS, replace};

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

/// The file, as long as the test goes on: dropping it removes it.
#[derive(Debug)]
pub(crate) struct ProgressFile {
    path: PathBuf,
}

impl ProgressFile {
    /// The file in a test's directory, which is not written yet.
    pub(crate) fn of(directory: &Path) -> ProgressFile {
        ProgressFile { path: directory.join(PROGRESS) }
    }

    /// Replaces it by how far the test is now.
    pub(crate) fn replace(&self, progress: &Progress) -> io::Result<()> {
        replace::file(&self.path, serde_json::to_vec(progress)?)
    }
}

impl Drop for ProgressFile {
    fn drop(&mut self) {
        // Whatever is not there need not be removed.
        let _ = fs::remove_file(&self.path);
    }
}
