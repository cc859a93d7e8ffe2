//! Orphans: descendants of nodes in a session or group of their own, which a kill of the node's
//! group does not reach.
//!
//! On Linux, this process becomes their subreaper: it inherits them when their parents exit, so
//! every descendant of a node stays below it. Other systems have no subreaper, so orphans survive
//! there.

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

/// Guard that kills all orphans when dropped.
///
/// There should be one in a process that only runs nodes: every process that it spawns from now on
/// counts as a node or a node's descendant.
#[derive(Debug)]
pub struct Orphans {
    /// Ids of earlier child processes, which are not nodes.
    earlier_children: BTreeSet<i32>,
}

impl Orphans {
    /// Becomes the subreaper of orphans.
    pub fn adopt() -> Orphans {
        #[cfg(target_os = "linux")]
        {
            // An old kernel has no subreapers, which is no reason to refuse the test.
            let _ = rustix::process::set_child_subreaper(Some(getpid()));
        }
        let none = Orphans { earlier_children: BTreeSet::new() };
        let earlier_children = none.descendants().iter().map(|process| process.id).collect();
        Orphans { earlier_children }
    }

    /// Kills all descendants of this process, and waits until they have exited.
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
