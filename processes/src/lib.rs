//! Nodes as child processes, in real time.
//!
//! No process outlives its test. Each is owned by one supervisor task and leads its own process
//! group. The group is killed when the node exits, when the node is stopped, and when its
//! supervisor is dropped, as on a panic of the runtime. SIGKILL works on paused processes too. The
//! group also shields nodes from a terminal's Ctrl-C: only the workbench gets it, and decides. A
//! descendant that leaves the group is orphaned sooner or later, and [`Orphans`] finds it.
//!
//! A killed node may be restarted. Its processes share a log, a storage directory and an event
//! channel: the output of one process is delivered before that of the next.
//!
//! Nodes cannot use unbounded memory or disk: STDOUT is read as fast as the test goes on, STDIN and
//! the log have bounds, and the test ends when a node exceeds them.

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

/// Event of a node. The same as eddy's `NodeEvent`, because this crate does not depend on eddy.
#[derive(Debug)]
pub enum ProcessEvent {
    /// The node wrote a line to STDOUT.
    Wrote {
        /// Index of the node.
        node: usize,
        /// The line, without its newline.
        line: String,
    },
    /// The node exited, or did something that ends the test.
    Ended {
        /// Index of the node.
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

/// Program and directories of the processes of a test.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// Program to run.
    pub program: ProgramFile,
    /// Arguments of the program.
    pub arguments: Vec<OsString>,
    /// Directory for a log of each node's STDERR.
    pub logs: PathBuf,
    /// Directory for one storage directory per node, which outlives its processes.
    pub storage: PathBuf,
    /// True if the nodes' STDERR is repeated on the workbench's own.
    pub log_stderr: bool,
}

/// Running nodes of a test.
#[derive(Debug)]
pub struct Processes {
    nodes: Vec<ProcessNode>,
    supervised: SupervisedPids,
}

impl Processes {
    /// Spawns a process for each node, or none at all.
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

    /// Kills all nodes and their descendants, waits until they are reaped and their logs are
    /// complete, and returns their diagnostics, in the order of the nodes.
    ///
    /// The receiver of events should be dropped before, or nodes with unreceived output may delay
    /// this.
    pub async fn stop(self, orphans: Option<&Orphans>) -> Vec<NodeDiagnostics> {
        let stopping: Vec<_> = self.nodes.into_iter().map(ProcessNode::stop).collect();
        if let Some(orphans) = orphans {
            // Killed before the pipes are awaited, which orphans might hold open.
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

    /// Queues a line for a node, newline included. A node without a process ignores it.
    pub fn deliver(&self, node: usize, line: String) {
        self.nodes[node].deliver(line);
    }

    /// Kills nodes, and returns when they are reaped. Cancel-safe: the signals are sent before the
    /// first await.
    pub async fn kill(&self, nodes: &[usize]) {
        let nodes = nodes.iter().map(|node| &self.nodes[*node]);
        group::kill_trees(nodes.clone().map(ProcessNode::group));
        for node in nodes {
            node.wait_until_reaped().await;
        }
    }

    /// Restarts a node that was killed. Cancel-safe.
    ///
    /// # Errors
    /// If the system cannot spawn a process.
    pub async fn restart(&mut self, node: usize) -> anyhow::Result<()> {
        // Signals and output of other nodes must be handled between the restarts of many nodes.
        tokio::task::yield_now().await;
        self.nodes[node].restart().await
    }

    /// Pauses a node with SIGSTOP.
    pub fn pause(&self, node: usize) {
        self.nodes[node].pause();
    }

    /// Resumes a paused node with SIGCONT.
    pub fn resume(&self, node: usize) {
        self.nodes[node].resume();
    }
}

#[cfg(test)]
mod tests;
