//! Resources of a node that outlive its individual processes.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{Mutex, mpsc};

use super::ProcessConfig;
use super::group::{ProcessGroup, SupervisedPids};
use super::stderr::StderrLog;
use crate::ProcessEvent;

/// Environment variable that names the node's storage directory.
const STORAGE_VARIABLE: &str = "EDDY_STORAGE";

/// State shared by the successive processes of a node.
#[derive(Debug)]
pub(super) struct NodeResources {
    pub(super) index: usize,
    pub(super) node: String,
    /// Sender of lines, locked by one process at a time, so that their output keeps its order.
    pub(super) events: Arc<Mutex<mpsc::Sender<ProcessEvent>>>,
    /// Sender of failures, which need no lock.
    pub(super) failures: mpsc::Sender<ProcessEvent>,
    pub(super) log: Arc<Mutex<StderrLog>>,
    config: ProcessConfig,
    storage: PathBuf,
    supervised: SupervisedPids,
}

/// Process that was just spawned, and our ends of its pipes.
pub(super) struct SpawnedProcess {
    pub(super) child: Child,
    pub(super) group: ProcessGroup,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl NodeResources {
    /// Creates the node's log and storage directory.
    pub(super) fn new(
        config: &ProcessConfig,
        index: usize,
        node: &str,
        events: &mpsc::Sender<ProcessEvent>,
        supervised: &SupervisedPids,
    ) -> Result<NodeResources> {
        let log = StderrLog::create(&config.logs, node, config.log_stderr)?;
        let storage = config.storage.join(node);
        let made = std::fs::create_dir_all(&storage).and_then(|()| storage.canonicalize());
        let storage = made.with_context(|| format!("{} cannot be made", storage.display()))?;
        Ok(NodeResources {
            index,
            node: node.to_owned(),
            events: Arc::new(Mutex::new(events.clone())),
            failures: events.clone(),
            log: Arc::new(Mutex::new(log)),
            config: config.clone(),
            storage,
            supervised: supervised.clone(),
        })
    }

    /// Spawns a process.
    pub(super) fn spawn(&self) -> Result<SpawnedProcess> {
        let ProcessConfig { program, arguments, .. } = &self.config;
        let mut child = tokio::process::Command::new(program.path())
            .args(arguments)
            .env(STORAGE_VARIABLE, &self.storage)
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| program.spawn_error(&self.node, &error))?;
        let group = ProcessGroup::led_by(&child, &self.supervised);
        Ok(SpawnedProcess {
            group: group.context("a process that was just started has an id")?,
            stdin: child.stdin.take().context("a piped STDIN")?,
            stdout: child.stdout.take().context("a piped STDOUT")?,
            stderr: child.stderr.take().context("a piped STDERR")?,
            child,
        })
    }
}
