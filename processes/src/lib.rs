//! Nodes as child processes, in real time.
//!
//! No process outlives its test. Each belongs to one task, its keeper, and leads a process group of
//! its own, which is killed when the node ends, when it is told to stop, and when its keeper is
//! dropped, as it is when the runtime goes down in a panic. A process that is paused dies of that
//! as well. The group also shields nodes from a terminal's Ctrl-C, which reaches the workbench
//! alone, and the workbench decides. What has left its group is an orphan sooner or later, and
//! found by [`Orphans`].
//!
//! A node that was killed may be started again. Its processes share a log, a place for what must
//! outlive them, and a voice: what one of them wrote is heard before what the next one writes.
//!
//! Nothing that a node does takes memory or disk without limit: its STDOUT is read as fast as the
//! test goes on, its STDIN and its log have bounds, and beyond them the test ends.

mod errors;
pub mod file_limit;
mod group;
mod hint;
mod input;
mod node;
mod node_resources;
mod orphans;
mod output;
mod pipe;
mod procfs;
mod program;
mod run_state;
mod stderr;
mod supervisor;

use std::ffi::OsString;
use std::path::PathBuf;

use tokio::sync::mpsc;

pub use self::errors::StderrErrors;
pub use self::group::SupervisedPids;
use self::node::ProcessNode;
pub use self::orphans::Orphans;
pub use self::program::ProgramFile;
pub use self::stderr::StderrTail;
pub use self::supervisor::NodeDiagnostics;

/// What a node did.
#[derive(Debug)]
pub enum ProcessEvent {
    /// The node wrote a line to STDOUT.
    Wrote {
        /// Index of the node.
        node: usize,
        /// The line, without its newline.
        line: String,
    },
    /// It ended, or did what no test survives.
    Ended {
        /// The number of the node.
        node: usize,
        /// The node's incarnation, from 0; each restart begins the next one.
        incarnation: u64,
        /// Predicate that follows "it", such as "exited with status 3".
        cause: String,
    },
}

/// Capacity of the event channel. Each event may be a long line, so a larger one would take memory;
/// a smaller one would make nodes and the test wait for each other.
pub const EVENT_CAPACITY: usize = 16;

/// How every node of a test is run.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// Program to run.
    pub program: ProgramFile,
    /// Arguments of the program.
    pub arguments: Vec<OsString>,
    /// The directory that gets a log of each node's STDERR.
    pub logs: PathBuf,
    /// The directory that gets one for each node, to keep what must outlive its process.
    pub storage: PathBuf,
    /// Whether to repeat what nodes write to STDERR on ours.
    pub log_stderr: bool,
}

/// The running nodes of a test.
#[derive(Debug)]
pub struct Processes {
    nodes: Vec<ProcessNode>,
    supervised: SupervisedPids,
}

impl Processes {
    /// Starts a process for each node, or none at all.
    pub async fn start(
        config: &ProcessConfig,
        nodes: &[String],
        events: &mpsc::Sender<ProcessEvent>,
    ) -> anyhow::Result<Processes> {
        let mut processes = Processes { nodes: Vec::new(), supervised: SupervisedPids::default() };
        for (index, node) in nodes.iter().enumerate() {
            match ProcessNode::start(config, index, node, events, &processes.supervised) {
                Ok(node) => processes.nodes.push(node),
                Err(error) => {
                    processes.stop(None).await;
                    return Err(error);
                }
            }
        }
        Ok(processes)
    }

    /// Ids of the current processes.
    pub fn supervised_pids(&self) -> SupervisedPids {
        self.supervised.clone()
    }

    /// Kills all nodes and what else they started, waits until they are gone and their logs are
    /// complete, and gives what they left, by number.
    ///
    /// The receiver of events should be dropped before, or nodes with unreceived output may delay
    /// this.
    pub async fn stop(self, orphans: Option<&Orphans>) -> Vec<NodeDiagnostics> {
        let stopping: Vec<_> = self.nodes.into_iter().map(ProcessNode::stop).collect();
        if let Some(orphans) = orphans {
            // Before the pipes are waited for, which they might hold open.
            orphans.kill();
        }
        let mut diagnostics = Vec::new();
        for stopped in stopping {
            diagnostics.push(stopped.await);
        }
        if let Some(orphans) = orphans {
            orphans.reap(&SupervisedPids::default());
        }
        diagnostics
    }

    /// Hands a node a line, newline included. A node that is gone ignores it.
    pub fn deliver(&self, node: usize, line: String) {
        self.nodes[node].deliver(line);
    }

    /// Kills nodes, and returns when they are gone; may be given up when they will be soon.
    pub async fn kill(&self, nodes: &[usize]) {
        let nodes = nodes.iter().map(|node| &self.nodes[*node]);
        group::kill_trees(nodes.clone().map(ProcessNode::group));
        for node in nodes {
            node.wait_until_reaped().await;
        }
    }

    /// Starts a node again that was killed; may be given up.
    ///
    /// # Errors
    /// If the system starts no process.
    pub async fn restart(&mut self, node: usize) -> anyhow::Result<()> {
        // Signals, and what nodes say, must not wait until many of them have been started.
        tokio::task::yield_now().await;
        self.nodes[node].restart().await
    }

    /// Stops a node from running.
    pub fn pause(&self, node: usize) {
        self.nodes[node].pause();
    }

    /// Lets a paused node run again.
    pub fn resume(&self, node: usize) {
        self.nodes[node].resume();
    }
}

#[cfg(test)]
mod tests;
