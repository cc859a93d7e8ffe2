//! Small histories, good and bad, and then many that are made up.

mod mutations;
mod oracle;
mod simulation;

use super::{super::testing, *};

/// A history from a story, each of whose lines is an operation from its beginning to its end:
/// `0 send a 1 0` (process, key, message, offset; `?` and `!` in place of the offset if the
/// outcome is unknown or a failure), `0 poll a 0:1 1:2 b 0:7`, `0 assign a b`, or `0 txn` and
/// its parts in EDN. Every line takes 20 ms.
#[track_caller]
fn story(text: &str) -> History {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let ops = lines.map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let (kind, begun, ended) = match words[1..] {
            ["send", key, message, end] => {
                let begun = format!("[[:send \"{key}\" {message}]]");
                match end {
                    "?" => ("info", begun.clone(), begun),
                    "!" => ("fail", begun.clone(), begun),
                    _ => ("ok", begun, format!("[[:send \"{key}\" [{end} {message}]]]")),
                }
            }
            ["assign", ref keys @ ..] => {
                let keys: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
                let keys = format!("[{}]", keys.join(" "));
                ("ok", keys.clone(), keys)
            }
            ["poll", ref polled @ ..] => ("ok", "[[:poll]]".to_owned(), polls(polled)),
            ["txn", ..] => {
                let value = words[2..].join(" ");
                ("ok", value.clone(), value)
            }
            _ => panic!("no operation: {line}"),
        };
        let (process, f) = (words[0], words[1]);
        format!("{process} invoke {f} {begun}\n{process} {kind} {f} {ended}\n")
    });
    testing::history(&ops.collect::<String>())
}

/// The value of a poll: words are keys, or an offset and a message of the last key.
fn polls(words: &[&str]) -> String {
    let mut polled: Vec<String> = Vec::new();
    for word in words {
        match (word.split_once(':'), polled.last_mut()) {
            (Some((offset, message)), Some(last)) => {
                last.push_str(&["[", offset, " ", message, "] "].concat());
            }
            _ => polled.push(format!("\"{word}\" [")),
        }
    }
    format!("[[:poll {{{}}}]]", polled.join("], ") + if polled.is_empty() { "" } else { "]" })
}

/// The types of errors that a story has, as results show them, and the verdict.
#[track_caller]
fn check(text: &str, valid: Validity, errors: &str) -> Kafka {
    let kafka = super::check(&story(text));
    let shown = kafka.to_edn();
    assert_eq!(shown.get("error-types").unwrap().to_string(), errors);
    assert_eq!(kafka.valid, valid);
    assert_eq!(kafka.explanation().is_empty(), valid == Validity::Valid);
    assert_eq!(kafka.reason().is_none(), valid == Validity::Valid);
    kafka
}

/// What a story looks like that is valid, for others to end with.
const ALL_POLLED: &str = "
    0 send a 1 0
    0 send a 2 1
    0 send a 3 2
    1 assign a
    1 poll a 0:1 1:2
    1 poll a 2:3";

const BAD: Validity = Validity::Invalid;
const GOOD: Validity = Validity::Valid;

#[test]
fn a_log_that_is_polled_from_its_beginning_is_valid() {
    check(ALL_POLLED, GOOD, "()");
    check("0 send a 1 5\n1 assign a\n1 poll\n1 poll a 5:1\n1 poll a", GOOD, "()");
    check("0 send a 1 ?\n1 send a 2 7\n2 assign a\n2 poll a 3:1 7:2", GOOD, "()");
    check("0 send a 1 0\n1 send b 1 0\n2 assign a b\n2 poll a 0:1 b 0:1", GOOD, "()");
    let kafka = check("0 send a 1 !\n1 send a 2 ?\n1 poll\n1 poll", GOOD, "()");
    assert_eq!(kafka.info_txn_causes, [Value::Nil]);
}

#[test]
fn each_message_is_polled_after_the_one_before_it() {
    let sent = "0 send a 1 0\n0 send a 2 1\n0 send a 3 2\n2 poll a 0:1 1:2 2:3\n1 assign a\n";
    check(&format!("{sent}1 poll a 0:1\n1 poll a 2:3"), BAD, "(:poll-skip)");
    check(&format!("{sent}1 poll a 0:1 2:3"), BAD, "(:int-poll-skip)");
    check(&format!("{sent}1 poll a 1:2\n1 poll a 0:1"), BAD, "(:nonmonotonic-poll)");
    check(&format!("{sent}1 poll a 1:2\n1 poll a 1:2"), BAD, "(:nonmonotonic-poll)");
    check(&format!("{sent}1 poll a 1:2 0:1"), BAD, "(:int-nonmonotonic-poll)");
    check(&format!("{sent}1 poll a 0:1\n1 assign b\n1 poll a 2:3"), GOOD, "()");
    check(&format!("{sent}1 poll a 0:1\n1 assign a b\n1 poll a 2:3"), BAD, "(:poll-skip)");
    check(&format!("{sent}1 poll a 0:1\n3 poll a 2:3"), GOOD, "()");
}

