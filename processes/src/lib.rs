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
pub mod files;
mod group;
mod hint;
mod input;
mod keeper;
mod node;
mod orphans;
mod output;
mod pipe;
mod post;
mod program;
mod pulse;
mod stderr;
mod table;

use std::ffi::OsString;
use std::path::PathBuf;

use tokio::sync::mpsc;

pub use self::errors::Errors;
pub use self::group::Kept;
pub use self::keeper::Remains;
use self::node::Node;
pub use self::orphans::Orphans;
pub use self::program::Program;
pub use self::stderr::LastWords;

/// What a node did.
#[derive(Debug)]
pub enum Event {
    /// It wrote a line.
    Said {
        /// The number of the node.
        node: usize,
        /// The line, without its newline.
        line: String,
    },
    /// It ended, or did what no test survives.
    Ended {
        /// The number of the node.
        node: usize,
        /// Which of its processes it was, the first being 0.
        life: u64,
        /// What it did, in words that follow "it".
        how: String,
    },
}

/// How many events of nodes may wait for the test. Each may be a long line, so that more would take
/// memory; fewer would make nodes and the test wait for each other.
pub const EVENTS: usize = 16;

/// How every node of a test is run.
#[derive(Debug, Clone)]
pub struct Command {
    /// What is run.
    pub program: Program,
    /// The words behind its name.
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
    nodes: Vec<Node>,
    kept: Kept,
}

impl Processes {
    /// Starts a process for each node, or none at all.
    pub async fn start(
        command: &Command,
        nodes: &[String],
        events: &mpsc::Sender<Event>,
    ) -> anyhow::Result<Processes> {
        let mut processes = Processes { nodes: Vec::new(), kept: Kept::default() };
        for (number, node) in nodes.iter().enumerate() {
            match Node::start(command, number, node, events, &processes.kept) {
                Ok(node) => processes.nodes.push(node),
                Err(error) => {
                    processes.stop(None).await;
                    return Err(error);
                }
            }
        }
        Ok(processes)
    }

    /// The ids of the processes, whichever they are at the moment.
    pub fn kept(&self) -> Kept {
        self.kept.clone()
    }

    /// Kills all nodes and what else they started, waits until they are gone and their logs are
    /// complete, and gives what they left, by number.
    ///
    /// Events must not be waited for any more: the receiver should be gone.
    pub async fn stop(self, orphans: Option<&Orphans>) -> Vec<Remains> {
        let stopping: Vec<_> = self.nodes.into_iter().map(Node::stop).collect();
        if let Some(orphans) = orphans {
            // Before the pipes are waited for, which they might hold open.
            orphans.kill();
        }
        let mut remains = Vec::new();
        for stopped in stopping {
            remains.push(stopped.await);
        }
        if let Some(orphans) = orphans {
            orphans.bury(&Kept::default());
        }
        remains
    }

    /// Hands a node a line, newline included. A node that is gone ignores it.
    pub fn deliver(&self, node: usize, line: String) {
        self.nodes[node].deliver(line);
    }

    /// Kills nodes, and returns when they are gone; may be given up when they will be soon.
    pub async fn kill(&self, nodes: &[usize]) {
        let nodes = nodes.iter().map(|node| &self.nodes[*node]);
        group::uproot(nodes.clone().map(Node::group));
        for node in nodes {
            node.is_gone().await;
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
