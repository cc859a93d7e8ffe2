//! Tests of the whole node in eddy's simulation, in virtual time.

mod bit_rot;
mod far_behind;
mod leaders;
mod misuse;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eddy::history::{Kind, Op};
use eddy::{Fault, Latency, Report, Strike, Test, seeds, workload};

use super::*;

const FAULTS: [Fault; 6] =
    [Fault::Partition, Fault::OneWay, Fault::Loss, Fault::Duplicate, Fault::Kill, Fault::Pause];

fn challenge(nodes: usize) -> Test {
    Test {
        workload: &workload::LinKv,
        nodes,
        concurrency: "4n".parse().unwrap(),
        rate: 100.0,
        time_limit: Duration::from_secs(30),
        ..Test::default()
    }
}

fn apart(milliseconds: u64, test: Test) -> Test {
    let mean = Duration::from_millis(milliseconds);
    Test { latency: Latency { mean, ..Latency::default() }, ..test }
}

/// True if an operation has a response of the state machine: success, or a definite error that is
/// part of the store's semantics (20, 22).
fn is_answered(end: &Op) -> bool {
    let is_fact = |error: &eddy::edn::Value| {
        let error = error.to_string();
        error.contains(":key-does-not-exist") || error.contains(":precondition-failed")
    };
    end.kind == Kind::Ok || end.kind == Kind::Fail && end.error.as_ref().is_some_and(is_fact)
}

/// Number of operations that were answered, and of all.
fn answered(report: &Report) -> [usize; 2] {
    let answers = report.history.client_ops().filter(|op| is_answered(op));
    [answers.count(), report.operations.invoked]
}

fn percent([answered, asked]: [usize; 2]) -> usize {
    answered * 100 / asked
}

/// Leader of each term and the time of its first message, as found in the trace.
fn leaders(report: &Report) -> BTreeMap<u64, (String, Duration)> {
    let mut leaders: BTreeMap<u64, (String, Duration)> = BTreeMap::new();
    for line in report.trace.lines() {
        let [time, "Send", _, src, _, body] = line.splitn(6, ' ').collect::<Vec<_>>()[..] else {
            continue;
        };
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let said = body["raft"].as_array().into_iter().flatten();
        let leads = said.filter_map(|message| {
            ["append_entries", "install_snapshot"].iter().find_map(|kind| message.get(kind))
        });
        for term in leads.map(|message| message["term"].as_u64().unwrap()) {
            let since = Duration::from_nanos(time.parse().unwrap());
            let (first, _) = leaders.entry(term).or_insert_with(|| (src.to_owned(), since));
            assert_eq!(first, src, "two nodes lead term {term}");
        }
    }
    leaders
}

#[test]
fn without_faults_everything_is_answered_whatever_the_number_of_nodes() {
    for nodes in 1..=5 {
        let report = challenge(nodes).run(LinKv::new);
        report.assert_valid();
        assert_eq!(percent(answered(&report)), 100, "{report}");
        if nodes == 1 {
            assert_eq!(report.traffic.servers.sent, 0);
        }
    }
}

#[test]
fn for_any_seed_it_is_linearizable_under_all_faults_together() {
    let mut discarded = 0;
    for nodes in [3, 5] {
        let runs = seeds(|seed| {
            let faults = BTreeSet::from(FAULTS);
            let nemesis_interval = Duration::from_secs(2);
            let test = Test { faults, nemesis_interval, seed, trace: true, ..challenge(nodes) };
            let report = test.run(LinKv::new);
            report.assert_valid();
            (answered(&report), leaders(&report).len(), report.dropped, report.discarded_bytes)
        });
        let worst = runs.iter().map(|run| percent(run.0)).min().unwrap_or_default();
        let (mut all, mut terms, mut dropped) = ([0, 0], 0, 0);
        for ([answered, asked], leaders, lost, bytes) in &runs {
            all = [all[0] + answered, all[1] + asked];
            terms += leaders;
            dropped += lost;
            discarded += bytes;
        }
        let (seeds, percent) = (runs.len(), percent(all));
        println!(
            "{nodes} nodes, {seeds} seeds: {percent} % of {} answered, {worst} % at worst",
            all[1]
        );
        println!(
            "{terms} terms had a leader, none two; {dropped} messages dropped, \
             {discarded} bytes discarded by kills"
        );
        assert!(percent >= 60, "only {percent} % were answered");
        assert!(terms > seeds && dropped > 0, "no fault struck anything");
    }
    assert!(discarded > 0, "no kill discarded anything");
}

