//! Histories from other tools, judged by `eddy analyze`.

use crate::common::Place;

/// A history of `tests/field`, options, the exit status, and expected output.
const HISTORIES: &[(&str, &str, i32, &[&str])] = &[
    ("broadcast-only", "", 1, &["the only broadcast was not answered within 1 s"]),
    (
        "broadcast-only",
        "-w g-set",
        1,
        &["no operation of g-set (add, read)", "did you mean broadcast?"],
    ),
    (
        "counter-no-read-succeeded",
        "",
        1,
        &["the only read was not answered within 4 s", "same with -w g-counter or g-set"],
    ),
    (
        "counter-no-read-succeeded",
        "-w g-counter",
        1,
        &["the only read was not answered within 4 s", ":unknown"],
    ),
    (
        "counter-no-read-succeeded",
        "-w pn-counter",
        1,
        &["the only read was not answered within 4 s"],
    ),
    ("counter-no-read-succeeded", "-w g-set", 1, &["the only read was not answered within 4 s"]),
    ("object-address", "", 1, &["the only write did not", "0 {:linearizable {:valid? true"]),
    ("one-register-cas", "", 0, &[":valid? true"]),
    ("one-register-stale-read", "", 1, &["read 1 at index 5 by process 1, but the register was 2"]),
    ("overlapping-writes", "", 1, &["is not linearizable"]),
    ("ratio-decimal-instant", "", 0, &["0 {:linearizable {:valid? true"]),
    ("unknown-operation", "", 254, &["operations read, transfer. The workloads are broadcast ("]),
    ("unknown-operation", "-w pn-counter", 2, &["no successful final", "are not of", "transfer"]),
    ("unknown-operation", "-w g-set", 2, &["read {\"0\":60,\"1\":40} at index 1, not a list"]),
    ("unknown-operation", "-w echo", 2, &["no operation of echo (echo); the history has read (2"]),
];

#[test]
fn histories_from_other_tools_are_judged_or_rejected_with_a_reason() {
    let place = Place::new("field");
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/field");
    for (name, options, status, words) in HISTORIES {
        let outcome = place.eddy(&format!("analyze {directory}/{name}.edn {options}"));
        let printed = outcome.stdout.clone() + &outcome.stderr;
        // Errors are wrapped.
        let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(outcome.status, Some(*status), "{name} {options}: {printed}");
        for words in *words {
            assert!(printed.contains(words), "{name} {options}: {words:?} in {printed}");
        }
    }
}
