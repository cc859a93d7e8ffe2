//! Keys and elements are compared by value, and returned as they were written.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::requests::{G_SET, ProcessUnderTest, TXN_A, TXN_B, TXN_C, TXN_LIST_APPEND};

/// Pairs of texts, with true if Maelstrom reads equal values. The encoders of Python and JavaScript
/// differ in their escapes and in the order of an object's keys.
const PAIRS: [(&str, &str, bool); 10] = [
    (r#""ü""#, r#""\u00fc""#, true),
    (r#"{"a":1,"b":2}"#, r#"{"b":2, "a":1}"#, true),
    (r#"{"a":1,"a":2}"#, r#"{"a":2}"#, true),
    ("[1,2]", "[1, 2]", true),
    ("1.50", "1.5", true),
    ("0.0", "-0.0", true),
    (r#""\ud800""#, r#""\uD800""#, true),
    ("1", "1.0", false),
    ("1", r#""1""#, false),
    ("18446744073709551616", "18446744073709551617", false),
];

/// Writes a key with one text, and reads it with the other.
#[track_caller]
fn check_keys(program: &str, write: &str, written: &str) {
    let mut node = ProcessUnderTest::start(program);
    for (place, (one, other, are_equal)) in PAIRS.into_iter().enumerate() {
        let [one, other] = [one, other].map(|text| format!("[{place},{text}]"));
        let seen = if are_equal { written } else { "null" };
        let write = format!(r#"["{write}",{one},7]"#);
        let (read, has_read) =
            (format!(r#"["r",{other},null]"#), format!(r#"["r",{other},{seen}]"#));
        let reply = node.call(&format!(r#"{{"type":"txn","txn":[{write},{read}]}}"#));
        let expected = format!(r#""txn":[{write},{has_read}]"#);
        assert!(reply.contains(&expected), "{program}: {reply} instead of {expected}");
        let reply = node.call(&format!(r#"{{"type":"txn","txn":[{read}]}}"#));
        let expected = format!(r#""txn":[{has_read}]"#);
        assert!(reply.contains(&expected), "{program}: {reply} instead of {expected}");
    }
}

#[test]
fn a_register_has_one_value_for_all_texts_of_its_key() {
    check_keys(TXN_A, "w", "7");
    check_keys(TXN_B, "w", "7");
    check_keys(TXN_C, "w", "7");
}

#[test]
fn a_list_is_one_list_for_all_texts_of_its_key() {
    check_keys(TXN_LIST_APPEND, "append", "[7]");
}

#[derive(Deserialize)]
struct Read {
    #[serde(alias = "messages")]
    value: Vec<Box<RawValue>>,
}

/// Adds both texts of each pair to a set, and reads the set.
#[track_caller]
fn check_elements(program: &str, add: &str, name: &str) {
    let mut node = ProcessUnderTest::start(program);
    let mut expected: Vec<String> = Vec::new();
    for (place, (one, other, are_equal)) in PAIRS.into_iter().enumerate() {
        let [one, other] = [one, other].map(|text| format!("[{place},{text}]"));
        for element in [&one, &other] {
            node.call(&format!(r#"{{"type":"{add}","{name}":{element}}}"#));
        }
        expected.push(one);
        expected.extend(Some(other).filter(|_| !are_equal));
    }
    let reply = node.call(r#"{"type":"read"}"#);
    let read: Read = serde_json::from_str(&reply).unwrap();
    let elements: Vec<&str> = read.value.iter().map(|element| element.get()).collect();
    assert_eq!(elements, expected, "{program}");
}

#[test]
fn a_set_has_each_element_once_with_its_first_text() {
    check_elements(G_SET, "add", "element");
    check_elements(env!("CARGO_BIN_EXE_broadcast-a"), "broadcast", "message");
    check_elements(env!("CARGO_BIN_EXE_broadcast-b"), "broadcast", "message");
    check_elements(env!("CARGO_BIN_EXE_broadcast-c"), "broadcast", "message");
    check_elements(env!("CARGO_BIN_EXE_broadcast-d"), "broadcast", "message");
    check_elements(env!("CARGO_BIN_EXE_broadcast-durable"), "broadcast", "message");
    check_elements(env!("CARGO_BIN_EXE_broadcast-e"), "broadcast", "message");
}

#[test]
fn values_are_read_as_they_were_written() {
    let value = r#"{"b": 1.50, "a": "\u00fc", "b": -0}"#;
    for program in [TXN_A, TXN_B, TXN_C] {
        let mut node = ProcessUnderTest::start(program);
        node.call(&format!(r#"{{"type":"txn","txn":[["w","key",{value}]]}}"#));
        let reply = node.call(r#"{"type":"txn","txn":[["r","key",null]]}"#);
        assert!(reply.contains(value), "{program}: {reply}");
    }
}
