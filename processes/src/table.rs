//! The system's table of processes; empty where there is no `/proc`.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process {
    pub(super) id: i32,
    pub(super) parent: i32,
    /// Whether it has ended, and only waits for its parent to notice.
    pub(super) has_ended: bool,
}

/// All processes of the system.
pub(super) fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read(entry.path().join("stat")).ok()?;
            let stat = String::from_utf8_lossy(&stat);
            // A name may hold anything, parentheses too; what follows it holds none.
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            let has_ended = matches!(fields.next()?, "Z" | "X");
            Some(Process { id, parent: fields.next()?.parse().ok()?, has_ended })
        })
        .collect()
}

/// Sends a signal; a process that is gone already ignores it.
pub(super) fn signal(id: i32, signal: Signal) {
    if let Some(id) = Pid::from_raw(id) {
        let _ = kill_process(id, signal);
    }
}

/// Stops all processes below some that are stopped themselves, and gives their ids.
///
/// Each is stopped before its children are looked for, so that it can start no more, nor end and
/// leave them to somebody else.
pub(super) fn freeze_below(mut parents: BTreeSet<i32>) -> Vec<i32> {
    let mut frozen = Vec::new();
    while !parents.is_empty() {
        let children = processes().into_iter().filter(|process| parents.contains(&process.parent));
        parents = children.map(|child| child.id).collect();
        for child in &parents {
            signal(*child, Signal::STOP);
        }
        frozen.extend(&parents);
    }
    frozen
}
