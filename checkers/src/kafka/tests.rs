//! Small histories, valid and invalid, and many simulated ones.

mod mutations;
mod oracle;
mod simulation;

use super::{KafkaResults, script};
use crate::{Validity, edn::Value, testing};

/// Checks a script, and compares the verdict and the error types, as results show them.
#[track_caller]
fn check(text: &str, valid: Validity, errors: &str) -> KafkaResults<'static> {
    let kafka = script::check(text);
    let shown = kafka.to_edn();
    assert_eq!(shown.get("error-types").unwrap().to_string(), errors);
    assert_eq!(kafka.valid, valid);
    assert_eq!(kafka.explanation().is_empty(), valid == Validity::Valid);
    assert_eq!(kafka.reason().is_none(), valid == Validity::Valid);
    kafka
}

/// A valid script in which every message is polled.
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
fn a_step_that_an_empty_poll_hides_from_upstream_is_a_warning() {
    let sent = "0 send a 1 0\n0 send a 2 1\n0 send a 3 2\n2 assign a\n2 poll a 0:1 1:2 2:3\n";
    let skip = format!("{sent}1 assign a\n1 poll a 0:1\n1 poll a\n1 poll a 2:3");
    assert_eq!(check(&skip, GOOD, "()").warnings().len(), 1);
    assert!(check(ALL_POLLED, GOOD, "()").warnings().is_empty());
    let unasked = check(&ALL_POLLED.replace("assign a", "assign b"), GOOD, "()");
    assert_eq!(unasked.warnings().len(), 1);
}

#[test]
fn acknowledged_messages_are_polled() {
    check("0 send a 1 0\n0 send a 2 1\n1 poll a 1:2", BAD, "(:lost-write :unseen)");
    check("0 send a 1 0\n0 send a 2 1\n1 poll a 0:1", BAD, "(:unseen)");
    // Nothing follows from an indeterminate send that was never polled.
    check("0 send a 1 ?\n0 send a 2 1\n1 poll a 1:2", GOOD, "()");
    // Upstream misjudges a key that appears in no operation but the last.
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
fn polled_messages_were_sent_before() {
    check("0 send a 1 !\n1 poll a 0:1\n1 poll", BAD, "(:G1a)");
    check("1 poll a 0:1\n0 send a 1 0", BAD, "(:G1c-realtime :strong-PL-2-cycle-exists)");
    check(
        "0 txn [[:send \"a\" [0 1]] [:poll {\"a\" [[0 1]]}]]\n0 poll",
        BAD,
        "(:precommitted-read)",
    );
}

#[test]
fn the_log_has_the_messages_of_a_client_in_order() {
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
fn a_failure_of_upstream_makes_the_verdict_unknown() {
    #[track_caller]
    fn check_unknown(text: &str, cause: &str) {
        let kafka = script::check(text);
        assert_eq!(kafka.valid, Validity::Unknown);
        let error = kafka.to_edn().get("error").unwrap().clone();
        assert_eq!(error.get("cause"), Some(&cause.into()));
    }
    check_unknown("0 send a 1 0\n1 poll a 0:1 1:99", "a message that nobody sent");
    check_unknown("0 send a 1 0\n1 poll a 0:1 b", "every poll of this key was empty");
    check_unknown("0 send a 1 0.5\n1 poll a", "0.5 is no offset");
}

#[test]
fn the_lag_of_a_poll_is_the_age_of_the_first_greater_offset() {
    #[track_caller]
    fn check(text: &str, lag: &str) {
        let kafka = script::check(text).to_edn();
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
fn malformed_histories_cause_no_panic() {
    for text in [
        "0 ok poll [[:poll {\"a\" [[0 1]]}]]\n0 invoke poll [[:poll]]",
        "0 invoke send nil\n0 ok send [[:send]]",
        "0 ok poll [[:poll {\"a\" 7}]]\n0 ok poll [[:poll {\"a\" [7]}]]\n0 ok poll 5",
        "0 ok assign {}\n0 ok crash nil\n0 ok send [[:send nil [nil nil]]]\n0 ok poll [7 []]",
        "0 ok send [[:send \"a\" [-9223372036854775808 1]]]",
        "0 ok send [[:send \"a\" [9223372036854775807 1]]]\n0 ok poll [[:poll {\"a\" [[-1 1]]}]]",
        "nemesis info send [[:send \"a\" [0 1]]]\n0 ok send [[:send [1] [0 {}]]]",
    ] {
        let history = testing::history(text);
        let kafka = super::check(&history);
        kafka.to_edn();
        assert_eq!(kafka.valid == GOOD, kafka.explanation().is_empty(), "{text}");
    }
}

#[test]
fn nil_is_no_messages() {
    let nil = "0 send a 1 0\n1 poll a 0:1\n1 txn [[:poll {\"a\" nil}]]";
    let empty = nil.replace("nil}", "[]}");
    assert_eq!(script::check(nil).valid, Validity::Valid);
    assert_eq!(script::check(nil).warnings(), script::check(&empty).warnings());
    let only_nil = script::check("0 send a 1 0\n1 txn [[:poll {\"b\" nil}]]");
    assert_eq!(only_nil.valid, Validity::Unknown);
}
