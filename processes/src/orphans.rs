//! Processes that nodes have started, and that a kill of the node's group does not reach: those in
//! a session or group of their own.
//!
//! On Linux, this process becomes the one that inherits them when their parents end, so whatever
//! nodes started is found below it. Elsewhere they are out of reach.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, getpid, waitpid};

use super::group::SupervisedPids;
use super::procfs::{self, ProcessEntry, all_processes};

/// Time for killed processes to exit. A longer one would only help an overloaded machine.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Interval at which orphans are reaped during a test. With a longer one, a node that leaves one
/// orphan per request would use up the system's process ids.
const REAP_INTERVAL: Duration = Duration::from_secs(1);

/// What nodes leave behind, which is killed when this is dropped.
///
/// There should be one in a process that does nothing else than to run nodes: all processes that it
/// starts from now on count as nodes or theirs.
#[derive(Debug)]
pub struct Orphans {
    /// Ids of earlier child processes, which are not nodes.
    earlier_children: BTreeSet<i32>,
}

impl Orphans {
    /// Takes in orphans from now on.
    pub fn adopt() -> Orphans {
        #[cfg(target_os = "linux")]
        {
            // An old kernel knows no such thing, and is no reason not to run a test.
            let _ = rustix::process::set_child_subreaper(Some(getpid()));
        }
        let none = Orphans { earlier_children: BTreeSet::new() };
        let earlier_children = none.descendants().iter().map(|process| process.id).collect();
        Orphans { earlier_children }
    }

    /// Kills all processes below this one, and waits until they have ended.
    pub fn kill(&self) {
        let start = Instant::now();
        loop {
            let mut living = self.descendants();
            living.retain(|process| !process.is_zombie);
            if living.is_empty() || start.elapsed() > EXIT_TIMEOUT {
                return;
            }
            for process in living {
                procfs::signal(process.id, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Reaps orphans at an interval. Nodes are left to their supervisors.
    pub async fn reap_regularly(&self, nodes: &SupervisedPids) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(REAP_INTERVAL).await;
            self.reap(nodes);
        }
    }

    /// Reaps exited orphans, but not nodes.
    pub(crate) fn reap(&self, nodes: &SupervisedPids) {
        let us = getpid().as_raw_nonzero().get();
        for ProcessEntry { id, parent, is_zombie } in self.descendants() {
            if is_zombie && parent == us && !nodes.contains(id) {
                let _ = waitpid(Pid::from_raw(id), WaitOptions::NOHANG);
            }
        }
    }

    fn descendants(&self) -> Vec<ProcessEntry> {
        let all = all_processes();
        let mut below = Vec::new();
        let mut parents = vec![getpid().as_raw_nonzero().get()];
        while let Some(parent) = parents.pop() {
            let is_child = |process: &&ProcessEntry| {
                process.parent == parent && !self.earlier_children.contains(&process.id)
            };
            let children: Vec<ProcessEntry> = all.iter().filter(is_child).copied().collect();
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
