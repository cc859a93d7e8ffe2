//! Every workload with a correct node, and with a mistake that the workload is meant to find. Each
//! node is a single server that keeps everything in memory.

mod counter;
mod log;
mod register;
mod set;
mod transactions;

use std::time::Duration;

use eddy::checkers::Contradiction;
use eddy::history::{Kind, Op};
use eddy::{Fault, Report, Strike, Test, Validity, Workload, workload};

/// A wrong node makes its mistake in one operation of this many. In more, some seeds would not show
/// it; in fewer, all would be too easy to find.
const WRONG_ONE_IN: usize = 20;

fn test(workload: &'static dyn Workload) -> Test {
    let concurrency = "4n".parse().unwrap_or_default();
    let time_limit = Duration::from_secs(5);
    Test { workload, rate: 200.0, concurrency, time_limit, ..Test::default() }
}

/// Runs the node with and without its mistake. With it, every seed must find and explain it.
#[track_caller]
fn check<H: glomers::Handler>(
    test: &Test,
    start: impl Fn(glomers::Node, bool) -> H + Copy + 'static,
    expected: &str,
) {
    for seed in 0..20 {
        let test = Test { seed, ..test.clone() };
        let right = test.run(move |node| start(node, false));
        right.assert_valid();
        assert!(right.operations.ok > 300, "{right}");
        assert_eq!((&right.reasons[..], &right.explanation[..]), (&[][..], &[][..]));
        let wrong = test.run(move |node| start(node, true));
        assert_eq!(wrong.valid, Validity::Invalid, "{wrong}");
        assert!(wrong.to_string().contains(expected), "{wrong}");
        assert_eq!(wrong.reasons.len(), 1, "{wrong}");
        // The verdict on a set names the lost values, and needs no explanation.
        assert_eq!(wrong.explanation.is_empty(), test.workload.name() == "g-set", "{wrong}");
        assert_eq!(right.contradictions, []);
        check_contradictions(&wrong);
    }
}

/// Checks that contradicting operations are in the history, and of functions that can be wrong.
#[track_caller]
fn check_contradictions(wrong: &Report) {
    let functions: &[&str] = match wrong.test().workload.name() {
        "g-counter" | "pn-counter" => &["read"],
        "g-set" => &["add", "read"],
        "kafka" => &["send", "poll"],
        "lin-kv" => &["read", "write", "cas"],
        _ => &["txn"],
    };
    assert!((1..=20).contains(&wrong.contradictions.len()), "{wrong}");
    for Contradiction { description, operations, value } in &wrong.contradictions {
        let ops = wrong.history.ops();
        let named = operations.iter().filter_map(|index| ops.iter().find(|op| op.index == *index));
        let named: Vec<&Op> = named.collect();
        assert_eq!(named.len(), operations.len(), "{description}");
        assert!(operations.is_sorted(), "{description}: {operations:?}");
        assert!(named.iter().all(|op| functions.contains(&&*op.f)), "{description}: {named:?}");
        assert!(named.iter().any(|op| op.kind != Kind::Invoke), "{description}: {named:?}");
        if wrong.test().workload.name() == "g-set" {
            let [add, .., read] = &named[..] else { panic!("{description}: {named:?}") };
            assert_eq!((&*add.f, Some(&add.value), &*read.f), ("add", value.as_ref(), "read"));
            let elements = read.value.as_sequence().unwrap_or_default();
            assert!(!elements.contains(&add.value), "{description}");
        }
    }
}

