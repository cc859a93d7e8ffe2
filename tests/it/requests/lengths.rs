//! Limits of message sizes: batches are split, and values that are too large are rejected.

use crate::requests::{
    BROADCASTS, G_SET, KAFKA_A, KAFKA_B, KAFKA_C, ProcessUnderTest, TXN_B, TXN_C, TXN_LIST_APPEND,
    list,
};

/// Size of a full message in bytes.
const FULL_MESSAGE_BYTES: usize = 512 << 10;

/// Bytes around the entries of a message, at most.
const OVERHEAD_BYTES: usize = 1 << 10;

/// Letters of a value, a little more than half of a message.
const LONG_LETTERS: usize = 300_000;

/// A JSON string of so many letters.
fn string(letters: usize) -> String {
    format!(r#""{}""#, "x".repeat(letters))
}

/// Checks that a request with a value of 9 MiB is rejected, and by a read that it had no effect.
#[track_caller]
fn check_refused(program: &str, request: &str, read: &str, expected: &str) {
    let mut node = ProcessUnderTest::start_among(program, r#"["n1","n2"]"#);
    let refusal = node.call(&request.replace("LONG", &string(9 << 20)));
    let expected_refusal = "bytes as JSON; at most 8388608 are allowed\"";
    let is_refused = refusal.contains(r#""code":12,"#) && refusal.contains(expected_refusal);
    assert!(is_refused, "{program}: {refusal:.300}");
    let reply = node.call(read);
    assert!(reply.contains(expected), "{program}: {reply:.300}");
    assert!(node.longest_line < OVERHEAD_BYTES, "{program} has passed it on");
}

#[test]
fn a_value_that_is_too_long_is_rejected_and_has_no_effect() {
    let write = r#"{"type":"txn","txn":[["w",1,1],["w",2,LONG]]}"#;
    let read = r#"{"type":"txn","txn":[["r",1,null]]}"#;
    check_refused(TXN_B, write, read, r#"["r",1,null]"#);
    check_refused(TXN_C, write, read, r#"["r",1,null]"#);
    let append = r#"{"type":"txn","txn":[["append",1,1],["append",1,LONG]]}"#;
    check_refused(TXN_LIST_APPEND, append, read, r#"["r",1,null]"#);
    let add = r#"{"type":"add","element":LONG}"#;
    check_refused(G_SET, add, r#"{"type":"read"}"#, r#""value":[]"#);
    for program in BROADCASTS {
        let broadcast = r#"{"type":"broadcast","message":LONG}"#;
        check_refused(program, broadcast, r#"{"type":"read"}"#, r#""messages":[]"#);
    }
    for program in [KAFKA_B, KAFKA_C] {
        let poll = r#"{"type":"poll","offsets":{"k":0}}"#;
        check_refused(program, r#"{"type":"send","key":"k","msg":LONG}"#, poll, r#""msgs":{}"#);
        check_refused(program, r#"{"type":"send","key":LONG,"msg":1}"#, poll, r#""msgs":{}"#);
    }
    let commit = r#"{"type":"commit_offsets","offsets":{"k":1,LONG:1}}"#;
    let list = r#"{"type":"list_committed_offsets","keys":["k"]}"#;
    check_refused(KAFKA_C, commit, list, r#""offsets":{}"#);
}

#[test]
fn a_poll_returns_at_most_a_full_message_and_starts_with_any_key() {
    for program in [KAFKA_A, KAFKA_B, KAFKA_C] {
        let mut node = ProcessUnderTest::start(program);
        for key in ["a", "b"] {
            let send = format!(r#"{{"type":"send","key":"{key}","msg":{}}}"#, string(LONG_LETTERS));
            (0..4).for_each(|_| drop(node.call(&send)));
        }
        let mut offsets = [0, 0];
        let mut polls = 0;
        while offsets != [4, 4] {
            let [a, b] = offsets;
            let poll = node.call(&format!(r#"{{"type":"poll","offsets":{{"a":{a},"b":{b}}}}}"#));
            assert!(
                poll.len() <= FULL_MESSAGE_BYTES + LONG_LETTERS + OVERHEAD_BYTES,
                "{program}: {} bytes",
                poll.len()
            );
            let poll: serde_json::Value = serde_json::from_str(&poll).unwrap();
            for (key, offset) in ["a", "b"].into_iter().zip(&mut offsets) {
                *offset += poll["msgs"][key].as_array().map_or(0, Vec::len);
            }
            polls += 1;
            assert!(polls <= 8, "{program}: {offsets:?} after {polls} polls");
        }
        // A consumer that does not advance one key still receives the other.
        let poll = r#"{"type":"poll","offsets":{"a":0,"b":0}}"#;
        for key in ["a", "b"] {
            let has_key = |poll: String| poll.contains(&format!(r#""{key}":[[0,"#));
            assert!((0..100).any(|_| has_key(node.call(poll))), "{program} never gives {key}");
        }
    }
}

#[test]
fn waiting_transactions_share_a_log_entry_up_to_a_full_message() {
    let mut node = ProcessUnderTest::start(TXN_LIST_APPEND);
    let append = format!(r#"{{"type":"txn","txn":[["append",1,{}]]}}"#, string(LONG_LETTERS));
    (0..20).for_each(|_| node.request(&append));
    for _ in 0..20 {
        let reply = node.receive_reply();
        assert!(reply.contains("txn_ok"), "{reply:.300}");
    }
    assert!(
        node.longest_line <= FULL_MESSAGE_BYTES + LONG_LETTERS + OVERHEAD_BYTES,
        "{} bytes",
        node.longest_line
    );
    assert!(node.longest_line > 2 * LONG_LETTERS, "none shared an entry");
}

#[test]
fn offsets_of_many_keys_are_sent_to_their_owner_in_several_messages() {
    let mut node = ProcessUnderTest::start_among(KAFKA_C, r#"["n1","n2"]"#);
    let offsets = list(100_000, |key| format!(r#""a key of many letters {key}":1"#));
    let reply = node.call(&format!(r#"{{"type":"commit_offsets","offsets":{{{offsets}}}}}"#));
    assert!(reply.contains("commit_offsets_ok"), "{reply:.300}");
    assert!(
        (FULL_MESSAGE_BYTES / 2..FULL_MESSAGE_BYTES + OVERHEAD_BYTES).contains(&node.longest_line),
        "{} bytes",
        node.longest_line
    );
}
