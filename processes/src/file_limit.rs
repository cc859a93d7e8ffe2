//! Limit of open files of this process.

use std::fs;

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors per node: three pipes, its log, and the descriptor that reports its exit.
const FILES_PER_NODE: u64 = 5;

/// Processes of one node that may hold files at a time if nodes are killed and restarted:
/// descendants that escaped a kill hold the pipes of a dead process for a while. A lower number
/// might not be enough.
const PROCESSES_PER_NODE: u64 = 3;

/// Descriptors reserved beside those of nodes and those already open: a process being spawned,
/// `/proc`, the test's record, pipes that outlive their process. Fewer might not be enough; more
/// would refuse tests that could run.
const RESERVED_FILES: u64 = 24;

/// Assumed number of open files where there is no `/proc`.
const DEFAULT_OPEN_FILES: u64 = 16;

/// Raises the soft limit of open files as far as these nodes need it and the hard limit allows. The
/// error says what to do.
pub fn raise_limit(nodes: usize, has_kills: bool) -> Result<()> {
    let open = fs::read_dir("/proc/self/fd").map_or(DEFAULT_OPEN_FILES, |open| open.count() as u64);
    let needed = open + RESERVED_FILES + FILES_PER_NODE * nodes as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Restarts may not need their extra descriptors, so a limit without them does not refuse the
    // test.
    let wanted = if has_kills {
        needed + (PROCESSES_PER_NODE - 1) * FILES_PER_NODE * nodes as u64
    } else {
        needed
    };
    let best = wanted.min(maximum.unwrap_or(wanted)).max(needed);
    if current.is_none_or(|current| best <= current) {
        return Ok(());
    }
    // Not higher: nodes inherit the limit, and some programs iterate over every possible
    // descriptor.
    let raised = Rlimit { current: Some(best), maximum };
    if maximum.is_some_and(|maximum| needed > maximum)
        || setrlimit(Resource::Nofile, raised).is_err()
    {
        let allowed = maximum.or(current).unwrap_or_default();
        let advice = match allowed.saturating_sub(open + RESERVED_FILES) / FILES_PER_NODE {
            0 => String::new(),
            most => format!(", or test at most {most} nodes"),
        };
        let need = if nodes == 1 { "node needs" } else { "nodes need" };
        bail!(
            "{nodes} {need} {needed} open files, and {allowed} are allowed; raise that limit, \
             which `ulimit -Hn` tells{advice}"
        );
    }
    Ok(())
}