#[test]
fn an_empty_poll_hides_a_step_from_upstream_but_not_from_us() {
    let sent = "0 send a 1 0\n0 send a 2 1\n0 send a 3 2\n2 assign a\n2 poll a 0:1 1:2 2:3\n";
    let skip = format!("{sent}1 assign a\n1 poll a 0:1\n1 poll a\n1 poll a 2:3");
    let warning = "key \"a\": process 1 polled 1 at offset 0 (index 13, 0.130 s), and next 3 at \
                   offset 2 (index 17, 0.170 s), but not 2 at offset 1, which process 0 sent \
                   (index 2 to 3, 0.030 s) (with an empty poll in between)";
    assert_eq!(check(&skip, GOOD, "()").warnings, [warning]);
    assert!(check(ALL_POLLED, GOOD, "()").warnings.is_empty());
    let unasked = check(&ALL_POLLED.replace("assign a", "assign b"), GOOD, "()").warnings;
    assert_eq!(
        unasked[0],
        "process 1 polled key \"a\" (index 9, 0.090 s), which it had not asked for; and one \
         more like it"
    );
}

#[test]
fn what_is_acknowledged_is_polled() {
    let lost = check("0 send a 1 0\n0 send a 2 1\n1 poll a 1:2", BAD, "(:lost-write :unseen)");
    let lines = [
        "lost-write (1): a message is left out below offsets that were polled",
        "  key \"a\": process 0 sent 1 (index 0 to 1, 0.010 s), acknowledged at offset 0, and \
         nobody ever polled it, though process 1 (index 5, 0.050 s) polled as far as offset 1",
        "unseen (1 message of 1 key): what is acknowledged is not polled by anybody",
        "  key \"a\": process 0 sent 1 (index 0 to 1, 0.010 s), acknowledged at offset 0, and \
         nobody ever polled it",
    ];
    assert_eq!(lost.explanation(), lines);
    assert_eq!(lost.reason().unwrap(), "lost-write (1), unseen (1 message of 1 key)");
    check("0 send a 1 0\n0 send a 2 1\n1 poll a 0:1", BAD, "(:unseen)");
    // Nothing follows from a send of which nobody knows whether it happened.
    check("0 send a 1 ?\n0 send a 2 1\n1 poll a 1:2", GOOD, "()");
    // Upstream's mistake about a key that only the last operation tells of.
    check("0 send a 1 ?\n1 poll a 0:1", BAD, "(:unseen)");
    check("0 send a 1 ?\n1 poll a 0:1\n1 poll", GOOD, "()");
}

#[test]
fn an_offset_has_one_message_and_a_message_one_offset() {
    let both = "0 send a 1 0\n0 send a 2 0\n1 poll a 0:1 0:2";
    check(both, BAD, "(:inconsistent-offsets)");
    let twice = "0 send a 1 0\n1 assign a\n1 poll a 0:1 1:1";
    let kafka = check(twice, BAD, "(:duplicate :int-nonmonotonic-poll)");
    assert_eq!(
        kafka.to_edn().get("duplicate").unwrap().to_string(),
        "{:count 1, :errs ({:key \"a\", :value 1, :count 2, :offsets [0 1]})}"
    );
    let moved = "0 send a 1 0\n0 send a 2 1\n1 poll a 0:2 1:1";
    check(moved, BAD, "(:duplicate :inconsistent-offsets)");
}

#[test]
fn what_is_polled_was_sent_before() {
    check("0 send a 1 !\n1 poll a 0:1\n1 poll", BAD, "(:G1a)");
    check("1 poll a 0:1\n0 send a 1 0", BAD, "(:G1c-realtime :strong-PL-2-cycle-exists)");
    check(
        "0 txn [[:send \"a\" [0 1]] [:poll {\"a\" [[0 1]]}]]\n0 poll",
        BAD,
        "(:precommitted-read)",
    );
}

