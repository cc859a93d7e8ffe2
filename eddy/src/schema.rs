//! The shapes that replies must have. They are closed, as Maelstrom's are: a key that a schema does
//! not name makes the reply malformed.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde_json::value::RawValue;

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

/// The fields of a body, each as its text.
pub(crate) type Fields<'a> = BTreeMap<String, &'a RawValue>;

impl Schema {
    pub(crate) const fn new(
        kind: &'static str,
        fields: &'static [(&'static str, Shape)],
    ) -> Schema {
        Schema { kind, fields }
    }

    /// Takes a reply apart, or says what is wrong with it.
    pub(crate) fn read<'a>(&self, body: &'a RawValue) -> Result<Fields<'a>, String> {
        let fields: Fields<'a> = serde_json::from_str(body.get())
            .map_err(|error| format!("it is no object: {error}"))?;
        let kind = fields.get("type").map(|kind| kind.get());
        let name: Option<String> = kind.and_then(|kind| serde_json::from_str(kind).ok());
        if name.as_deref() != Some(self.kind) {
            return Err(format!("its type is {}", kind.unwrap_or("missing")));
        }
        for (name, shape) in self.fields {
            let field = fields.get(*name).ok_or_else(|| format!("{name} is missing"))?;
            if *shape == Shape::List && !field.get().starts_with('[') {
                return Err(format!("{name} is no list"));
            }
        }
        for (name, field) in &fields {
            match name.as_str() {
                "type" => {}
                "msg_id" | "in_reply_to" => {
                    if field.get().parse::<i64>().is_err() {
                        return Err(format!("{name} is no integer"));
                    }
                }
                other if self.fields.iter().any(|(name, _)| *name == other) => {}
                other => return Err(format!("{other} is not a key that it may have")),
            }
        }
        Ok(fields)
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
            let answer = schema.read(&body).map_or_else(|error| error, |_| "fine".to_owned());
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
