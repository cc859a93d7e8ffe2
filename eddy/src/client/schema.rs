//! Schemas of replies. They are closed, as Maelstrom's are: a key that a schema does not name makes
//! the reply malformed. Only the reply to `init` may have any further keys.
//!
//! `null` matches a list, and no other shape, as in plumatic/schema, which Maelstrom uses. There a
//! sequence may be nil, but a nil pair lacks its first element, and a nil map is not a map. Nodes
//! in Go depend on this, because Go encodes a nil slice as `null`.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use indexmap::IndexMap;
use serde_json::value::RawValue;

use eddy_text::printable;

/// Maximum number of characters of a wrong key or value that an error shows.
const MAX_SHOWN: usize = 100;

/// The type and the fields that a reply must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    kind: &'static str,
    fields: &'static [(&'static str, Shape)],
    /// True if a key that is not among the fields makes a reply malformed.
    is_closed: bool,
}

/// The shape of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Any value.
    Any,
    /// An integer of any size.
    Integer,
    /// A list of this shape, or `null` in place of the empty list.
    List(&'static Shape),
    /// A list of two elements, not `null`.
    Pair(&'static Shape, &'static Shape),
    /// An object with any keys and values of this shape, not `null`.
    Map(&'static Shape),
    /// A list of the micro-operations of a transaction, or `null`: reads `r`, and writes of this
    /// name.
    Transaction(&'static str),
}

/// The difference between a reply and its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaMismatch {
    /// The field that is wrong, if the reply has it.
    pub(crate) field: Option<String>,
    /// The difference as a clause: `value is missing`.
    pub(crate) reason: String,
}

/// A reply to a client, parsed once.
#[derive(Debug)]
pub struct ClientReply<'a> {
    /// The whole body.
    pub body: &'a RawValue,
    /// The text of each field. Of duplicate keys the last one counts, as in Maelstrom.
    fields: BTreeMap<String, &'a RawValue>,
}

impl<'a> ClientReply<'a> {
    /// Parses a body; an error if it is not an object.
    pub(crate) fn parse(body: &'a RawValue) -> serde_json::Result<ClientReply<'a>> {
        Ok(ClientReply { body, fields: serde_json::from_str(body.get())? })
    }

    /// The text of a field.
    pub fn field(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.get(name).copied()
    }

    /// The reply as an object that begins with this field, followed by the others in their order.
    pub(crate) fn with_first(&self, field: Option<&str>) -> Option<String> {
        let mut fields: IndexMap<String, &RawValue> = serde_json::from_str(self.body.get()).ok()?;
        fields.move_index(fields.get_index_of(field?)?, 0);
        serde_json::to_string(&fields).ok()
    }

    /// The `type`, if it is a string.
    pub(crate) fn kind(&self) -> Option<String> {
        self.field("type").and_then(|kind| serde_json::from_str(kind.get()).ok())
    }
}

impl Schema {
    /// The schema of a reply of this type, with these fields and no others.
    pub const fn new(kind: &'static str, fields: &'static [(&'static str, Shape)]) -> Schema {
        Schema { kind, fields, is_closed: true }
    }

    /// The schema of a reply of this type, with any fields.
    pub(crate) const fn of_type(kind: &'static str) -> Schema {
        Schema { kind, fields: &[], is_closed: false }
    }

    /// The type of the reply.
    pub(crate) const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Checks a reply against this schema.
    pub(crate) fn check(&self, reply: &ClientReply<'_>) -> Result<(), SchemaMismatch> {
        let wrong =
            |field: &str, reason| Err(SchemaMismatch { field: Some(field.to_owned()), reason });
        if reply.kind().as_deref() != Some(self.kind) {
            let kind = reply.field("type").map_or("missing", RawValue::get);
            return wrong("type", format!("its type is {}", printable::excerpt(kind, MAX_SHOWN)));
        }
        for (name, shape) in self.fields {
            let field = reply.field(name).ok_or_else(|| format!("{name} is missing"))?;
            if !shape.matches(field) {
                return wrong(name, shape.mismatch(name, field));
            }
        }
        for (name, field) in reply.fields.iter().filter(|_| self.is_closed) {
            match name.as_str() {
                "type" => {}
                "msg_id" | "in_reply_to" => {
                    if !Shape::Integer.matches(field) {
                        return wrong(name, Shape::Integer.mismatch(name, field));
                    }
                }
                other if self.fields.iter().any(|(name, _)| *name == other) => {}
                other => {
                    let shown = printable::excerpt(other, MAX_SHOWN);
                    return wrong(other, format!("{shown} is not a key that it may have"));
                }
            }
        }
        Ok(())
    }
}

impl From<String> for SchemaMismatch {
    fn from(reason: String) -> SchemaMismatch {
        SchemaMismatch { field: None, reason }
    }
}

impl Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"type\": {:?}", self.kind)?;
        for (name, shape) in self.fields {
            write!(f, ", {name:?}: {shape}")?;
        }
        f.write_str(", \"in_reply_to\": integer}")
    }
}

