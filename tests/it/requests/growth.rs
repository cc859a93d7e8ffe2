//! Cost of requests: linear in the size of the request, and independent of the node's state.

use std::time::Duration;

use crate::requests::{
    KAFKA_A, KAFKA_B, KAFKA_C, ProcessUnderTest, TXN_A, TXN_B, TXN_C, TXN_LIST_APPEND, list,
};

/// Parts of a large request.
const PARTS: usize = 100_000;

/// Maximum ratio of CPU times, of the larger request to the smaller, or of the larger state to the
/// smaller. A request that is four times as large takes four times as long, or sixteen times if its
/// cost is quadratic.
const MAX_RATIO: u32 = 8;

/// Maximum number of measurements. Of several, the fastest was disturbed least by other processes.
const ATTEMPTS: usize = 5;

/// Measures the smaller and the larger case in turn until the ratio holds.
#[track_caller]
fn check_ratio(program: &str, mut measure: impl FnMut(usize) -> Duration) {
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..ATTEMPTS {
        for (which, fastest) in fastest.iter_mut().enumerate() {
            *fastest = measure(which).min(*fastest);
        }
        if fastest[1] < MAX_RATIO * fastest[0] {
            return;
        }
    }
    panic!("{program} takes {:?} for the smaller, and {:?} for the larger", fastest[0], fastest[1]);
}

/// Compares a request of so many parts with one of a quarter of them, each to a new node.
#[track_caller]
fn check_request(program: &str, parts: usize, request: impl Fn(usize) -> String) {
    check_ratio(program, |which| {
        let request = request([parts / 4, parts][which]);
        let mut node = ProcessUnderTest::start(program);
        let before = node.cpu_time();
        let reply = node.call(&request);
        assert!(!reply.contains(r#""type":"error""#), "{program}: {reply}");
        node.cpu_time().saturating_sub(before)
    });
}

/// Compares a request to a node with a large state and to one with a small state. It is repeated a
/// hundred times, because one takes too short a time to be measured.
#[track_caller]
fn check_state(
    program: &str,
    counts: [usize; 2],
    fill: impl Fn(usize) -> Vec<String>,
    request: impl Fn(usize) -> String,
) {
    let mut nodes = counts.map(|count| {
        let mut node = ProcessUnderTest::start(program);
        let requests = fill(count);
        for request in &requests {
            node.request(request);
        }
        for _ in &requests {
            node.receive_reply();
        }
        node
    });
    check_ratio(program, |which| {
        let request = request(counts[which]);
        let before = nodes[which].cpu_time();
        for _ in 0..100 {
            nodes[which].call(&request);
        }
        nodes[which].cpu_time().saturating_sub(before)
    });
}

fn txn(micro_ops: &str) -> String {
    format!(r#"{{"type":"txn","txn":[{micro_ops}]}}"#)
}

fn writes(count: usize) -> String {
    txn(&list(count, |key| format!(r#"["w",{key},1]"#)))
}

fn appends(count: usize) -> String {
    txn(&list(count, |key| format!(r#"["append",{key},1]"#)))
}

/// A request with the offsets of so many keys.
fn offsets(kind: &str, count: usize) -> String {
    let offsets = list(count, |key| format!(r#""k{key}":1"#));
    format!(r#"{{"type":"{kind}","offsets":{{{offsets}}}}}"#)
}

fn keys(count: usize) -> String {
    let keys = list(count, |key| format!(r#""k{key}""#));
    format!(r#"{{"type":"list_committed_offsets","keys":[{keys}]}}"#)
}

#[test]
fn the_cost_of_a_transaction_is_linear_in_its_length() {
    for program in [TXN_A, TXN_B, TXN_C] {
        check_request(program, PARTS, writes);
        check_request(program, PARTS, |count| {
            txn(&list(count, |key| format!(r#"["r",{key},null]"#)))
        });
    }
    check_request(TXN_LIST_APPEND, PARTS, appends);
}

#[test]
fn the_cost_of_a_request_is_linear_in_its_number_of_logs() {
    for program in [KAFKA_A, KAFKA_C] {
        check_request(program, PARTS, |count| offsets("commit_offsets", count));
        check_request(program, PARTS, |count| offsets("poll", count));
        check_request(program, PARTS, keys);
    }
    // Each key is a call to the store.
    check_request(KAFKA_B, PARTS / 25, keys);
}

#[test]
fn the_cost_of_a_short_request_is_independent_of_the_state() {
    let counts = [PARTS / 100, PARTS];
    let read = |_| txn(r#"["r",7,null]"#);
    for program in [TXN_A, TXN_B, TXN_C] {
        check_state(program, counts, |count| vec![writes(count)], read);
    }
    check_state(TXN_LIST_APPEND, counts, |count| vec![appends(count)], read);
    let sends = |count| vec![r#"{"type":"send","key":"k","msg":1}"#.to_owned(); count];
    let poll = |count| format!(r#"{{"type":"poll","offsets":{{"k":{}}}}}"#, count - 1);
    for program in [KAFKA_A, KAFKA_C] {
        check_state(program, counts, sends, poll);
    }
}