/// Runs the node twice under all faults, and again with another seed.
#[track_caller]
fn check_seed<H: glomers::Handler>(
    test: Test,
    start: impl Fn(glomers::Node, bool) -> H + Copy + 'static,
) {
    let faults = Fault::ALL.into_iter().collect();
    let nemesis_interval = Duration::from_secs(1);
    let test = Test { faults, nemesis_interval, nodes: 2, trace: true, ..test };
    let run = |seed| Test { seed, ..test.clone() }.run(move |node| start(node, true));
    let [one, same, other] = [1, 1, 2].map(run);
    assert_eq!(one.to_string(), same.to_string());
    assert_eq!((&one.results, &one.trace), (&same.results, &same.trace));
    assert_ne!(one.trace, other.trace);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    check_seed(test(&workload::GCounter), counter::CounterServer::new);
    check_seed(test(&workload::GSet), set::SetServer::new);
    check_seed(test(&workload::Kafka), log::LogServer::new);
    check_seed(test(&workload::LinKv), register::RegisterServer::new);
    check_seed(test(&workload::TxnListAppend), transactions::TxnServer::new);
    check_seed(test(&workload::TxnRwRegister), transactions::TxnServer::new);
}

#[test]
fn a_counter_that_forgets_to_add_is_found() {
    check(&test(&workload::GCounter), counter::CounterServer::new, "in final reads; expected ");
    check(&test(&workload::PnCounter), counter::CounterServer::new, "in final reads; expected ");
}

#[test]
fn a_set_that_forgets_an_element_is_found() {
    check(&test(&workload::GSet), set::SetServer::new, "lost after an acknowledgement or a read");
}

#[test]
fn a_log_that_assigns_an_offset_twice_is_found() {
    let test = Test {
        rate: 400.0,
        concurrency: "2n".parse().unwrap_or_default(),
        ..test(&workload::Kafka)
    };
    check(&test, log::LogServer::new, "inconsistent-offsets");
}

#[test]
fn a_register_that_returns_an_overwritten_value_is_found() {
    check(&test(&workload::LinKv), register::RegisterServer::new, "");
}

/// Maelstrom has no kills, and assumes that a refused operation did not happen. A kill is not found
/// if the first request after it is a write.
#[test]
fn a_register_without_storage_is_found_when_it_is_killed() {
    let kill = Strike::kill(["n0"], Duration::from_secs(2), Duration::from_secs(3));
    let start = |node| register::RegisterServer::new(node, false);
    let mut found = 0;
    for seed in 0..20 {
        let faults = [Fault::Partition].into();
        let test = Test { nodes: 1, seed, faults, ..test(&workload::LinKv) };
        let alive = test.run(start);
        alive.assert_valid();
        let lonely = "a single node has no links to others, so partitions struck nothing: try \
                      nodes: 3";
        assert_eq!(alive.warnings, [lonely]);
        let killed = Test { strikes: vec![kill.clone()], faults: [].into(), ..test }.run(start);
        assert_eq!(killed.warnings, [""; 0]);
        if killed.valid == Validity::Invalid {
            assert!(killed.to_string().contains("was refused because the"), "{killed}");
            check_contradictions(&killed);
            found += 1;
        }
    }
    assert!(found > 10, "{found} of 20");
}

/// Two clients per node share a key, so ten clients fit five nodes, or one, but not two.
#[test]
fn the_smallest_test_of_registers_is_valid() {
    let concurrency = "10".parse().unwrap_or_default();
    let test = Test { nodes: 5, concurrency, ..test(&workload::LinKv) };
    // Each node is correct by itself, but the nodes do not communicate.
    let start = |node| register::RegisterServer::new(node, false);
    let report = test.run(start);
    assert_eq!(report.valid, Validity::Invalid, "{report}");
    let smallest = report.smallest_failing_test(|report| report.valid == Validity::Valid);
    let smallest = smallest.expect("a test that fails has a smallest one");
    assert_eq!(smallest.run(start).valid, Validity::Invalid, "{smallest:?}");
}

#[test]
fn transactions_that_are_refused_and_yet_committed_are_found() {
    check(&test(&workload::TxnListAppend), transactions::TxnServer::new, "G1a");
    check(&test(&workload::TxnRwRegister), transactions::TxnServer::new, "G1a");
}
