//! Shrinking: a failing test leads to the smallest test that fails in the same way.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use eddy::{Fault, Report, Strike, Test, Validity, workload};
use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Generate,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    GenerateOk { id: String },
}

/// Counts from one in every incarnation, so its ids repeat after a kill.
struct RestartingCounter {
    node: Node,
    count: Cell<u64>,
}

#[async_trait(?Send)]
impl Handler for RestartingCounter {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, _request: Request) -> anyhow::Result<Reply> {
        self.count.set(self.count.get() + 1);
        Ok(Reply::GenerateOk { id: format!("{}-{}", self.node.id(), self.count.get()) })
    }
}

fn run(test: &Test) -> Report {
    test.run(|node| RestartingCounter { node, count: Cell::new(0) })
}

fn large() -> Test {
    Test {
        workload: &workload::UniqueIds,
        nodes: 7,
        rate: 50.0,
        time_limit: Duration::from_secs(20),
        faults: Fault::ALL.into(),
        nemesis_interval: Duration::from_secs(2),
        seed: 3,
        ..Test::default()
    }
}

fn is_valid(report: &Report) -> bool {
    report.valid == Validity::Valid
}

#[test]
fn one_node_and_the_one_strike_that_matters_remain() {
    let report = run(&large());
    assert!(report.strikes.len() > 20, "{report}");
    let smallest = report.smallest_failing_test(is_valid).unwrap();
    let [Strike { effect, .. }] = &smallest.strikes[..] else { panic!("{smallest:?}") };
    assert_eq!((effect.fault(), smallest.nodes), (Fault::Kill, 1), "{smallest:?}");
    assert!(smallest.time_limit < Duration::from_secs(2), "{smallest:?}");
    let again = run(&smallest);
    assert!(again.operations.invoked < 10, "{again}");
    assert_eq!(again.valid, Validity::Invalid, "{again}");
    assert_eq!(run(&large()).smallest_failing_test(is_valid), Some(smallest), "found once more");
}

#[test]
fn a_test_that_does_not_fail_is_not_shrunk() {
    let report = run(&Test { faults: [].into(), ..large() });
    assert_eq!(report.smallest_failing_test(is_valid), None);
}

#[test]
fn the_smallest_test_fails_in_the_same_way() {
    // Kills cause duplicate ids, but the predicate is about something else.
    let report = run(&large());
    let few = |report: &Report| report.operations.invoked < 5;
    let smallest = report.smallest_failing_test(few).unwrap();
    let again = run(&smallest);
    assert_eq!((again.valid, few(&again)), (Validity::Invalid, false), "{again}");
}

#[test]
fn the_message_has_the_seed_the_command_and_the_smallest_test() {
    let report = run(&large());
    let smallest = report.smallest_failing_test(is_valid).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| report.assert_valid())).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    let [strike] = &smallest.strikes[..] else { panic!("{smallest:?}") };
    let from = ["Duration::from_millis(", &strike.from.as_millis().to_string()].concat();
    for expected in [
        "the test should be valid: unique-ids with 7 nodes, seed 3: INVALID",
        "\nTo repeat it: ",
        "cargo test -p eddy --test it -- --exact \
         shrink::the_message_has_the_seed_the_command_and_the_smallest_test\n",
        " tests, the smallest that fails in the same way has 1 node, ",
        "\nTest {\n    workload: &workload::UniqueIds,\n    nodes: 1,\n",
        "    strikes: vec![Strike::kill([\"n0\"], ",
        &from,
        "    ..Test::default()\n}\n",
        "\nIts history (> marks operations that contradict each other):\n\n",
        " s  0\t:invoke\t:generate\tnil\n",
        ":nemesis\t:info\t:kill\t{\"n0\" :killed}\n",
    ] {
        assert!(message.contains(expected), "expected {expected:?} in\n{message}");
    }
}

#[test]
fn a_strike_of_less_than_a_millisecond_leaves_a_test_that_can_be_run() {
    let from = Duration::from_micros(1_500_200);
    let strikes = vec![Strike::kill(["n0"], from, from + Duration::from_micros(300))];
    let report = run(&Test { nodes: 3, faults: [].into(), strikes, ..large() });
    let smallest = report.smallest_failing_test(is_valid).unwrap();
    assert_eq!(run(&smallest).valid, Validity::Invalid);
}

#[test]
fn strikes_without_end_can_be_shortened() {
    let strikes = vec![Strike::kill(["n0"], Duration::from_secs(1), Duration::MAX)];
    let test = Test { nodes: 3, faults: [].into(), strikes, trace: true, ..large() };
    // With its drawn strikes written out, it runs without a trace, so the predicate is true of it.
    let smallest = run(&test).smallest_failing_test(|report| report.trace.is_empty()).unwrap();
    assert_eq!((smallest.nodes, smallest.trace), (1, true), "{smallest:?}");
}

#[test]
fn strikes_that_faults_until_ended_are_named_with_that_end() {
    for from in [Duration::from_secs(1), Duration::from_micros(4_998_700)] {
        let faults_until = Duration::from_secs(5);
        let strikes = vec![Strike::kill(["n0"], from, Duration::MAX)];
        let test = Test { nodes: 3, faults: [].into(), strikes, faults_until, ..large() };
        let report = run(&test);
        assert_eq!(report.strikes[0].until, faults_until);
        let smallest = report.smallest_failing_test(is_valid).unwrap();
        assert_eq!((smallest.strikes.len(), smallest.faults_until), (1, Duration::MAX));
        assert_eq!(run(&smallest).valid, Validity::Invalid);
    }
    let test = Test { faults_until: Duration::from_secs(15), ..large() };
    let smallest = run(&test).smallest_failing_test(is_valid).unwrap();
    assert_eq!((smallest.strikes.len(), smallest.nodes), (1, 1), "{smallest:?}");
}
