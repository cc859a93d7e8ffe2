//! What a node has, whichever of its processes is running.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{Mutex, mpsc};

use super::Command;
use super::group::{Group, Kept};
use super::stderr::Log;
use crate::Event;

/// The variable that tells a node where it may keep what must outlive its process.
const STORAGE: &str = "EDDY_STORAGE";

/// A node's place in the test, which its processes hold one after another.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) number: usize,
    pub(super) node: String,
    /// Where lines go, for whoever has the turn to speak.
    pub(super) events: Arc<Mutex<mpsc::Sender<Event>>>,
    /// Where complaints go, which need no turn.
    pub(super) complaints: mpsc::Sender<Event>,
    pub(super) log: Arc<Mutex<Log>>,
    command: Command,
    storage: PathBuf,
    kept: Kept,
}

/// A process that was just started, and the ends of its pipes.
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) group: Group,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Post {
    /// Makes the node's log and its storage, which is a directory.
    pub(super) fn new(
        command: &Command,
        number: usize,
        node: &str,
        events: &mpsc::Sender<Event>,
        kept: &Kept,
    ) -> Result<Post> {
        let log = Log::create(&command.logs, node, command.log_stderr)?;
        let storage = command.storage.join(node);
        let made = std::fs::create_dir_all(&storage).and_then(|()| storage.canonicalize());
        let storage = made.with_context(|| format!("{} cannot be made", storage.display()))?;
        Ok(Post {
            number,
            node: node.to_owned(),
            events: Arc::new(Mutex::new(events.clone())),
            complaints: events.clone(),
            log: Arc::new(Mutex::new(log)),
            command: command.clone(),
            storage,
            kept: kept.clone(),
        })
    }

    /// Starts a process.
    pub(super) fn fill(&self) -> Result<Process> {
        let Command { program, arguments, .. } = &self.command;
        let mut child = tokio::process::Command::new(program.path())
            .args(arguments)
            .env(STORAGE, &self.storage)
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| program.refused(&self.node, &error))?;
        let group = Group::led_by(&child, &self.kept);
        Ok(Process {
            group: group.context("a process that was just started has an id")?,
            stdin: child.stdin.take().context("a piped STDIN")?,
            stdout: child.stdout.take().context("a piped STDOUT")?,
            stderr: child.stderr.take().context("a piped STDERR")?,
            child,
        })
    }
}
