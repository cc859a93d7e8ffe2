//! Nodes as child processes, in real time.
//!
//! No process outlives its test. Each belongs to one task, its keeper, and leads a process group of
//! its own; the keeper kills the group when the node ends, when it is told to stop, and when it is
//! dropped itself, as it is when the runtime goes down in a panic. The group also shields nodes
//! from a terminal's Ctrl-C, which reaches the workbench alone, and the workbench decides. What has
//! left its group is an orphan sooner or later, and found by [`Orphans`].
//!
//! Nothing that a node does takes memory or disk without limit: its STDOUT is read as fast as the
//! test goes on, its STDIN and its log have bounds, and beyond them the test ends.

mod input;
mod keeper;
mod orphans;
mod output;
mod program;
mod stderr;

use std::ffi::OsString;
use std::path::PathBuf;

use tokio::sync::mpsc;

use self::keeper::Keeper;
pub(crate) use self::keeper::Remains;
pub(crate) use self::orphans::Orphans;
pub(crate) use self::program::Program;
use crate::drive::{Event, Nodes};

/// How many events of nodes may wait for the test. Each may be a long line, so that more would take
/// memory; fewer would make nodes and the test wait for each other.
pub(crate) const EVENTS: usize = 16;

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
        events: &mpsc::Sender<Event>,
    ) -> anyhow::Result<Processes> {
        let mut processes = Processes { keepers: Vec::new() };
        for (number, node) in nodes.iter().enumerate() {
            match Keeper::start(command, number, node, events.clone()) {
                Ok(keeper) => processes.keepers.push(keeper),
                Err(error) => {
                    processes.stop(None).await;
                    return Err(error);
                }
            }
        }
        Ok(processes)
    }

    /// The ids of the processes.
    pub(crate) fn ids(&self) -> Vec<i32> {
        self.keepers.iter().map(Keeper::id).collect()
    }

    /// Kills all nodes and what else they started, waits until they are gone and their logs are
    /// complete, and gives what they left, by number.
    ///
    /// Events must not be waited for any more: the receiver should be gone.
    pub(crate) async fn stop(self, orphans: Option<&Orphans>) -> Vec<Remains> {
        let stopping: Vec<_> = self.keepers.into_iter().map(Keeper::stop).collect();
        if let Some(orphans) = orphans {
            // Before the pipes are waited for, which they might hold open.
            orphans.kill();
        }
        let mut remains = Vec::new();
        for stopped in stopping {
            remains.push(stopped.await);
        }
        if let Some(orphans) = orphans {
            orphans.bury(&[]);
        }
        remains
    }
}

impl Nodes for Processes {
    fn deliver(&mut self, node: usize, line: String) {
        self.keepers[node].deliver(line);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;

    use super::*;

    fn is_running(marker: &str) -> bool {
        let expected = format!("sleep\0{marker}\0");
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let mut lines = processes.filter_map(|one| fs::read(one.path().join("cmdline")).ok());
        lines.any(|line| line == expected.as_bytes())
    }

    #[test]
    fn a_panic_leaves_no_process_behind() {
        // As long as nobody else sleeps, in another run of these tests, say.
        let marker = format!("86403.{}", std::process::id());
        let script = format!("sleep {marker} & echo started; sleep {marker}");
        let command = Command {
            program: Program::find(Path::new("/bin/sh"), "n0").unwrap(),
            arguments: ["-c", &script].map(OsString::from).into(),
            logs: std::env::temp_dir().join(format!("eddy-panic-{}", std::process::id())),
            log_stderr: false,
        };
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let (sender, mut events) = mpsc::channel(EVENTS);
                let _nodes = Processes::start(&command, &["n0".into()], &sender).await.unwrap();
                let started = events.recv().await;
                assert!(matches!(started, Some(Event::Said { node: 0, .. })), "{started:?}");
                panic!("as a bug would");
            })
        }));
        assert!(panic.is_err());
        fs::remove_dir_all(&command.logs).unwrap();
        // The system takes a moment to bury them; a test that hangs here has found the bug.
        while is_running(&marker) {
            std::thread::yield_now();
        }
    }
}
