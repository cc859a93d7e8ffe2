//! Costs of an idle process: its start and its memory.

use std::process::Command;

use crate::pairs::{self, Figure};
use crate::pipes::NodeProcess;

const ECHO: &str = env!("CARGO_BIN_EXE_echo");

/// Time from the start of a process to its `init_ok`.
pub(crate) fn start() -> Figure {
    let times = (0..30).map(|_| {
        let mut node = None;
        let time = pairs::time(|| node = Some(NodeProcess::start(&mut Command::new(ECHO))));
        node.into_iter().for_each(NodeProcess::stop);
        time
    });
    let milliseconds = pairs::median(times.map(|time| time.as_secs_f64() * 1000.0));
    Figure::below("ms", 20.0, milliseconds)
}

/// Resident memory of an idle node.
pub(crate) fn memory() -> Figure {
    let node = NodeProcess::start(&mut Command::new(ECHO));
    let status = node.proc_file("status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    node.stop();
    let kib: f64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    Figure::below("MB", 5.0, kib * 1024.0 / 1e6)
}
