//! Costs of consensus: lin-kv on three nodes, compared with a calculation and with a single node.
//!
//! Alone, a write takes two messages for each follower, an `AppendEntries` and its reply. So does a
//! read at the leader, which must confirm its leadership. A follower forwards an operation to the
//! leader, for two more messages. A read at a follower needs only these two, because the request
//! itself confirms the leader. The measurement includes the election and the heartbeats. Under load
//! it is lower, because one message serves all operations that wait. The runs are in virtual time,
//! so all figures are the same every time, except the last: a ratio of real times.

#![expect(clippy::cast_precision_loss, reason = "counts and times are far below 2^53")]

#[path = "../src/bin/lin-kv.rs"]
#[expect(dead_code, unused_imports, reason = "its main function and tests are another program's")]
mod lin_kv;
#[path = "cost/pairs.rs"]
#[expect(dead_code, reason = "used by another benchmark")]
mod pairs;

use std::process::ExitCode;
use std::time::Duration;

use eddy::history::{Kind, Op};
use eddy::latency::Latency;
use eddy::{Report, Test, workload};

use self::pairs::{alternate, time};

/// Time at which there is a leader, in nanoseconds. Earlier operations wait for the election.
const LEADER_ELECTED_NANOS: u64 = 2_000_000_000;

/// Rate in operations per second that exceeds any cluster, so that clients never pause.
const UNLIMITED: f64 = 1e6;

/// Maximum ratio of the times per operation, of three nodes to one. More hides slow code, less
/// measures the other processes on the machine.
const MAX_RATIO: f64 = 2.0;

/// A load with its bounds. Each bound is about an eighth above or below the measured figure. Wider
/// bounds hide regressions; narrower ones fail when different random numbers are drawn.
struct LoadCase {
    latency_ms: u64,
    clients: &'static str,
    /// Operations per second; `None` for as many as possible.
    rate: Option<f64>,
    most_messages: f64,
    /// Maximum median latencies of reads and writes.
    most_ms: [f64; 2],
    least_answers_per_s: f64,
}

const LOAD_CASES: [LoadCase; 5] = [
    load_case(0, "4n", Some(100.0), 4.6, [0.5, 4.6], 95.0),
    load_case(10, "4n", Some(100.0), 2.9, [34.0, 52.0], 95.0),
    load_case(10, "40n", Some(1000.0), 0.74, [38.0, 53.0], 950.0),
    load_case(0, "40n", None, 0.58, [9.0, 11.5], 10_000.0),
    load_case(10, "40n", None, 0.58, [30.0, 53.0], 2_300.0),
];

const fn load_case(
    latency_ms: u64,
    clients: &'static str,
    rate: Option<f64>,
    most_messages: f64,
    most_ms: [f64; 2],
    least_answers_per_s: f64,
) -> LoadCase {
    LoadCase { latency_ms, clients, rate, most_messages, most_ms, least_answers_per_s }
}

