//! The proof, in virtual time.

mod leaders;
mod misuse;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eddy::history::{Kind, Op};
use eddy::{Fault, Latency, Report, Strike, Test, Workload, seeds};

use super::*;

const FAULTS: [Fault; 6] =
    [Fault::Partition, Fault::OneWay, Fault::Loss, Fault::Duplicate, Fault::Kill, Fault::Pause];

fn challenge(nodes: usize) -> Test {
    Test {
        workload: Workload::LinKv,
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

/// Whether an operation was answered: with what it asked for, or with a refusal that is a fact of
/// the store (20, 22).
fn is_answered(end: &Op) -> bool {
    let is_fact = |error: &eddy::edn::Value| {
        let error = error.to_string();
        error.contains(":key-does-not-exist") || error.contains(":precondition-failed")
    };
    end.kind == Kind::Ok || end.kind == Kind::Fail && end.error.as_ref().is_some_and(is_fact)
}

/// How many operations were answered, and how many there were.
fn answered(report: &Report) -> [usize; 2] {
    let answers = report.history.clients().filter(|op| is_answered(op));
    [answers.count(), report.operations.invoked]
}

fn percent([answered, asked]: [usize; 2]) -> usize {
    answered * 100 / asked
}

/// The leader of each term, as it shows in what nodes say, and since when.
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
            assert_eq!(report.servers.sent, 0);
        }
    }
}

#[test]
fn whatever_the_seed_it_is_linearizable_under_all_faults_together() {
    for nodes in [3, 5] {
        let runs = seeds(|seed| {
            let faults = BTreeSet::from(FAULTS);
            let nemesis_interval = Duration::from_secs(2);
            let test = Test { faults, nemesis_interval, seed, trace: true, ..challenge(nodes) };
            let report = test.run(LinKv::new);
            report.assert_valid();
            (answered(&report), leaders(&report).len(), report.dropped, report.torn)
        });
        let worst = runs.iter().map(|run| percent(run.0)).min().unwrap_or_default();
        let (mut all, mut terms, mut dropped, mut torn) = ([0, 0], 0, 0, 0);
        for ([answered, asked], leaders, lost, spoiled) in &runs {
            all = [all[0] + answered, all[1] + asked];
            terms += leaders;
            dropped += lost;
            torn += spoiled;
        }
        let (seeds, percent) = (runs.len(), percent(all));
        println!(
            "{nodes} nodes, {seeds} seeds: {percent} % of {} answered, {worst} % at worst",
            all[1]
        );
        println!("{terms} terms had a leader, and none had two; {dropped} messages were dropped");
        assert!(percent >= 60, "only {percent} % were answered");
        assert!(terms > seeds && dropped > 0 && torn > 0, "no fault struck anything");
    }
}

#[test]
fn whatever_the_seed_each_fault_alone_leaves_it_linearizable() {
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
    let ends = report.history.clients().filter(|op| op.kind != Kind::Invoke).filter(is_alive);
    // The first leader is elected within a second.
    let later: Vec<&Op> = ends.filter(|op| op.time > 2_000_000_000).collect();
    assert!(later.len() > 500 && later.iter().all(|op| is_answered(op)), "{report}");
}

/// What an operation costs, and how long it takes, where all ways are equally long.
#[test]
fn messages_and_latencies_are_near_the_least() {
    #[track_caller]
    fn check(milliseconds: u64, rate: f64, most_messages: f64, longest_median: u64) {
        let report = apart(milliseconds, Test { rate, ..challenge(3) }).run(LinKv::new);
        report.assert_valid();
        let history = &report.history;
        let mut times: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for end in history.clients().filter(|op| op.time > 2_000_000_000 && is_answered(op)) {
            let took = history.invocation(end).map(|begin| (end.time - begin.time) / 100_000);
            times.entry(&end.f).or_default().extend(took);
        }
        let medians: BTreeMap<&str, [f64; 3]> = times
            .into_iter()
            .map(|(f, mut times)| {
                times.sort_unstable();
                let at = |percent: usize| times[(times.len() - 1) * percent / 100] as f64 / 10.0;
                (f, [at(50), at(95), at(100)])
            })
            .collect();
        let msgs_per_op = report.servers.msgs_per_op.unwrap();
        println!(
            "{milliseconds} ms, {rate}/s: {msgs_per_op:.2} msgs/op, median, 95 %, all: {medians:?}"
        );
        assert!(msgs_per_op < most_messages, "{msgs_per_op}");
        let longest = medians.values().map(|[median, ..]| *median).fold(0.0, f64::max);
        assert!(longest <= longest_median as f64, "{medians:?}");
    }
    check(0, 100.0, 99.0, 1000);
    check(10, 100.0, 99.0, 1000);
    check(100, 100.0, 99.0, 1000);
    check(0, 1000.0, 99.0, 1000);
    check(10, 1000.0, 99.0, 1000);
}
