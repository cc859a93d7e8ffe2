//! Process table from procfs; empty where there is no `/proc`.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// Entry of the process table.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProcessEntry {
    pub(super) id: i32,
    pub(super) parent: i32,
    /// True if it has exited and waits for its parent to reap it.
    pub(super) is_zombie: bool,
}

/// Reads all processes of the system.
pub(super) fn all_processes() -> Vec<ProcessEntry> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read(entry.path().join("stat")).ok()?;
            let stat = String::from_utf8_lossy(&stat);
            // The name may contain parentheses; the fields after it do not.
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            let is_zombie = matches!(fields.next()?, "Z" | "X");
            Some(ProcessEntry { id, parent: fields.next()?.parse().ok()?, is_zombie })
        })
        .collect()
}

/// Sends a signal. A process that no longer exists ignores it.
pub(super) fn signal(id: i32, signal: Signal) {
    if let Some(id) = Pid::from_raw(id) {
        let _ = kill_process(id, signal);
    }
}

/// Stops all descendants of processes that are stopped already, and returns their ids.
///
/// Each process is stopped before its children are listed, so that it can neither spawn more nor
/// exit and hand them to another parent.
pub(super) fn stop_descendants(mut parents: BTreeSet<i32>) -> Vec<i32> {
    let mut stopped = Vec::new();
    while !parents.is_empty() {
        let children =
            all_processes().into_iter().filter(|process| parents.contains(&process.parent));
        parents = children.map(|child| child.id).collect();
        for child in &parents {
            signal(*child, Signal::STOP);
        }
        stopped.extend(&parents);
    }
    stopped
}
