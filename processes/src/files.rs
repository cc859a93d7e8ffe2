//! How many files this process may have open.

use std::fs;

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many files a node takes: three pipes, its log, and what tells that it has ended.
const FOR_EACH_NODE: u64 = 5;

/// How many processes of a node may have files open, if it is killed and started again: what has
/// escaped from a process that is gone holds its pipes for a while. Fewer might not be enough.
const LIVES: u64 = 3;

/// How many files there must be room for beside the nodes and what is open already: a process that
/// is being started, the system's table, the record, pipes that outlive their process. Fewer might
/// not be enough; more would refuse tests that could be run.
const SPARE: u64 = 24;

/// How many files are open before the first node is started, where the system does not tell.
const OPEN: u64 = 16;

/// Makes room for nodes, which may be killed, within what the system allows; an error says what to
/// do.
pub fn make_room(nodes: usize, are_killed: bool) -> Result<()> {
    let open = fs::read_dir("/proc/self/fd").map_or(OPEN, |open| open.count() as u64);
    let needed = open + SPARE + FOR_EACH_NODE * nodes as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // More than is needed at first is a matter of luck, which is no reason not to run a test.
    let best =
        if are_killed { needed + (LIVES - 1) * FOR_EACH_NODE * nodes as u64 } else { needed };
    let best = best.min(maximum.unwrap_or(best)).max(needed);
    if current.is_none_or(|current| best <= current) {
        return Ok(());
    }
    // Not more than that: nodes inherit it, and some programs look at every file there might be.
    let raised = Rlimit { current: Some(best), maximum };
    if maximum.is_some_and(|maximum| needed > maximum)
        || setrlimit(Resource::Nofile, raised).is_err()
    {
        let allowed = maximum.or(current).unwrap_or_default();
        let advice = match allowed.saturating_sub(open + SPARE) / FOR_EACH_NODE {
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
