//! Costs of a thousand nodes in virtual time: `cargo bench --bench scale`.
//!
//! Each cluster runs in its own process, because the peak of a process's memory never decreases.
//! With the name of a cluster as argument, only this one runs, in this process.

mod nodes;

use std::fs;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use eddy::latency::Latency;
use eddy::{Fault, Test, workload};

use self::nodes::{Broadcast, GossipTopology};

/// Nodes of a cluster: as many as anyone would try on a laptop.
const NODES: usize = 1_000;

/// Maximum time of a cluster. With more, nobody would try one twice.
const BOUND: Duration = Duration::from_secs(60);

/// Maximum memory in KiB. More would not fit on a shared machine.
const MEMORY: u64 = 2 << 20;

/// Seed whose partition lets each node hear a different majority, which takes longest to generate.
const SEED: u64 = 1;

/// The clusters: name, topology and faults.
const CLUSTERS: [(&str, GossipTopology, &[Fault]); 3] = [
    ("grid", GossipTopology::AsGiven, &[]),
    ("star", GossipTopology::Star, &[]),
    ("faults", GossipTopology::AsGiven, &Fault::ALL),
];

fn main() -> ExitCode {
    let wanted = std::env::args().skip(1).find(|word| word != "--bench");
    let cluster = CLUSTERS.into_iter().find(|(name, ..)| wanted.as_deref() == Some(*name));
    let all_hold = match cluster {
        Some((name, layout, faults)) => measure(name, layout, faults),
        None => measure_all(),
    };
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure_all() -> bool {
    println!("1000 nodes   wall s   memory MB    messages   1000/s");
    let run = |name: &str| {
        let this = std::env::current_exe().expect("a program that runs has a path");
        Command::new(this).arg(name).status().is_ok_and(|status| status.success())
    };
    CLUSTERS.map(|(name, ..)| run(name)).into_iter().all(|holds| holds)
}

/// Runs a cluster, prints a line, and returns true if the bounds hold.
fn measure(name: &str, layout: GossipTopology, faults: &[Fault]) -> bool {
    let test = Test {
        workload: &workload::Broadcast,
        nodes: NODES,
        rate: 100.0,
        time_limit: Duration::from_secs(10),
        latency: Latency { mean: Duration::from_millis(100), ..Latency::default() },
        faults: faults.iter().copied().collect(),
        seed: SEED,
        ..Test::default()
    };
    let start = Instant::now();
    let report = test.run(move |node| Broadcast::new(node, layout));
    let wall = start.elapsed();
    let peak = peak();
    let (sent, seconds) = (report.traffic.all.sent, wall.as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "no test sends 2^53 messages")]
    let (memory, rate) = (peak as f64 * 1024.0 / 1e6, sent as f64 / seconds / 1e3);
    println!("{name:10} {seconds:8.1} {memory:11.0} {sent:11} {rate:8.0}");
    // These nodes have no storage, so kills lose values.
    if faults.is_empty() {
        report.assert_valid();
    }
    assert_eq!(report.failure, None);
    let holds = wall < BOUND && peak < MEMORY;
    if !holds {
        eprintln!("It must stay below {BOUND:.0?} and {} MB.", (MEMORY << 10) / 1_000_000);
    }
    holds
}

/// Peak memory of this process in KiB.
fn peak() -> u64 {
    let status =
        fs::read_to_string("/proc/self/status").expect("Linux has a status of each process");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix(" kB"));
    peak.and_then(|peak| peak.trim().parse().ok()).expect("VmHWM is a number of KiB")
}