impl Shape {
    /// The sentence about JSON that does not have this shape. It names the innermost wrong part.
    fn mismatch(self, path: &str, json: &RawValue) -> String {
        let inner = match self {
            Shape::List(shape) => list(json).and_then(|list| {
                let (place, wrong) = (0..).zip(list).find(|(_, inner)| !shape.matches(inner))?;
                Some(shape.mismatch(&format!("{path}[{place}]"), wrong))
            }),
            Shape::Pair(first, second) => match list(json).as_deref() {
                Some([one, _]) if !first.matches(one) => {
                    Some(first.mismatch(&format!("{path}[0]"), one))
                }
                Some([_, other]) => Some(second.mismatch(&format!("{path}[1]"), other)),
                _ => None,
            },
            Shape::Map(shape) => map(json).and_then(|map| {
                let (key, wrong) = map.into_iter().find(|(_, inner)| !shape.matches(inner))?;
                Some(shape.mismatch(&format!("{path}[{key:?}]"), wrong))
            }),
            Shape::Any | Shape::Integer | Shape::Transaction(_) => None,
        };
        inner.unwrap_or_else(|| {
            let article = if self == Shape::Integer { "an " } else { "" };
            let path = printable::excerpt(path, MAX_SHOWN);
            format!("{path} is not {article}{self}, but {}", describe_json(json.get(), MAX_SHOWN))
        })
    }

    /// True if this JSON has the shape.
    fn matches(self, json: &RawValue) -> bool {
        match self {
            Shape::Any => true,
            Shape::Integer => is_integer(json),
            Shape::List(_) | Shape::Transaction(_) if json.get() == "null" => true,
            // A fast path: most lists are long, and have any elements.
            Shape::List(Shape::Any) => json.get().starts_with('['),
            Shape::List(shape) => {
                list(json).is_some_and(|list| list.into_iter().all(|json| shape.matches(json)))
            }
            Shape::Pair(first, second) => match list(json).as_deref() {
                Some([one, other]) => first.matches(one) && second.matches(other),
                _ => false,
            },
            Shape::Map(shape) => {
                map(json).is_some_and(|map| map.into_values().all(|json| shape.matches(json)))
            }
            Shape::Transaction(write) => {
                list(json).is_some_and(|ops| ops.into_iter().all(|op| is_micro_op(op, write)))
            }
        }
    }
}

/// True if this is a number of any size without a fraction and an exponent.
pub(crate) fn is_integer(json: &RawValue) -> bool {
    let digits = json.get().strip_prefix('-').unwrap_or(json.get());
    digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// JSON behind the name of its kind, in at most `max_chars` characters: `the string "1"`.
pub(crate) fn describe_json(json: &str, max_chars: usize) -> String {
    let kind = match json.bytes().next() {
        Some(b'{') => "the object ",
        Some(b'[') => "the list ",
        Some(b'"') => "the string ",
        Some(b'-' | b'0'..=b'9') => "the number ",
        _ => "",
    };
    format!("{kind}{}", printable::excerpt(json, max_chars))
}

fn list(json: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json.get()).ok()
}

