//! The proof, in virtual time.

use std::collections::BTreeSet;
use std::time::Duration;

use eddy::history::Kind;
use eddy::{Fault, Report, Test, Workload, seeds};

use super::*;

const FAULTS: [Fault; 6] = [
    Fault::Partition,
    Fault::OneWay,
    Fault::Loss,
    Fault::Duplicate,
    Fault::Kill,
    Fault::Pause,
];

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

/// How many operations were answered, by what they asked for or by a refusal that the store gives
/// (20, 22), and how many there were.
fn answered(report: &Report) -> (usize, usize) {
    let clients = report.history.clients();
    let is_refusal = |op: &&eddy::history::Op| {
        op.error.as_ref().is_some_and(|error| {
            let error = error.to_string();
            error.contains("key-does-not-exist") || error.contains("precondition-failed")
        })
    };
    let answered = clients.filter(|op| match op.kind {
        Kind::Ok => true,
        Kind::Fail => is_refusal(&op),
        _ => false,
    });
    (answered.count(), report.operations.invoked)
}

#[test]
fn without_faults_everything_is_answered() {
    for nodes in [1, 2, 3, 4, 5] {
        let report = challenge(nodes).run(LinKv::new);
        report.assert_valid();
        let (answered, asked) = answered(&report);
        println!("{nodes} nodes: {answered} of {asked}, {report}");
    }
}

#[test]
fn whatever_the_seed_it_is_linearizable_under_all_faults() {
    for nodes in [3, 5] {
        let runs = seeds(|seed| {
            let faults = BTreeSet::from(FAULTS);
            let report = Test { faults, seed, ..challenge(nodes) }.run(LinKv::new);
            report.assert_valid();
            let (answered, asked) = answered(&report);
            (answered, asked)
        });
        let (answered, asked) = runs.iter().fold((0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
        let worst = runs.iter().map(|run| run.0 * 100 / run.1).min();
        println!("{nodes} nodes: {answered} of {asked}, {}%, worst {worst:?}", answered * 100 / asked);
    }
}
