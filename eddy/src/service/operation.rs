//! Requests to a key-value store, and their effect on the value of one key.
//!
//! Values keep the JSON text in which they were received, so no number loses precision. Keys and
//! the `from` of a compare-and-set are compared as Clojure's `=` compares what Maelstrom parses: by
//! value. The order of an object's keys and the escapes in a string do not matter, and `1.5` equals
//! `1.50`; but an integer never equals a float, so `1` differs from `1.0`. One difference remains:
//! in Clojure `0.0` equals `-0.0`.

use std::rc::Rc;

use glomers::{Error, ErrorCode, Json};
use serde_json::value::RawValue;

use super::{BodyFields, ServiceReply};
use crate::edn::Value;

/// A JSON value with its original text, compared by value. Cloning is cheap.
#[derive(Debug, Clone)]
pub(super) struct StoredValue {
    json: Json,
    value: Rc<Value>,
}

/// A request: an operation on one key.
#[derive(Debug)]
pub(super) struct StoreRequest {
    pub(super) key: Rc<Value>,
    pub(super) operation: StoreOperation,
}

#[derive(Debug)]
pub(super) enum StoreOperation {
    Read,
    Write(StoredValue),
    Cas { from: StoredValue, to: StoredValue, creates: bool },
}

impl StoreRequest {
    /// Parses a request of this type from its fields; `None` if the type is unknown.
    pub(super) fn parse(
        kind: &str,
        fields: &BodyFields<'_>,
    ) -> Result<Option<StoreRequest>, Error> {
        let datum = |name| match fields.get(name) {
            Some(text) => StoredValue::parse(text),
            None => StoredValue::parse(RawValue::NULL),
        };
        let operation = match kind {
            "read" => StoreOperation::Read,
            "write" => StoreOperation::Write(datum("value")?),
            "cas" => {
                // As in Clojure, all values but these two are truthy.
                let is_true = |flag: &&RawValue| !matches!(flag.get(), "null" | "false");
                let creates = fields.get("create_if_not_exists").is_some_and(is_true);
                StoreOperation::Cas { from: datum("from")?, to: datum("to")?, creates }
            }
            _ => return Ok(None),
        };
        if !fields.contains_key("key") {
            return Err(ErrorCode::MalformedRequest.error(format!("{kind} needs a key")));
        }
        Ok(Some(StoreRequest { key: datum("key")?.value, operation }))
    }
}

impl StoreOperation {
    /// The reply, and the value to be written, if the key has this value or none.
    pub(super) fn apply<'a>(
        &'a self,
        current: Option<&StoredValue>,
    ) -> (ServiceReply, Option<&'a StoredValue>) {
        match (self, current) {
            (StoreOperation::Read, Some(StoredValue { json, .. })) => {
                (ServiceReply::ReadOk { value: json.clone() }, None)
            }
            (StoreOperation::Write(value), _) => (ServiceReply::WriteOk, Some(value)),
            (StoreOperation::Cas { from, to, .. }, Some(current)) if current == from => {
                (ServiceReply::CasOk, Some(to))
            }
            (StoreOperation::Cas { to, creates: true, .. }, None) => {
                (ServiceReply::CasOk, Some(to))
            }
            (StoreOperation::Cas { from, .. }, Some(current)) => {
                let text = format!("current value {} is not {}", current.value, from.value);
                (ServiceReply::Error(ErrorCode::PreconditionFailed.error(text)), None)
            }
            (StoreOperation::Read | StoreOperation::Cas { .. }, None) => {
                (ServiceReply::key_does_not_exist(), None)
            }
        }
    }
}

impl StoredValue {
    fn parse(text: &RawValue) -> Result<StoredValue, Error> {
        let malformed = |reason: String| ErrorCode::MalformedRequest.error(reason);
        let value = Value::from_json(text).map_err(|error| malformed(error.to_string()))?;
        let json =
            serde_json::from_str(text.get()).map_err(|error| malformed(error.to_string()))?;
        Ok(StoredValue { json, value: value.into() })
    }
}

impl PartialEq for StoredValue {
    fn eq(&self, other: &StoredValue) -> bool {
        self.value == other.value
    }
}

#[cfg(test)]
mod tests {
    use crate::service::testing::{ask, ask_short, service};

    #[test]
    fn values_are_equal_if_clojure_calls_them_equal() {
        #[track_caller]
        fn check(one: &str, other: &str, are_equal: bool) {
            let mut service = service("lin-kv", 1);
            ask_short(&mut service, "n1", &format!("write \"value\" {one}"));
            let swapped = ask_short(&mut service, "n1", &format!("cas \"value\" {other} null"));
            assert_eq!(swapped, if are_equal { "ok" } else { "22" }, "{one} and {other}");
            ask_short(&mut service, "n1", &format!("write {one} 1"));
            let read = ask_short(&mut service, "n1", &format!("read {other}"));
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
    fn values_are_returned_byte_for_byte() {
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
                assert_eq!(ask_short(&mut service, "n1", &format!("write [] {value}")), "ok");
                assert_eq!(ask_short(&mut service, "n1", "read []"), value);
            }
        }
    }

    #[test]
    fn errors_have_maelstroms_texts() {
        #[track_caller]
        fn check(body: &str, expected: &str) {
            let mut service = service("lin-kv", 1);
            ask_short(&mut service, "n1", r#"write 1 {"a":[null,"b"]}"#);
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
