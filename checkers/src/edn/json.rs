//! Lossless conversion from JSON.
//!
//! Going through `serde_json::Value` would round integers beyond 64 bits to doubles, and two
//! different 30-digit ids would look like a duplicate. So numbers are taken from the raw text.
//! Large integers become Java's `BigInteger`, which Clojure prints without an `N`, because
//! Maelstrom reads them so.

use std::fmt::{self, Display, Formatter};

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::{MAX_DEPTH, Map, Value};

/// An error in the conversion from JSON.
#[derive(Debug)]
pub enum JsonError {
    /// It is nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// It is not JSON.
    Malformed(serde_json::Error),
}

impl Display for JsonError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::TooDeep => write!(f, "JSON nests deeper than {MAX_DEPTH} levels"),
            JsonError::Malformed(error) => write!(f, "malformed JSON: {error}"),
        }
    }
}

impl std::error::Error for JsonError {}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> JsonError {
        JsonError::Malformed(error)
    }
}

impl Value {
    /// Converts JSON to a value: objects become maps with string keys, arrays vectors.
    pub fn from_json(json: &RawValue) -> Result<Value, JsonError> {
        from_json(json.get(), Value::Str, 0)
    }

    /// As [`Value::from_json`], but the keys of the outermost object become keywords, as Maelstrom
    /// shows the body of a message: `{:type "echo_ok", :echo {"a" 1}}`.
    pub fn body_from_json(json: &RawValue) -> Result<Value, JsonError> {
        from_json(json.get(), Value::keyword, 0)
    }
}

fn from_json(json: &str, key: fn(String) -> Value, depth: usize) -> Result<Value, JsonError> {
    if depth >= MAX_DEPTH {
        return Err(JsonError::TooDeep);
    }
    let inner = |raw: &RawValue| from_json(raw.get(), Value::Str, depth + 1);
    let json = json.trim_ascii();
    match json.bytes().next() {
        Some(b'{') => {
            let entries: IndexMap<String, &RawValue> = serde_json::from_str(json)?;
            let entries = entries.into_iter().map(|(name, raw)| Ok((key(name), inner(raw)?)));
            entries.collect::<Result<Map, _>>().map(Value::Map)
        }
        Some(b'[') => {
            // A fast path, since most arrays from nodes are long lists of numbers.
            if let Ok(integers) = serde_json::from_str::<Vec<i64>>(json) {
                return Ok(Value::Vector(integers.into_iter().map(Value::Int).collect()));
            }
            let elements: Vec<&RawValue> = serde_json::from_str(json)?;
            elements.into_iter().map(inner).collect::<Result<_, _>>().map(Value::Vector)
        }
        Some(b'-' | b'0'..=b'9') => number(json),
        Some(b'"') => Ok(Value::Str(serde_json::from_str(json)?)),
        Some(b't' | b'f') => Ok(Value::Bool(serde_json::from_str(json)?)),
        _ => Ok(serde_json::from_str::<()>(json).map(|()| Value::Nil)?),
    }
}

fn number(json: &str) -> Result<Value, JsonError> {
    if let Some(integer) = Value::integer(json) {
        return Ok(integer);
    }
    match json.parse() {
        Ok(number) => Ok(Value::Float(number)),
        Err(_) => Ok(Value::Float(serde_json::from_str(json)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[track_caller]
    fn check(json: &str, edn: &str) {
        assert_eq!(Value::from_json(&raw(json)).unwrap().to_string(), edn);
    }

    #[test]
    fn json_keeps_every_digit_and_every_kind() {
        check("null", "nil");
        check("[true, false]", "[true false]");
        check("-9223372036854775808", "-9223372036854775808");
        check("123456789012345678901234567890", "123456789012345678901234567890");
        check("123456789012345678901234567891", "123456789012345678901234567891");
        check("-0", "0");
        check("[1, 1.0, 2.5e-4]", "[1 1.0 2.5E-4]");
        check("[3, -1, 0]", "[3 -1 0]");
        check("[3, -0, 1]", "[3 0 1]");
        check("[1, 123456789012345678901234567890]", "[1 123456789012345678901234567890]");
        check(r#"{"b": "\u00e9\n", "a": {"c": []}}"#, r#"{"b" "é\n", "a" {"c" []}}"#);
    }

    #[test]
    fn a_body_has_keywords_at_the_top_only() {
        let body = raw(r#"{"type": "echo_ok", "echo": {"a": 1}, "in_reply_to": 1}"#);
        let body = Value::body_from_json(&body).unwrap();
        assert_eq!(body.to_string(), r#"{:type "echo_ok", :echo {"a" 1}, :in_reply_to 1}"#);
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let json = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(matches!(Value::from_json(&raw(&json)), Err(JsonError::TooDeep)));
    }
}
