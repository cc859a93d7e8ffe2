//! Costs of tests in virtual time: `cargo bench --bench virtual_time`.

mod nodes;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use eddy::checkers::set_full;
use eddy::latency::Latency;
use eddy::{Fault, Test, workload};

use self::nodes::{Broadcast, GossipTopology};

/// Maximum time of challenge 3e, which is 30 simulated seconds of 25 nodes. With more, nobody would
/// try many seeds.
const BOUND: Duration = Duration::from_millis(500);

/// Runs for each median. More take longer, fewer are disturbed by other processes.
const RUNS: usize = 9;

fn main() -> ExitCode {
    println!(
        "                      simulated    median   of which   messages   thousand    simulated\n\
         challenge              seconds   wall ms   checker ms    sent    per second  s per wall s"
    );
    let far = Latency { mean: Duration::from_millis(100), ..Latency::default() };
    let large = Test { nodes: 25, rate: 100.0, latency: far, ..challenge() };
    let lossy = Test { nodes: 5, rate: 10.0, faults: [Fault::Partition].into(), ..challenge() };
    measure("3c with partitions", &lossy, GossipTopology::AsGiven);
    measure("3d", &large, GossipTopology::Everybody);
    let median = measure("3e", &large, GossipTopology::Star);
    if median >= BOUND {
        eprintln!("Challenge 3e took {median:.0?}; it must stay below {BOUND:?}.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn challenge() -> Test {
    let time_limit = Duration::from_secs(20);
    Test { workload: &workload::Broadcast, time_limit, ..Test::default() }
}

/// Runs a test several times, prints a line, and returns the median.
fn measure(challenge: &str, test: &Test, layout: GossipTopology) -> Duration {
    let run = || test.run(move |node| Broadcast::new(node, layout));
    let (report, wall) = median(run);
    report.assert_valid();
    let (_, checker) = median(|| set_full::check(&report.history, "broadcast", "read"));
    let (all, history) = (report.traffic.all, &report.history);
    let nanoseconds = history.ops().last().map_or(0, |last| last.time);
    let simulated = Duration::from_nanos(nanoseconds).as_secs_f64();
    let [wall_ms, checker_ms] = [wall, checker].map(|time| time.as_secs_f64() * 1e3);
    #[expect(clippy::cast_precision_loss, reason = "no test sends 2^53 messages")]
    let rate = all.sent as f64 / wall_ms;
    println!(
        "{challenge:20} {simulated:11.1} {wall_ms:9.1} {checker_ms:12.1} {:10} {rate:11.0} {:12.0}",
        all.sent,
        simulated / wall.as_secs_f64()
    );
    wall
}

/// The last of several results, and the median of their times.
fn median<T>(work: impl Fn() -> T) -> (T, Duration) {
    // An uncounted run to warm up the caches.
    let mut result = work();
    let mut times = [Duration::ZERO; RUNS];
    for time in &mut times {
        let start = Instant::now();
        result = work();
        *time = start.elapsed();
    }
    times.sort_unstable();
    (result, times[RUNS / 2])
}