#[test]
fn one_client_sends_in_the_order_of_the_log() {
    check("0 send a 1 1\n0 send a 2 0\n1 poll a 0:2 1:1", BAD, "(:nonmonotonic-send)");
    check("0 send a 1 1\n1 send a 2 0\n1 poll a 0:2 1:1", GOOD, "()");
    let both = "0 txn [[:send \"a\" [1 1]] [:send \"a\" [0 2]]]\n1 poll a 0:2 1:1";
    check(both, BAD, "(:int-nonmonotonic-send)");
    let apart =
        "0 txn [[:send \"a\" [0 1]] [:send \"a\" [2 2]]]\n1 send a 3 1\n1 poll a 0:1 1:3 2:2";
    check(apart, GOOD, "(:int-send-skip)");
    check("0 poll", BAD, "(:empty-transaction-graph)");
}

#[test]
fn upstream_fails_on_what_it_does_not_expect() {
    #[track_caller]
    fn check_unknown(text: &str, reason: &str) {
        let kafka = super::check(&story(text));
        assert_eq!(kafka.valid, Validity::Unknown);
        assert_eq!(kafka.reason().as_deref(), Some(reason));
        assert!(kafka.to_edn().get("error").is_some());
    }
    check_unknown(
        "0 send a 1 0\n1 poll a 0:1 1:99",
        "key \"a\": nobody sent 99: process 1 polled it (index 3, 0.030 s); Maelstrom's checker \
         fails on messages that come from nowhere",
    );
    check_unknown(
        "0 send a 1 0\n1 poll a 0:1 b",
        "polls returned key \"b\" and never a message of it, on which Maelstrom's checker fails; a \
         node should leave out of poll_ok the keys that it has nothing for",
    );
    check_unknown(
        "0 send a 1 0.5\n1 poll a",
        "0.5 is no offset: Maelstrom's checker fails on all but integers of 64 bits",
    );
}

#[test]
fn the_lag_of_a_poll_is_the_age_of_the_first_news_that_it_lacks() {
    #[track_caller]
    fn check(text: &str, lag: &str) {
        let kafka = super::check(&story(text)).to_edn();
        assert_eq!(kafka.get("worst-realtime-lag").unwrap().to_string(), lag);
    }
    check("0 send a 1 0", "{:time 0.0, :lag 0.0}");
    check("0 assign a\n1 poll", "{:time 0.0, :lag 0.0}");
    check("0 assign a\n0 poll", "{:time 0.02, :process 0, :key \"a\", :lag 0.0}");
    let news = "0 assign a\n1 send a 1 0\n1 send a 2 1\n0 poll a 0:1\n0 poll a 1:2";
    check(news, "{:time 0.06, :process 0, :key \"a\", :lag 0.01}");
    let none = "0 assign a\n1 send a 1 0\n1 send a 2 1\n0 poll";
    check(none, "{:time 0.06, :process 0, :key \"a\", :lag 0.03}");
}

#[test]
fn odd_histories_are_survived() {
    for text in [
        "0 ok poll [[:poll {\"a\" [[0 1]]}]]\n0 invoke poll [[:poll]]",
        "0 invoke send nil\n0 ok send [[:send]]",
        "0 ok poll [[:poll {\"a\" 7}]]\n0 ok poll [[:poll {\"a\" [7]}]]\n0 ok poll 5",
        "0 ok assign {}\n0 ok crash nil\n0 ok send [[:send nil [nil nil]]]\n0 ok poll [7 []]",
        "0 ok send [[:send \"a\" [-9223372036854775808 1]]]",
        "0 ok send [[:send \"a\" [9223372036854775807 1]]]\n0 ok poll [[:poll {\"a\" [[-1 1]]}]]",
        "nemesis info send [[:send \"a\" [0 1]]]\n0 ok send [[:send [1] [0 {}]]]",
    ] {
        let kafka = super::check(&testing::history(text));
        kafka.to_edn();
        assert_eq!(kafka.valid == GOOD, kafka.explanation().is_empty(), "{text}");
    }
}

