//! What a key-value store can be asked, and what that does to the value of one key.
//!
//! Values stay the text in which they came, so that no number changes on its way. What is compared,
//! keys and the `from` of a compare-and-set, is compared as Clojure's `=` compares what Maelstrom
//! reads: by value, so the order of an object's keys and the way in which a string is escaped do
//! not matter, and `1.5` is `1.50`; but an integer is never a float, so `1` is not `1.0`. One
//! difference remains: to Clojure `0.0` is `-0.0`.

use std::rc::Rc;

use glomers::{Error, ErrorCode, Json};
use serde_json::value::RawValue;

use super::{Fields, Reply};
use crate::edn::Value;

/// A JSON value as it came; equal to those of the same value. Cloning is cheap.
#[derive(Debug, Clone)]
pub(super) struct Datum {
    json: Json,
    value: Rc<Value>,
}

/// A request for one key.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) key: Rc<Value>,
    pub(super) operation: Operation,
}

#[derive(Debug)]
pub(super) enum Operation {
    Read,
    Write(Datum),
    Cas { from: Datum, to: Datum, creates: bool },
}

impl Request {
    /// Reads a request of this type from its fields; `None` if there is no such type.
    pub(super) fn read(kind: &str, fields: &Fields<'_>) -> Result<Option<Request>, Error> {
        let datum = |name| match fields.get(name) {
            Some(text) => Datum::read(text),
            None => Datum::read(RawValue::NULL),
        };
        let operation = match kind {
            "read" => Operation::Read,
            "write" => Operation::Write(datum("value")?),
            "cas" => {
                // As in Clojure, everything is true but these.
                let is_true = |flag: &&RawValue| !matches!(flag.get(), "null" | "false");
                let creates = fields.get("create_if_not_exists").is_some_and(is_true);
                Operation::Cas { from: datum("from")?, to: datum("to")?, creates }
            }
            _ => return Ok(None),
        };
        if !fields.contains_key("key") {
            return Err(ErrorCode::MalformedRequest.error(format!("{kind} needs a key")));
        }
        Ok(Some(Request { key: datum("key")?.value, operation }))
    }
}

impl Operation {
    /// What is answered when a key has this value, or none, and what is written.
    pub(super) fn on<'a>(&'a self, current: Option<&Datum>) -> (Reply, Option<&'a Datum>) {
        match (self, current) {
            (Operation::Read, Some(Datum { json, .. })) => {
                (Reply::ReadOk { value: json.clone() }, None)
            }
            (Operation::Write(value), _) => (Reply::WriteOk, Some(value)),
            (Operation::Cas { from, to, .. }, Some(current)) if current == from => {
                (Reply::CasOk, Some(to))
            }
            (Operation::Cas { to, creates: true, .. }, None) => (Reply::CasOk, Some(to)),
            (Operation::Cas { from, .. }, Some(current)) => {
                let text = format!("current value {} is not {}", current.value, from.value);
                (Reply::Error(ErrorCode::PreconditionFailed.error(text)), None)
            }
            (Operation::Read | Operation::Cas { .. }, None) => (Reply::absent(), None),
        }
    }
}

impl Datum {
    fn read(text: &RawValue) -> Result<Datum, Error> {
        let malformed = |reason: String| ErrorCode::MalformedRequest.error(reason);
        let value = Value::from_json(text).map_err(|error| malformed(error.to_string()))?;
        let json =
            serde_json::from_str(text.get()).map_err(|error| malformed(error.to_string()))?;
        Ok(Datum { json, value: value.into() })
    }
}

impl PartialEq for Datum {
    fn eq(&self, other: &Datum) -> bool {
        self.value == other.value
    }
}

#[cfg(test)]
mod tests {
    use crate::service::testing::{ask, service, short};

    #[test]
    fn what_is_equal_is_what_clojure_calls_equal() {
        #[track_caller]
        fn check(one: &str, other: &str, are_equal: bool) {
            let mut service = service("lin-kv", 1);
            short(&mut service, "n1", &format!("write \"value\" {one}"));
            let swapped = short(&mut service, "n1", &format!("cas \"value\" {other} null"));
            assert_eq!(swapped, if are_equal { "ok" } else { "22" }, "{one} and {other}");
            short(&mut service, "n1", &format!("write {one} 1"));
            let read = short(&mut service, "n1", &format!("read {other}"));
            assert_eq!(read, if are_equal { "1" } else { "20" }, "{one} and {other}, as keys");
        }
        check("1", "1", true);
        check("1", "1.0", false);
        check("1", "\"1\"", false);
        check("0", "-0", true);
        check("100", "1e2", false);
        check("1.5", "1.50", true);
        check("0.1", "0.10000000000000001", true);
        check("18446744073709551616", "18446744073709551616", true);
        check("18446744073709551616", "18446744073709551617", false);
        check("[1,2]", "[2,1]", false);
        check("[1]", "[1.0]", false);
        check(r#"{"a":1,"b":[]}"#, r#"{"b":[],"a":1}"#, true);
        check(r#"{"a":1}"#, r#"{"a":1,"b":null}"#, false);
        check(r#""\u0061""#, r#""a""#, true);
        check("null", "null", true);
        check("null", "false", false);
    }

    #[test]
    fn values_come_back_to_the_bit() {
        for value in [
            "18446744073709551616",
            "-9007199254740993",
            "0.1000000000000000055511151231257827",
            "1.50",
            "-0",
            "1e400",
            r#"{"b":1,"a":[1.0,"\u0061"]}"#,
            "null",
        ] {
            for name in ["lin-kv", "seq-kv"] {
                let mut service = service(name, 1);
                assert_eq!(short(&mut service, "n1", &format!("write [] {value}")), "ok");
                assert_eq!(short(&mut service, "n1", "read []"), value);
            }
        }
    }

    #[test]
    fn errors_are_told_in_maelstroms_words() {
        #[track_caller]
        fn check(body: &str, expected: &str) {
            let mut service = service("lin-kv", 1);
            short(&mut service, "n1", r#"write 1 {"a":[null,"b"]}"#);
            let reply = ask(&mut service, "n1", body).unwrap();
            assert!(reply.contains(expected), "{reply}");
        }
        let absent = r#"{"type":"error","code":20,"text":"key does not exist","in_reply_to":1}"#;
        check(r#"{"type":"read","key":2,"msg_id":1}"#, absent);
        check(r#"{"type":"cas","key":2,"from":1,"to":2,"msg_id":1}"#, absent);
        check(
            r#"{"type":"cas","key":1,"from":"c","to":2,"msg_id":1}"#,
            r#""code":22,"text":"current value {\"a\" [nil \"b\"]} is not \"c\"""#,
        );
        check(
            r#"{"type":"cas","key":1,"to":2,"msg_id":1}"#,
            r#""text":"current value {\"a\" [nil \"b\"]} is not nil""#,
        );
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        let deep = format!(r#"{{"type":"write","key":1,"value":{deep},"msg_id":1}}"#);
        check(&deep, r#""code":12,"text":"JSON nests deeper than 128 levels""#);
    }

    #[test]
    fn a_flag_is_true_unless_it_is_null_or_false() {
        for (flag, expected) in
            [("true", "cas_ok"), ("0", "cas_ok"), ("false", "error"), ("null", "error")]
        {
            let body = format!(
                r#"{{"type":"cas","key":1,"from":1,"to":2,"create_if_not_exists":{flag},"msg_id":1}}"#
            );
            let reply = ask(&mut service("lin-kv", 1), "n1", &body).unwrap();
            assert!(reply.contains(expected), "{flag}: {reply}");
        }
    }
}
