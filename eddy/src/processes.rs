//! Nodes as child processes, in real time.
//!
//! No process outlives its test. Each belongs to one task, its keeper, and leads a process group of
//! its own; the keeper kills the group when the node ends, when it is told to stop, and when it is
//! dropped itself, as it is when the runtime goes down in a panic. The group also shields nodes from
//! a terminal's Ctrl-C, which reaches the workbench alone, and the workbench decides.

mod input;
mod keeper;
mod output;
mod program;
mod stderr;

use std::ffi::OsString;
use std::path::PathBuf;

use tokio::sync::mpsc;

use self::keeper::Keeper;
pub(crate) use self::program::Program;
use crate::drive::{Event, Nodes};

/// How every node of a test is run.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    /// What is run.
    pub(crate) program: Program,
    /// The words behind its name.
    pub(crate) arguments: Vec<OsString>,
    /// The directory that gets a log of each node's STDERR.
    pub(crate) logs: PathBuf,
    /// Whether to repeat what nodes write to STDERR on ours.
    pub(crate) log_stderr: bool,
}

/// The running nodes of a test.
#[derive(Debug)]
pub(crate) struct Processes {
    keepers: Vec<Keeper>,
}

impl Processes {
    /// Starts a process for each node, or none at all.
    pub(crate) async fn start(
        command: &Command,
        nodes: &[String],
        events: &mpsc::UnboundedSender<Event>,
    ) -> anyhow::Result<Processes> {
        let mut processes = Processes { keepers: Vec::new() };
        for (number, node) in nodes.iter().enumerate() {
            match Keeper::start(command, number, node, events.clone()) {
                Ok(keeper) => processes.keepers.push(keeper),
                Err(error) => {
                    processes.stop().await;
                    return Err(error);
                }
            }
        }
        Ok(processes)
    }

    /// Kills all nodes and waits until they are gone and their logs are complete.
    pub(crate) async fn stop(self) {
        let stopping: Vec<_> = self.keepers.into_iter().map(Keeper::stop).collect();
        for stopped in stopping {
            stopped.await;
        }
    }
}

impl Nodes for Processes {
    fn deliver(&mut self, node: usize, line: String) {
        self.keepers[node].deliver(line);
    }
}
