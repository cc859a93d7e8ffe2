//! Nodes in Python with common mistakes, and the results of their tests. They need `python3`;
//! without it, nothing is tested.

use std::path::Path;
use std::process::Command;

use crate::common::{CommandResult, Place, all_at_once};

/// A node, its options, the expected exit status and output.
struct NodeCase {
    node: &'static str,
    options: &'static str,
    status: i32,
    printed: &'static [&'static str],
}

const ECHO: &str = "-w echo --node-count 1 --rate 10 --time-limit 2";

const BROADCAST: &str = "-w broadcast --node-count 5 --rate 10 --time-limit 3";

const ROWS: [NodeCase; 14] = [
    NodeCase {
        // It encodes an empty list as `"messages": null`, as Go does with a nil slice.
        node: "null-for-empty.py",
        options: "-w broadcast --node-count 1 --rate 20 --time-limit 3 -- b",
        status: 0,
        printed: &[":valid? true", "Everything looks good!"],
    },
    NodeCase {
        node: "null-for-empty.py",
        options: "-w g-set --node-count 1 --rate 20 --time-limit 3 -- g",
        status: 0,
        printed: &[":valid? true", "Everything looks good!"],
    },
    NodeCase {
        // Two of three nodes forward clients' requests unchanged to the first.
        node: "lin-kv-forwards.py",
        options: "-w lin-kv --node-count 3 --concurrency 6 --rate 30 --time-limit 3",
        status: 0,
        printed: &[
            "Everything looks good!",
            // By their `src`, they count as messages of clients.
            ":servers {:send-count 0,",
            "warning: node n1 sent ",
            " messages in the name of others, the first as c",
            " to n0: {\"",
        ],
    },
    NodeCase {
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
    NodeCase {
        node: "broadcast-twice.py",
        options: BROADCAST,
        status: 0,
        printed: &[
            "warning: nodes n0, n1, n2, n3 and n4 sent ",
            " replies to requests that had been answered already, the first, broadcast by c",
        ],
    },
    NodeCase {
        node: "echo-to-itself.py",
        options: ECHO,
        status: 1,
        printed: &[
            "reason: n0 did not answer its only echo request within 5 s\n",
            " to n0, which is itself, in answer to the echo of c2: expected \"dest\": \"c2\", the \
             src of the request, in {\"type\":",
        ],
    },
    NodeCase {
        // It used these ids in requests to other nodes, never to itself.
        node: "echo-to-itself-and-asks.py",
        options: "-w echo --node-count 2 --rate 10 --time-limit 2",
        status: 1,
        printed: &[", which is itself, in answer to the echo of c", "the request, in {\"type\":"],
    },
    NodeCase {
        node: "error-without-code.py",
        options: ECHO,
        status: 1,
        printed: &[
            " errors without a code, the first, of echo: code is missing, expected an integer such \
             as 11, temporarily unavailable: {\"type\":",
        ],
    },
    NodeCase {
        node: "no-in-reply-to.py",
        options: ECHO,
        status: 1,
        printed: &[
            "node n0 sent a message to a client that is not a reply to any of its requests, ",
            "to c2: in_reply_to is missing, expected 1, the msg_id of its request, echo: {\"type\":",
        ],
    },
    NodeCase {
        node: "never-answers-broadcast.py",
        options: BROADCAST,
        status: 1,
        printed: &[" to 5 nodes was answered within 5 s: n0, n1, n2, n3 and n4\n"],
    },
    NodeCase {
        node: "strings-for-numbers.py",
        options: BROADCAST,
        status: 1,
        printed: &[
            "reason: all ",
            " lost values were read as strings: 0 was added, \"0\" was read\n",
        ],
    },
    NodeCase {
        // It stores nothing durably, and is killed after keys were written. Nothing shows if the
        // next operation on a key is a write, so there are ten keys.
        node: "lin-kv-forgets.py",
        options: "-w lin-kv --node-count 1 --concurrency 20n --rate 60 --time-limit 10 --nemesis \
                  kill --nemesis-interval 1",
        status: 1,
        printed: &["reason: key ", " was refused because the key did not exist, but key "],
    },
    NodeCase {
        node: "never-answers-read.py",
        options: "-w g-counter --node-count 1 --rate 10 --time-limit 2",
        status: 1,
        printed: &["reason: n0 answered none of "],
    },
    NodeCase {
        // Its error is on STDERR.
        node: "crashes-later.py",
        options: BROADCAST,
        status: 255,
        printed: &[],
    },
];

#[test]
fn nodes_with_common_mistakes_get_the_expected_verdicts() {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has to have python3");
        eprintln!("skipped: there is no python3 to run the nodes in tests/field/nodes");
        return;
    }
    let nodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field/nodes");
    all_at_once(&ROWS, |number, NodeCase { node, options, status, printed }| {
        let place = Place::new(&format!("field{number}"));
        let bin = nodes.join(node);
        let outcome = place.eddy(&format!("test --bin {} --seed 7 {options}", bin.display()));
        let CommandResult { stdout, .. } = outcome.expect(*status, "");
        for printed in *printed {
            assert!(stdout.contains(printed), "expected {printed:?} of {node} in\n{stdout}");
        }
    });
}