fn main() -> ExitCode {
    let mut all_hold = true;
    println!(
        "lin-kv on 3 nodes       answers   msgs  one by     read ms          write ms\n\
         latency    asked for      per s  per op     one  median  longest  median  longest"
    );
    for figure in LOAD_CASES {
        all_hold &= figure.measure();
    }
    pairs::print_head();
    let figure = beside_one_node();
    println!("{:<34}{figure}", "lin-kv, 3 nodes beside 1");
    if all_hold && figure.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl LoadCase {
    /// Runs the test, prints a line, and returns true if the bounds hold.
    fn measure(&self) -> bool {
        let LoadCase { latency_ms, most_messages, most_ms, .. } = *self;
        let concurrency = self.clients.parse().expect("a concurrency");
        let rate = self.rate.unwrap_or(UNLIMITED);
        let test = Test { concurrency, rate, trace: true, ..test(latency_ms) };
        let costs = Costs::of(&test.run(lin_kv::LinKv::new));
        let Costs { answers, messages, one_by_one, read, write } = costs;
        let holds = messages <= most_messages
            && read[0] <= most_ms[0]
            && write[0] <= most_ms[1]
            && answers >= self.least_answers_per_s;
        let asked = self.rate.map_or("all at once".to_owned(), |rate| format!("{rate:.0}/s"));
        let ([read, longest_read], [write, longest_write]) = (read, write);
        println!(
            "{latency_ms:>4} ms {asked:>15} {answers:>10.0} {messages:>7.2} {one_by_one:>7.2} \
             {read:>7.1} {longest_read:>8.1} {write:>7.1} {longest_write:>8.1}  {}",
            if holds { "holds" } else { "MISSED" }
        );
        holds
    }
}

fn test(milliseconds: u64) -> Test {
    let mean = Duration::from_millis(milliseconds);
    Test {
        workload: &workload::LinKv,
        nodes: 3,
        time_limit: Duration::from_secs(10),
        latency: Latency { mean, ..Latency::default() },
        ..Test::default()
    }
}

/// Costs of a run.
struct Costs {
    answers: f64,
    messages: f64,
    one_by_one: f64,
    /// Median and maximum latency in milliseconds.
    read: [f64; 2],
    write: [f64; 2],
}

impl Costs {
    fn of(report: &Report) -> Costs {
        report.assert_valid();
        let leader = leader(report);
        let ends = report
            .history
            .client_ops()
            .filter(|op| op.kind != Kind::Invoke && op.time > LEADER_ELECTED_NANOS);
        let (mut times, mut messages) = ([Vec::new(), Vec::new()], Vec::new());
        for end in ends {
            assert!(end.kind != Kind::Info, "an operation got no reply: {report}");
            let leads = report.node_of(end).as_deref() == Some(leader);
            messages.push(one_by_one(end, leads));
            if let Some(begin) = report.history.invocation(end) {
                let took = Duration::from_nanos(end.time - begin.time);
                times[usize::from(end.f != "read")].push(took.as_secs_f64() * 1e3);
            }
        }
        let count = messages.len() as f64;
        let last = report.history.ops().last().map_or(LEADER_ELECTED_NANOS, |op| op.time);
        let [read, write] = times.map(|times| {
            let longest = times.iter().copied().fold(0.0, f64::max);
            [pairs::median(times), longest]
        });
        Costs {
            answers: count / Duration::from_nanos(last - LEADER_ELECTED_NANOS).as_secs_f64(),
            messages: report.traffic.servers.msgs_per_op.expect("there were operations"),
            one_by_one: messages.iter().sum::<f64>() / count,
            read,
            write,
        }
    }
}

/// Messages of an operation that is alone.
fn one_by_one(op: &Op, leads: bool) -> f64 {
    match (op.f == "read", leads) {
        (true, false) => 2.0,
        (_, true) => 4.0,
        (false, false) => 6.0,
    }
}

/// The node that was the leader all the time.
fn leader(report: &Report) -> &str {
    let mut leaders: Vec<&str> = report
        .trace
        .lines()
        .filter(|line| line.contains(" Send ") && line.contains(r#""append_entries":"#))
        .filter_map(|line| line.split(' ').nth(3))
        .collect();
    leaders.dedup();
    assert_eq!(leaders.len(), 1, "without faults there is one leader");
    leaders[0]
}

/// The time per operation on three nodes and on one, with the checker's.
fn beside_one_node() -> pairs::Figure {
    let run = |nodes| {
        let concurrency = "120".parse().expect("a concurrency");
        let time_limit = Duration::from_secs(2);
        let test = Test { nodes, concurrency, rate: 1000.0, time_limit, ..test(10) };
        time(|| test.run(lin_kv::LinKv::new).assert_valid())
    };
    pairs::Figure::slower(MAX_RATIO, 2000, alternate(|| run(3), || run(1)))
}