fn map(json: &RawValue) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(json.get()).ok()
}

/// True if this is a read or a write of this name. If writes append to lists, a read must have a
/// list or `null` as its value.
fn is_micro_op(json: &RawValue, write: &str) -> bool {
    let micro_op = serde_json::from_str::<(String, &RawValue, &RawValue)>(json.get());
    micro_op.is_ok_and(|(f, _, value)| {
        let is_of_lists = write == "append";
        let is_read = || !is_of_lists || value.get() == "null" || value.get().starts_with('[');
        f == write || (f == "r" && is_read())
    })
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Any => f.write_str("anything"),
            Shape::Integer => f.write_str("integer"),
            Shape::List(shape) => write!(f, "[{shape}, …]"),
            Shape::Pair(first, second) => write!(f, "[{first}, {second}]"),
            Shape::Map(shape) => write!(f, "{{string: {shape}, …}}"),
            Shape::Transaction("append") => {
                f.write_str("[[\"r\", key, [element, …] or null] or [\"append\", key, element], …]")
            }
            Shape::Transaction(write) => {
                write!(f, "[[\"r\", key, value] or [{write:?}, key, value], …]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: Shape = Shape::Pair(&Shape::Integer, &Shape::Any);

    #[test]
    fn a_field_must_have_the_shape_in_its_schema() {
        #[track_caller]
        fn check(shape: Shape, good: &[&str], bad: &[&str]) {
            for (json, expected) in
                good.iter().map(|json| (json, true)).chain(bad.iter().map(|json| (json, false)))
            {
                let json: Box<RawValue> = serde_json::from_str(json).unwrap();
                assert_eq!(shape.matches(&json), expected, "{json} as {shape}");
            }
        }
        let huge = "123456789012345678901234567890";
        check(Shape::Integer, &["0", "-7", huge], &["1.0", "1e3", "\"1\"", "null", "[1]"]);
        check(
            Shape::List(&Shape::Any),
            &["[]", "[1, null]", "null"],
            &["{}", "1", "\"\"", "false"],
        );
        check(Shape::List(&Shape::Integer), &["[]", "[1, 2]", "null"], &["[1, \"2\"]", "[null]"]);
        check(PAIR, &["[0, null]"], &["null", "[null, 0]", "[]"]);
        check(Shape::Map(&Shape::Integer), &["{}"], &["null", "{\"k\": null}"]);
        let good = ["{}", "{\"k\": []}", "{\"k\": null}", "{\"k\": [[0, \"a\"], [1, null]]}"];
        let bad = [
            "[]",
            "null",
            "{\"k\": 1}",
            "{\"k\": [null]}",
            "{\"k\": [[0]]}",
            "{\"k\": [[0, 1, 2]]}",
            "{\"k\": [[0.5, 1]]}",
        ];
        check(Shape::Map(&Shape::List(&PAIR)), &good, &bad);
        let append = Shape::Transaction("append");
        let good = ["null", "[]", "[[\"r\", 1, [2]], [\"r\", [], null], [\"append\", \"k\", 3.5]]"];
        let bad = [
            "[[\"r\", 1, 2]]",
            "[[\"w\", 1, 2]]",
            "[[\"append\", 1]]",
            "[null]",
            "[[\"r\", 1, [], 2]]",
            "{}",
        ];
        check(append, &good, &bad);
        let write = Shape::Transaction("w");
        check(write, &["[[\"r\", 1, 2], [\"w\", 1, {}]]"], &["[[\"append\", 1, 2]]", "[1]"]);
    }

    #[test]
    fn a_reply_has_the_keys_of_its_schema_and_no_others() {
        #[track_caller]
        fn check(body: &str, expected: &str) {
            let schema = Schema::new("read_ok", &[("messages", Shape::List(&Shape::Any))]);
            let body: Box<RawValue> = serde_json::from_str(body).unwrap();
            let reply = ClientReply::parse(&body).unwrap();
            let answer =
                schema.check(&reply).map_or_else(|error| error.reason, |()| "fine".to_owned());
            assert!(answer.contains(expected), "{answer}");
        }
        check(r#"{"type":"read_ok","messages":[1],"in_reply_to":1}"#, "fine");
        check(r#"{"type":"read_ok","messages":[],"in_reply_to":1,"msg_id":5}"#, "fine");
        check(r#"{"type":"read_okay","messages":[],"in_reply_to":1}"#, "its type is \"read_okay\"");
        check(r#"{"messages":[],"in_reply_to":1}"#, "its type is missing");
        check(r#"{"type":"read_ok","in_reply_to":1}"#, "messages is missing");
        check(
            r#"{"type":"read_ok","messages":{},"in_reply_to":1}"#,
            "messages is not [anything, …], but the object {}",
        );
        check(
            r#"{"type":"read_ok","messages":[],"in_reply_to":1,"value":2}"#,
            "value is not a key",
        );
        check(
            r#"{"type":"read_ok","messages":[],"msg_id":"x"}"#,
            "msg_id is not an integer, but the string \"x\"",
        );
        check(
            r#"{"type":"read_ok","messages":[],"msg_id":null}"#,
            "msg_id is not an integer, but null",
        );
        check(r#"{"type":"read_ok","messages":[],"msg_id":99999999999999999999}"#, "fine");
    }

    #[test]
    fn a_mismatch_names_the_innermost_wrong_part() {
        #[track_caller]
        fn check(shape: Shape, json: &str, expected: &str) {
            let json: Box<RawValue> = serde_json::from_str(json).unwrap();
            assert_eq!(shape.mismatch("x", &json), expected);
        }
        check(Shape::Integer, "\"abc\"", "x is not an integer, but the string \"abc\"");
        check(
            Shape::List(&Shape::Integer),
            "[1, \"2\"]",
            "x[1] is not an integer, but the string \"2\"",
        );
        check(
            Shape::List(&PAIR),
            "[[0, 1], [1.5, 2]]",
            "x[1][0] is not an integer, but the number 1.5",
        );
        check(Shape::List(&PAIR), "[[0]]", "x[0] is not [integer, anything], but the list [0]");
        check(
            Shape::Map(&Shape::Integer),
            "{\"k\": 1, \"l\": {}}",
            "x[\"l\"] is not an integer, but the object {}",
        );
        check(Shape::Map(&Shape::Integer), "7", "x is not {string: integer, …}, but the number 7");
    }

    #[test]
    fn a_reply_is_shown_with_the_wrong_field_first() {
        let body = RawValue::from_string(r#"{"type":"read_ok","a":1,"b":[2, 3]}"#.into()).unwrap();
        let reply = ClientReply::parse(&body).unwrap();
        let shown = reply.with_first(Some("b")).unwrap();
        assert_eq!(shown, r#"{"b":[2, 3],"type":"read_ok","a":1}"#);
        assert_eq!((reply.with_first(Some("c")), reply.with_first(None)), (None, None));
    }

    #[test]
    fn only_the_type_of_a_reply_to_init_is_checked() {
        let schema = Schema::of_type("init_ok");
        let check = |body: &str| {
            let body: Box<RawValue> = serde_json::from_str(body).unwrap();
            schema.check(&ClientReply::parse(&body).unwrap())
        };
        assert_eq!(check(r#"{"type":"init_ok","node_id":"n1","msg_id":null}"#), Ok(()));
        let reason = "its type is \"init\"".to_owned();
        let wrong = SchemaMismatch { field: Some("type".to_owned()), reason };
        assert_eq!(check(r#"{"type":"init"}"#), Err(wrong));
    }
}
