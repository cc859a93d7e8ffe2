//! Nodes as people wrote them, in Python: what they do that is not by the book, and what becomes of
//! it. They are run with `python3`; without one, nothing is tested.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Outcome, Place, all_at_once};

/// A node, how it is run, and what comes of that: the exit status, and what is printed.
struct Row {
    node: &'static str,
    options: &'static str,
    status: i32,
    printed: &'static [&'static str],
}

const ROWS: [Row; 3] = [
    Row {
        // `"messages": null` while there is nothing, as a Go program has it.
        node: "null-for-empty.py",
        options: "-w broadcast --node-count 1 --rate 20 --time-limit 3 -- b",
        status: 0,
        printed: &[":valid? true", "Everything looks good!"],
    },
    Row {
        node: "null-for-empty.py",
        options: "-w g-set --node-count 1 --rate 20 --time-limit 3 -- g",
        status: 0,
        printed: &[":valid? true", "Everything looks good!"],
    },
    Row {
        // Two of three nodes hand clients' requests on to the first as they came.
        node: "lin-kv-forwards.py",
        options: "-w lin-kv --node-count 3 --concurrency 6 --rate 30 --time-limit 3",
        status: 0,
        printed: &[
            "Everything looks good!",
            // They count as messages of clients, by the names on them.
            ":servers {:send-count 0,",
            "warning: node n1 sent ",
            " messages in the name of others, the first as c",
            " to n0: {\"",
        ],
    },
];

#[test]
fn nodes_of_the_field_come_to_what_they_should() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3 to run the nodes in tests/field/nodes");
        return;
    }
    let nodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field/nodes");
    all_at_once(&ROWS, |number, Row { node, options, status, printed }| {
        let place = Place::new(&format!("field{number}"));
        let bin = nodes.join(node);
        let outcome = place.eddy(&format!("test --bin {} --seed 7 {options}", bin.display()));
        let Outcome { stdout, .. } = outcome.expect(*status, "");
        for printed in *printed {
            assert!(stdout.contains(printed), "expected {printed:?} of {node} in\n{stdout}");
        }
    });
}
