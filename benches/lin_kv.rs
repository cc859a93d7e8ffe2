//! What agreement costs: lin-kv on three nodes, beside the least that is argued, and beside one
//! node that has nobody to agree with.
//!
//! One by one, an operation that changes anything takes two messages for each follower, to send it
//! and to have it confirmed, and so does a read at the leader. A follower passes it on and is
//! answered, which is two more; but then a read needs no others, because the question confirms the
//! leader. What is measured has the election and the heartbeats as well. Under load it is less,
//! because one message is for all who have come meanwhile. All this is in virtual time, so it is
//! the same in every run; only the last figure is of real time, and so it is a ratio.

#![expect(clippy::cast_precision_loss, reason = "counts and times are far below 2^53")]

#[path = "../src/bin/lin-kv.rs"]
#[expect(dead_code, unused_imports, reason = "its main function and tests are another program's")]
mod lin_kv;
#[path = "cost/pairs.rs"]
#[expect(dead_code, reason = "another program has other figures")]
mod pairs;

use std::process::ExitCode;
use std::time::Duration;

use eddy::history::{Kind, Op};
use eddy::latency::Latency;
use eddy::{Report, Test, workload};

use self::pairs::{alternate, time};

/// When there is a leader, in nanoseconds. What was asked before waits for it.
const LED: u64 = 2_000_000_000;

/// Operations per second of clients that ask again as soon as they are answered: more than any
/// cluster answers.
const UNLIMITED: f64 = 1e6;

/// How many times as long as alone an operation may take with two others to agree. More hides what
/// makes a step slow, less would be about the neighbors on the machine.
const SLOWER: f64 = 2.0;

/// What is measured, and what it may be. Each bound is about an eighth from what it was when it was
/// written down: farther hides what got worse, nearer forbids to change which random numbers are
/// drawn.
struct Figure {
    latency_ms: u64,
    clients: &'static str,
    /// How many operations are asked for in a second; without it, as many as are answered.
    rate: Option<f64>,
    most_messages: f64,
    /// The medians of reads and of writes.
    most_ms: [f64; 2],
    least_answers_per_s: f64,
}

const FIGURES: [Figure; 5] = [
    figure(0, "4n", Some(100.0), 4.6, [0.5, 4.6], 95.0),
    figure(10, "4n", Some(100.0), 2.9, [34.0, 52.0], 95.0),
    figure(10, "40n", Some(1000.0), 0.74, [38.0, 53.0], 950.0),
    figure(0, "40n", None, 0.58, [9.0, 11.5], 10_000.0),
    figure(10, "40n", None, 0.58, [30.0, 53.0], 2_300.0),
];

const fn figure(
    latency_ms: u64,
    clients: &'static str,
    rate: Option<f64>,
    most_messages: f64,
    most_ms: [f64; 2],
    least_answers_per_s: f64,
) -> Figure {
    Figure { latency_ms, clients, rate, most_messages, most_ms, least_answers_per_s }
}

fn main() -> ExitCode {
    let mut all_hold = true;
    println!(
        "lin-kv on 3 nodes       answers   msgs  one by     read ms          write ms\n\
         latency    asked for      per s  per op     one  median  longest  median  longest"
    );
    for figure in FIGURES {
        all_hold &= figure.measure();
    }
    pairs::print_head();
    let figure = beside_one_node();
    println!("{:<34}{figure}", "lin-kv, 3 nodes beside 1");
    if all_hold && figure.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Figure {
    /// Prints a line, and tells whether the bounds hold.
    fn measure(&self) -> bool {
        let Figure { latency_ms, most_messages, most_ms, .. } = *self;
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

/// What a run cost.
struct Costs {
    answers: f64,
    messages: f64,
    one_by_one: f64,
    /// The median and the longest, in milliseconds.
    read: [f64; 2],
    write: [f64; 2],
}

impl Costs {
    fn of(report: &Report) -> Costs {
        report.assert_valid();
        let leader = leader(report);
        let ends = report.history.clients().filter(|op| op.kind != Kind::Invoke && op.time > LED);
        let (mut times, mut messages) = ([Vec::new(), Vec::new()], Vec::new());
        for end in ends {
            assert!(end.kind != Kind::Info, "somebody was not answered: {report}");
            let leads = report.node_of(end).as_deref() == Some(leader);
            messages.push(one_by_one(end, leads));
            if let Some(begin) = report.history.invocation(end) {
                let took = Duration::from_nanos(end.time - begin.time);
                times[usize::from(end.f != "read")].push(took.as_secs_f64() * 1e3);
            }
        }
        let count = messages.len() as f64;
        let last = report.history.ops().last().map_or(LED, |op| op.time);
        let [read, write] = times.map(|times| {
            let longest = times.iter().copied().fold(0.0, f64::max);
            [pairs::median(times), longest]
        });
        Costs {
            answers: count / Duration::from_nanos(last - LED).as_secs_f64(),
            messages: report.servers.msgs_per_op.expect("there were operations"),
            one_by_one: messages.iter().sum::<f64>() / count,
            read,
            write,
        }
    }
}

/// How many messages an operation takes if it is the only one.
fn one_by_one(op: &Op, leads: bool) -> f64 {
    match (op.f == "read", leads) {
        (true, false) => 2.0,
        (_, true) => 4.0,
        (false, false) => 6.0,
    }
}

/// Who was the leader all the time.
fn leader(report: &Report) -> &str {
    let mut leaders: Vec<&str> = report
        .trace
        .lines()
        .filter(|line| line.contains(" Send ") && line.contains(r#""append_entries":"#))
        .filter_map(|line| line.split(' ').nth(3))
        .collect();
    leaders.dedup();
    assert_eq!(leaders.len(), 1, "nothing went wrong, so there was one leader");
    leaders[0]
}

/// The time of an operation on three nodes and on one, the checker's included.
fn beside_one_node() -> pairs::Figure {
    let run = |nodes| {
        let concurrency = "120".parse().expect("a concurrency");
        let time_limit = Duration::from_secs(2);
        let test = Test { nodes, concurrency, rate: 1000.0, time_limit, ..test(10) };
        time(|| test.run(lin_kv::LinKv::new).assert_valid())
    };
    pairs::Figure::slower(SLOWER, 2000, alternate(|| run(3), || run(1)))
}
