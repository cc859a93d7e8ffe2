//! For each fault, a node with a mistake that this fault reveals and all others do not.
//!
//! Every mistake is one that people make. The same node without it survives all seven faults,
//! except for values that only killed nodes had. One mistake needs no fault, only a service as weak
//! as its consistency model permits.

mod allocator;
mod counter;
mod gossiper;
mod lease;
mod seq_kv_set;

use std::time::Duration;

use eddy::checkers::Contradiction;
use eddy::latency::Latency;
use eddy::{Fault, Report, Test, Validity, Workload, workload};

/// The seeds within which the fault must reveal the mistake.
const SEEDS: u64 = 50;

/// The seeds with which each other fault must not reveal it. More are slower; fewer prove less.
const OTHER_SEEDS: u64 = 3;

fn test(workload: &'static dyn Workload, fault: Fault, seed: u64) -> Test {
    let mean = Duration::from_millis(10);
    Test {
        workload,
        nodes: 4,
        rate: 10.0,
        time_limit: Duration::from_secs(20),
        latency: Latency { mean, ..Latency::default() },
        faults: [fault].into(),
        // A pause is short enough that a client still waits for its reply at the end.
        nemesis_interval: Duration::from_secs(if fault == Fault::Pause { 2 } else { 8 }),
        seed,
        ..Test::default()
    }
}

/// Checks that one fault reveals a mistake, that the others do not, and that no fault finds
/// anything without the mistake. The smallest test must have a single strike, of that fault.
#[track_caller]
fn check(
    fault: Fault,
    workload: &'static dyn Workload,
    run: impl Fn(&Test, bool) -> Report,
    most_nodes: usize,
) {
    for other in Fault::ALL {
        for seed in 0..OTHER_SEEDS {
            let test = test(workload, other, seed);
            let right = run(&test, false);
            assert!(right.is_valid_but_for_kills(), "without a mistake: {right}");
            let wrong = run(&test, true);
            let is_found = !wrong.is_valid_but_for_kills();
            assert!(!is_found || other == fault, "not by {fault} alone: {wrong}");
        }
    }
    let mut runs = (0..SEEDS).map(|seed| run(&test(workload, fault, seed), true));
    let found = runs.find(|report| !report.is_valid_but_for_kills());
    let found = found.unwrap_or_else(|| panic!("{SEEDS} seeds of {fault} do not find it"));
    let is_of_workload = |index: &usize| {
        let op = &found.history.ops()[*index];
        matches!(
            (workload.name(), &*op.f),
            ("unique-ids", "generate")
                | ("broadcast", "broadcast" | "read")
                | ("pn-counter" | "g-counter", "add" | "read")
        )
    };
    assert!(!found.contradictions.is_empty(), "{found}");
    for Contradiction { description, operations, .. } in &found.contradictions {
        let is_named = !operations.is_empty() && operations.iter().all(is_of_workload);
        assert!(is_named, "{description}: {operations:?}");
    }
    let smallest = found.smallest_failing_test(Report::is_valid_but_for_kills).unwrap();
    let kinds: Vec<Fault> = smallest.strikes.iter().map(|strike| strike.effect.fault()).collect();
    assert_eq!(kinds, [fault], "{smallest:?}");
    assert!(smallest.nodes <= most_nodes, "{smallest:?}");
    assert!(smallest.time_limit < found.test().time_limit, "{smallest:?}");
    let repeated = run(&smallest, true);
    assert!(!repeated.is_valid_but_for_kills(), "what was found does not fail: {repeated}");
}

#[test]
fn a_kill_reveals_a_counter_that_restarts_at_one() {
    let run =
        |test: &Test, is_wrong| test.run(move |node| counter::CountedIds::new(node, is_wrong));
    check(Fault::Kill, &workload::UniqueIds, run, 1);
}

#[test]
fn a_pause_reveals_a_lease_that_trusts_its_clock() {
    let run = |test: &Test, is_wrong| test.run(move |node| lease::LeasedIds::new(node, is_wrong));
    check(Fault::Pause, &workload::UniqueIds, run, 3);
}

#[test]
fn a_duplicate_reveals_a_handler_that_is_not_idempotent() {
    let run =
        |test: &Test, is_wrong| test.run(move |node| allocator::AllocatedIds::new(node, is_wrong));
    check(Fault::Duplicate, &workload::UniqueIds, run, 3);
}

#[test]
fn a_loss_reveals_a_message_that_is_not_retransmitted() {
    check(Fault::Loss, &workload::Broadcast, gossiper::run(gossiper::GossipMistake::NoRetry), 3);
}

#[test]
fn a_one_way_link_reveals_a_node_that_waits_for_its_peer_to_recover() {
    check(
        Fault::OneWay,
        &workload::Broadcast,
        gossiper::run(gossiper::GossipMistake::EvictsSilent),
        3,
    );
}

#[test]
fn a_slow_link_reveals_a_timeout_that_is_too_short() {
    check(Fault::Slow, &workload::Broadcast, gossiper::run(gossiper::GossipMistake::EvictsSlow), 3);
}

#[test]
fn a_sequential_store_reveals_a_node_that_trusts_stale_reads() {
    let run =
        |test: &Test, is_wrong| test.run(move |node| seq_kv_set::SeqKvSet::new(node, is_wrong));
    let quiet = |seed| Test { faults: [].into(), ..test(&workload::Broadcast, Fault::Kill, seed) };
    for seed in 0..OTHER_SEEDS {
        run(&quiet(seed), false).assert_valid();
        for fault in Fault::ALL {
            run(&test(&workload::Broadcast, fault, seed), false).assert_valid();
        }
    }
    let mut runs = (0..SEEDS).map(|seed| run(&quiet(seed), true));
    let found = runs.find(|report| report.valid == Validity::Invalid);
    let found = found.unwrap_or_else(|| panic!("{SEEDS} seeds do not find it"));
    let smallest = found.smallest_failing_test(|report| report.valid != Validity::Invalid).unwrap();
    assert!(smallest.nodes <= 2, "one to write, one to read: {smallest:?}");
}
