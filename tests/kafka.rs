//! Costs of kafka-b and kafka-c, the nodes of challenges 5b and 5c, side by side in virtual time.
//!
//! `make kafka` prints a table of several runs, and docs/challenges.md must contain the first. This
//! program has no test harness, which would run the nodes' own tests, too.

#[path = "../src/bin/kafka-b.rs"]
#[expect(dead_code, unused_imports, reason = "its main function and tests are another program's")]
mod kafka_b;
#[path = "../src/bin/kafka-c.rs"]
#[expect(dead_code, unused_imports, reason = "its main function and tests are another program's")]
mod kafka_c;

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use eddy::history::{Kind, Process};
use eddy::latency::Latency;
use eddy::{Report, Test, workload};

/// Number of comparisons, each with another seed.
const SEEDS: u64 = 3;

const HEAD: &str = "      operations  msgs/op  cas failures  p50 ms  p99 ms  max ms";

/// Latency of messages between servers.
const LATENCY: Duration = Duration::from_millis(10);

/// Costs of a run.
struct Costs {
    operations: usize,
    msgs_per_op: f64,
    cas_failures: usize,
    /// The 50th, 99th and 100th percentile of the latencies in milliseconds.
    latencies: [f64; 3],
}

fn main() {
    println!("{HEAD}");
    let runs: Vec<[Costs; 2]> = (0..SEEDS).map(run).collect();
    for [b, c] in &runs {
        assert!(b.cas_failures > 0, "no two writers of kafka-b conflicted");
        assert!(c.msgs_per_op * 4.0 <= b.msgs_per_op, "kafka-c sends more than a quarter");
        assert_eq!(c.cas_failures, 0, "kafka-c has no compare-and-set");
        for (b, c) in b.latencies.iter().zip(c.latencies) {
            assert!(c < *b, "kafka-c takes {c} ms, and kafka-b {b} ms");
        }
    }
    let [b, c] = &runs[0];
    let table = format!("```\n{HEAD}\nkafka-b {b}\nkafka-c {c}\n```\n");
    let document = include_str!("../docs/challenges.md");
    assert!(document.contains(&table), "docs/challenges.md should contain this:\n\n{table}");
}

/// Runs both nodes with the same test, and prints their costs.
fn run(seed: u64) -> [Costs; 2] {
    let test = Test {
        workload: &workload::Kafka,
        nodes: 2,
        concurrency: "2n".parse().expect("twice the number of nodes"),
        rate: 1000.0,
        time_limit: Duration::from_secs(20),
        latency: Latency { mean: LATENCY, ..Latency::default() },
        trace: true,
        seed,
        ..Test::default()
    };
    let b = Costs::of(&test.run(kafka_b::Kafka::new));
    let c = Costs::of(&test.run(kafka_c::Kafka::new));
    println!("kafka-b {b}\nkafka-c {c}");
    [b, c]
}

impl Costs {
    fn of(report: &Report) -> Costs {
        report.assert_valid();
        let refused = |line: &&str| line.contains(" Send ") && line.contains(r#""code":22"#);
        let mut latencies = latencies(report);
        latencies.sort_by(f64::total_cmp);
        let last = latencies.len() - 1;
        let at = |part: usize| latencies[(latencies.len() * part / 100).min(last)];
        Costs {
            operations: report.operations.ok,
            msgs_per_op: report.traffic.servers.msgs_per_op.expect("there were operations"),
            cas_failures: report.trace.lines().filter(refused).count(),
            latencies: [at(50), at(99), at(100)],
        }
    }
}

/// The latencies of successful sends and polls, in milliseconds.
fn latencies(report: &Report) -> Vec<f64> {
    let mut begun: BTreeMap<Process, u64> = BTreeMap::new();
    let mut latencies = Vec::new();
    for op in report.history.client_ops() {
        match op.kind {
            Kind::Invoke => {
                begun.insert(op.process, op.time);
            }
            Kind::Ok if matches!(&*op.f, "send" | "poll") => {
                let nanos = op.time - begun[&op.process];
                latencies.push(Duration::from_nanos(nanos).as_secs_f64() * 1000.0);
            }
            _ => {}
        }
    }
    latencies
}

impl Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Costs { operations, msgs_per_op, cas_failures, latencies: [p50, p99, max] } = self;
        write!(f, "{operations:>8}  {msgs_per_op:>7.2}  {cas_failures:>12}")?;
        write!(f, "  {p50:>6.0}  {p99:>6.0}  {max:>6.0}")
    }
}
