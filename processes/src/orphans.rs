//! Processes that nodes have started, and that a kill of the node's group does not reach: those in
//! a session or group of their own.
//!
//! On Linux, this process becomes the one that inherits them when their parents end, so whatever
//! nodes started is found below it. Elsewhere they are out of reach.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, getpid, waitpid};

use super::group::Kept;
use super::table::{self, Process, processes};

/// How long killed processes may take to be gone. Longer would only matter to a machine that stands
/// still.
const GONE_WITHIN: Duration = Duration::from_secs(1);

/// How often ended orphans are looked for in the middle of a test. More seldom, and a node that
/// leaves one behind at each request would use up the system's process ids.
const BURY_EVERY: Duration = Duration::from_secs(1);

/// What nodes leave behind, which is killed when this is dropped.
///
/// There should be one in a process that does nothing else than to run nodes: all processes that it
/// starts from now on count as nodes or theirs.
#[derive(Debug)]
pub struct Orphans {
    /// Those that were there before, and belong to somebody else.
    spared: BTreeSet<i32>,
}

impl Orphans {
    /// Takes in orphans from now on.
    pub fn adopt() -> Orphans {
        #[cfg(target_os = "linux")]
        {
            // An old kernel knows no such thing, and is no reason not to run a test.
            let _ = rustix::process::set_child_subreaper(Some(getpid()));
        }
        let none = Orphans { spared: BTreeSet::new() };
        let spared = none.below_us().iter().map(|process| process.id).collect();
        Orphans { spared }
    }

    /// Kills all processes below this one, and waits until they have ended.
    pub fn kill(&self) {
        let start = Instant::now();
        loop {
            let mut living = self.below_us();
            living.retain(|process| !process.has_ended);
            if living.is_empty() || start.elapsed() > GONE_WITHIN {
                return;
            }
            for process in living {
                table::signal(process.id, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Buries those that have ended, again and again, but for the nodes, whose keepers do it.
    pub async fn bury_regularly(&self, nodes: &Kept) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(BURY_EVERY).await;
            self.bury(nodes);
        }
    }

    /// Buries those that have ended, but for the nodes.
    pub(crate) fn bury(&self, nodes: &Kept) {
        let us = getpid().as_raw_nonzero().get();
        for Process { id, parent, has_ended } in self.below_us() {
            if has_ended && parent == us && !nodes.contains(id) {
                let _ = waitpid(Pid::from_raw(id), WaitOptions::NOHANG);
            }
        }
    }

    fn below_us(&self) -> Vec<Process> {
        let all = processes();
        let mut below = Vec::new();
        let mut parents = vec![getpid().as_raw_nonzero().get()];
        while let Some(parent) = parents.pop() {
            let is_child =
                |process: &&Process| process.parent == parent && !self.spared.contains(&process.id);
            let children: Vec<Process> = all.iter().filter(is_child).copied().collect();
            parents.extend(children.iter().map(|child| child.id));
            below.extend(children);
        }
        below
    }
}

impl Drop for Orphans {
    fn drop(&mut self) {
        self.kill();
    }
}
