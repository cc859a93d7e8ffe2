//! Nodes as people wrote them, in Python: what they do that is not by the book, and what becomes of
//! it. They are run with `python3`; without one, nothing is tested.

use std::path::Path;
use std::process::Command;

use crate::common::{Outcome, Place, all_at_once};

/// A node, how it is run, and what comes of that: the exit status, and what is printed.
struct Row {
    node: &'static str,
    options: &'static str,
    status: i32,
    printed: &'static [&'static str],
}

const ECHO: &str = "-w echo --node-count 1 --rate 10 --time-limit 2";

const BROADCAST: &str = "-w broadcast --node-count 5 --rate 10 --time-limit 3";

const ROWS: [Row; 14] = [
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
    Row {
        node: "echo-twice.py",
        options: ECHO,
        status: 0,
        printed: &[
            "Everything looks good!",
            "warning: node n0 sent ",
            " replies to requests that had been answered already, the first, echo by c2, whose \
             msg_id was 1: {\"type\":",
            ", and then the same\n",
        ],
    },
    Row {
        node: "broadcast-twice.py",
        options: BROADCAST,
        status: 0,
        printed: &[
            "warning: nodes n0, n1, n2, n3 and n4 sent ",
            " replies to requests that had been answered already, the first, broadcast by c",
        ],
    },
    Row {
        node: "echo-to-itself.py",
        options: ECHO,
        status: 1,
        printed: &[
            "because n0 did not answer its only echo request within 5 s\n",
            " to n0, which is itself, answers echo by c2: expected \"dest\": \"c2\", the src of \
             the request: {\"type\":",
        ],
    },
    Row {
        // It has asked others with these numbers, and never itself.
        node: "echo-to-itself-and-asks.py",
        options: "-w echo --node-count 2 --rate 10 --time-limit 2",
        status: 1,
        printed: &[", which is itself, answers echo by c", "the src of the request: {\"type\":"],
    },
    Row {
        node: "error-without-code.py",
        options: ECHO,
        status: 1,
        printed: &[
            " errors without a code, the first, of echo: code is missing, expected an integer such \
             as 11, temporarily unavailable: {\"type\":",
        ],
    },
    Row {
        node: "no-in-reply-to.py",
        options: ECHO,
        status: 1,
        printed: &[
            "node n0 sent a message to a client that answers no request, ",
            "to c2: in_reply_to is missing, expected 1, the msg_id of its request, echo: {\"type\":",
        ],
    },
    Row {
        node: "never-answers-broadcast.py",
        options: BROADCAST,
        status: 1,
        printed: &[" was answered within 5 s, by any of 5 nodes: n0, n1, n2, n3 and n4\n"],
    },
    Row {
        node: "strings-for-numbers.py",
        options: BROADCAST,
        status: 1,
        printed: &[
            "because all ",
            " lost values are in reads as strings: 0 was added, and reads have \"0\"\n",
        ],
    },
    Row {
        // It keeps nothing, and is killed when keys have been written. A write may be the first
        // that a key sees afterwards, and then nothing shows: there are ten keys.
        node: "lin-kv-forgets.py",
        options: "-w lin-kv --node-count 1 --concurrency 20n --rate 60 --time-limit 10 --nemesis \
                  kill --nemesis-interval 1",
        status: 1,
        printed: &["because key ", " was refused because the key did not exist, but key "],
    },
    Row {
        node: "never-answers-read.py",
        options: "-w g-counter --node-count 1 --rate 10 --time-limit 2",
        status: 1,
        printed: &["because n0 answered none of "],
    },
    Row {
        // What it says of that is on STDERR.
        node: "crashes-later.py",
        options: BROADCAST,
        status: 255,
        printed: &[],
    },
];

#[test]
fn nodes_of_the_field_come_to_what_they_should() {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has to have python3");
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
