//! The shapes that replies must have. They are closed, as Maelstrom's are: a key that a schema does
//! not name makes the reply malformed.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde_json::value::RawValue;

use crate::printable;

/// How much of a key or type is shown that no reply has.
const EXCERPT: usize = 100;

/// What a reply must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schema {
    kind: &'static str,
    fields: &'static [(&'static str, Shape)],
}

/// What a field must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Anything.
    Any,
    /// A list of anything.
    List,
}

/// A reply, taken apart once for all who look into it.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    /// The whole of it.
    pub(crate) body: &'a RawValue,
    /// Each field as its text. Of a key that comes twice the last one counts, as in Maelstrom.
    fields: BTreeMap<String, &'a RawValue>,
}

impl<'a> Reply<'a> {
    /// Takes a body apart, if it is an object.
    pub(crate) fn read(body: &'a RawValue) -> serde_json::Result<Reply<'a>> {
        Ok(Reply { body, fields: serde_json::from_str(body.get())? })
    }

    /// The text of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.get(name).copied()
    }

    /// The type, if it has one that is a string.
    pub(crate) fn kind(&self) -> Option<String> {
        self.field("type").and_then(|kind| serde_json::from_str(kind.get()).ok())
    }
}

impl Schema {
    pub(crate) const fn new(
        kind: &'static str,
        fields: &'static [(&'static str, Shape)],
    ) -> Schema {
        Schema { kind, fields }
    }

    /// Says what is wrong with a reply, if anything is.
    pub(crate) fn check(&self, reply: &Reply<'_>) -> Result<(), String> {
        if reply.kind().as_deref() != Some(self.kind) {
            let kind = reply.field("type").map_or("missing", RawValue::get);
            return Err(format!("its type is {}", printable::excerpt(kind, EXCERPT)));
        }
        for (name, shape) in self.fields {
            let field = reply.field(name).ok_or_else(|| format!("{name} is missing"))?;
            if *shape == Shape::List && !field.get().starts_with('[') {
                return Err(format!("{name} is no list"));
            }
        }
        for (name, field) in &reply.fields {
            match name.as_str() {
                "type" => {}
                "msg_id" | "in_reply_to" => {
                    if field.get().parse::<i64>().is_err() {
                        return Err(format!("{name} is no integer"));
                    }
                }
                other if self.fields.iter().any(|(name, _)| *name == other) => {}
                other => {
                    let other = printable::excerpt(other, EXCERPT);
                    return Err(format!("{other} is not a key that it may have"));
                }
            }
        }
        Ok(())
    }
}

impl Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"type\": {:?}", self.kind)?;
        for (name, shape) in self.fields {
            let shape = match shape {
                Shape::Any => "anything",
                Shape::List => "[anything, …]",
            };
            write!(f, ", {name:?}: {shape}")?;
        }
        f.write_str(", \"in_reply_to\": integer}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_has_the_keys_of_its_schema_and_no_others() {
        #[track_caller]
        fn check(body: &str, expected: &str) {
            let schema = Schema::new("read_ok", &[("messages", Shape::List)]);
            let body: Box<RawValue> = serde_json::from_str(body).unwrap();
            let reply = Reply::read(&body).unwrap();
            let answer = schema.check(&reply).map_or_else(|error| error, |()| "fine".to_owned());
            assert!(answer.contains(expected), "{answer}");
        }
        check(r#"{"type":"read_ok","messages":[1],"in_reply_to":1}"#, "fine");
        check(r#"{"type":"read_ok","messages":[],"in_reply_to":1,"msg_id":5}"#, "fine");
        check(r#"{"type":"read_okay","messages":[],"in_reply_to":1}"#, "its type is \"read_okay\"");
        check(r#"{"messages":[],"in_reply_to":1}"#, "its type is missing");
        check(r#"{"type":"read_ok","in_reply_to":1}"#, "messages is missing");
        check(r#"{"type":"read_ok","messages":{},"in_reply_to":1}"#, "messages is no list");
        check(
            r#"{"type":"read_ok","messages":[],"in_reply_to":1,"value":2}"#,
            "value is not a key",
        );
        check(r#"{"type":"read_ok","messages":[],"msg_id":"x"}"#, "msg_id is no integer");
    }
}