#[test]
fn sends_and_polls_that_contradict_each_other_are_named() {
    #[track_caller]
    fn expect(text: &str, what: &str, operations: &[usize], message: Option<i64>) {
        let contradictions = super::check(&story(text)).contradictions();
        let name = what.split(':').next().unwrap();
        let found = contradictions.iter().find(|found| found.what.starts_with(name));
        let found = found.unwrap_or_else(|| panic!("{contradictions:?}"));
        assert_eq!((&*found.what, &found.operations[..]), (what, operations));
        assert_eq!(found.value, message.map(Value::Int));
    }
    let lost = "0 send a 1 0\n0 send a 2 1\n0 send b 3 0\n1 assign a\n1 poll a 1:2";
    expect(
        lost,
        "lost-write: key \"a\": process 0 sent 1 (index 0 to 1, 0.010 s), acknowledged at offset \
         0, and nobody ever polled it, though process 1 (index 9, 0.090 s) polled as far as offset \
         1",
        &[0, 1, 8, 9],
        Some(1),
    );
    expect(
        lost,
        "unseen: key \"a\": process 0 sent 1 (index 0 to 1, 0.010 s), acknowledged at offset 0, \
         and nobody ever polled it",
        &[0, 1, 8, 9],
        Some(1),
    );
    let skipped = "0 send a 1 0\n0 send a 2 1\n0 send a 3 2\n1 assign a\n1 poll a 0:1\n\
         1 poll a 2:3\n2 assign a\n2 poll a 0:1 1:2 2:3";
    expect(
        skipped,
        "poll-skip: key \"a\": process 1 polled 1 at offset 0 (index 9, 0.090 s), and next 3 at \
         offset 2 (index 11, 0.110 s), but not 2 at offset 1, which process 0 sent (index 2 to 3, \
         0.030 s)",
        &[2, 3, 8, 9, 10, 11],
        Some(2),
    );
    expect(
        "0 send a 1 0\n0 send a 2 1\n1 assign a\n1 poll a 0:1 1:2\n1 poll a 0:1",
        "nonmonotonic-poll: key \"a\": process 1 polled 2 at offset 1 (index 7, 0.070 s), and next \
         1 at offset 0 (index 9, 0.090 s): back in the log, though nothing rewound it",
        &[0, 1, 6, 7, 8, 9],
        Some(1),
    );
    expect(
        "0 send a 1 0\n0 send a 2 0\n1 poll a 0:1 0:2",
        "inconsistent-offsets: key \"a\": 1, 2 stand at the same offset 0: process 0 was told by \
         send_ok (index 1, 0.010 s) 1; process 0 was told by send_ok (index 3, 0.030 s) 2",
        &[0, 1, 2, 3],
        Some(1),
    );
    expect(
        "0 send a 1 0\n1 assign a\n1 poll a 0:1 1:1",
        "duplicate: key \"a\": 1 stands at 2 offsets, but was sent once (process 0 sent 1 (index 0 \
         to 1, 0.010 s), acknowledged at offset 0): process 0 was told by send_ok (index 1, 0.010 \
         s) offset 0; process 1 polled (index 5, 0.050 s) offset 1",
        &[0, 1, 4, 5],
        Some(1),
    );
    expect(
        "0 send a 1 !\n1 poll a 0:1\n1 poll",
        "G1a: key \"a\": process 1 polled 1 (index 3, 0.030 s), though process 0 sent 1 (index 0 \
         to 1, 0.010 s), which failed: a definite error promises that nobody ever polls the \
         message",
        &[0, 1, 2, 3],
        Some(1),
    );
    expect(
        "1 poll a 0:1\n0 send a 1 0",
        "G1c-realtime: key \"a\": process 1 had polled 1 (index 1, 0.010 s) before process 0 began \
         to send it (index 2, 0.020 s), so the message was there before it could be known",
        &[0, 1, 2, 3],
        Some(1),
    );
    expect(
        "0 send a 1 0\n1 poll a 0:1 1:99",
        "key \"a\": nobody sent 99: process 1 polled it (index 3, 0.030 s); Maelstrom's checker \
         fails on messages that come from nowhere",
        &[2, 3],
        Some(99),
    );
    expect(
        "0 send a 1 0\n1 poll a 0:1 b",
        "polls returned key \"b\" and never a message of it, on which Maelstrom's checker fails; a \
         node should leave out of poll_ok the keys that it has nothing for",
        &[2, 3],
        None,
    );
}

#[test]
fn what_upstream_lets_pass_contradicts_nothing() {
    let apart =
        "0 txn [[:send \"a\" [0 1]] [:send \"a\" [2 2]]]\n1 send a 3 1\n1 poll a 0:1 1:3 2:2";
    assert_eq!(check(apart, GOOD, "(:int-send-skip)").contradictions(), []);
}

#[test]
fn nil_is_no_messages() {
    let nil = "0 send a 1 0\n1 poll a 0:1\n1 txn [[:poll {\"a\" nil}]]";
    let empty = nil.replace("nil}", "[]}");
    assert_eq!(super::check(&story(nil)).valid, Validity::Valid);
    assert_eq!(super::check(&story(nil)).warnings, super::check(&story(&empty)).warnings);
    let only_nil = super::check(&story("0 send a 1 0\n1 txn [[:poll {\"b\" nil}]]"));
    assert_eq!(only_nil.valid, Validity::Unknown);
}