#[test]
fn for_any_seed_each_fault_alone_leaves_it_linearizable() {
    seeds(|seed| {
        for fault in Fault::ALL {
            let faults = [fault].into();
            let nemesis_interval = Duration::from_secs(3);
            let time_limit = Duration::from_secs(15);
            let test = Test { faults, nemesis_interval, time_limit, seed, ..challenge(3) };
            apart(10, test).run(LinKv::new).assert_valid();
        }
    });
}

#[test]
fn five_nodes_of_which_two_are_down_for_good_answer() {
    let killed = ["n1", "n3"];
    let strikes = vec![Strike::kill(killed, Duration::ZERO, Duration::MAX)];
    let report = apart(10, Test { strikes, ..challenge(5) }).run(LinKv::new);
    report.assert_valid();
    let is_alive = |op: &&Op| report.node_of(op).is_some_and(|node| !killed.contains(&&*node));
    let ends = report.history.client_ops().filter(|op| op.kind != Kind::Invoke).filter(is_alive);
    // The first leader is elected within a second.
    let later: Vec<&Op> = ends.filter(|op| op.time > 2_000_000_000).collect();
    assert!(later.len() > 500 && later.iter().all(|op| is_answered(op)), "{report}");
}

/// More than a thousand entries are applied meanwhile, so the log begins after those that n1 has.
#[test]
fn a_node_that_was_down_for_long_gets_a_snapshot_and_takes_part_again() {
    let [from, until, later] = [3, 20, 25].map(Duration::from_secs);
    // In the end n1 is needed for a majority, and has the former entries only as a snapshot.
    let strikes =
        vec![Strike::kill(["n1"], from, until), Strike::kill(["n2"], later, Duration::MAX)];
    let test = Test { strikes, rate: 300.0, trace: true, ..challenge(3) };
    let report = apart(1, test).run(LinKv::new);
    report.assert_valid();
    let is_sent = |line: &&str| line.contains(" Send ") && line.contains("install_snapshot");
    let sent: Vec<&str> = report.trace.lines().filter(is_sent).collect();
    assert!(!sent.is_empty() && sent.len() < 10, "{} snapshots were sent", sent.len());
    let end = Duration::from_secs(28).as_nanos();
    let last =
        report.history.client_ops().filter(|op| u128::from(op.time) > end && is_answered(op));
    assert!(last.count() > 100, "{report}");
}

/// Messages are reordered, so one follower or the other is always behind.
#[test]
fn a_follower_that_is_only_slow_gets_no_snapshot() {
    let [mean, time_limit] = [10, 15_000].map(Duration::from_millis);
    let latency = Latency { mean, distribution: "exponential".parse().unwrap() };
    let concurrency = "40n".parse().unwrap();
    let load = Test { concurrency, rate: 1000.0, time_limit, trace: true, ..challenge(3) };
    let report = Test { latency, ..load }.run(LinKv::new);
    report.assert_valid();
    assert!(report.ok_count("write") + report.ok_count("cas") > 3000, "{report}");
    assert!(!report.trace.contains("install_snapshot"));
}

/// Messages and latency of an operation, where every message takes the same time. A read takes two
/// messages in sequence: to the leader and back, or at the leader one round trip. A write takes
/// four, or two at the leader, and a sync.
#[test]
fn messages_and_latencies_are_near_the_least() {
    #[track_caller]
    fn check(milliseconds: u64, rate: f64, most_messages: f64, most_for: [u64; 2]) {
        let report = apart(milliseconds, Test { rate, ..challenge(3) }).run(LinKv::new);
        report.assert_valid();
        let messages = report.traffic.servers.msgs_per_op.unwrap();
        let [read, write] = ["read", "write"].map(|f| median(&report, f));
        println!(
            "{milliseconds} ms, {rate}/s: {messages:.2} msgs/op, medians: read {:.1} ms, write \
             {:.1} ms",
            read.as_secs_f64() * 1e3,
            write.as_secs_f64() * 1e3
        );
        assert!(messages < most_messages);
        assert!([read, write] < most_for.map(Duration::from_millis));
    }
    // Bounds are at most an eighth above the values when this was written.
    check(0, 100.0, 4.8, [1, 5]);
    check(10, 100.0, 2.95, [34, 52]);
    check(100, 100.0, 3.05, [330, 560]);
    check(10, 1000.0, 1.8, [30, 54]);
}

/// Median latency of answered operations, once there was a leader.
fn median(report: &Report, f: &str) -> Duration {
    let history = &report.history;
    let ends = history.client_ops().filter(|op| op.f == f && op.time > 2_000_000_000);
    let took = ends.filter(|op| is_answered(op)).filter_map(|end| {
        history.invocation(end).map(|begin| Duration::from_nanos(end.time - begin.time))
    });
    let mut times: Vec<Duration> = took.collect();
    times.sort_unstable();
    times[times.len() / 2]
}
