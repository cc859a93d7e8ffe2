//! Messages that carried a value.
//!
//! A number that equals a broadcast value may also be a message id, a length or a term. So an equal
//! number counts only where data is: in an array, or in a field whose name holds the value in a
//! client's request. Nodes may use other names among themselves. But matching any equal number
//! would make false claims, so the report only says that no message shows the value.

use std::collections::BTreeSet;

use eddy_checkers::edn::Value;
use serde_json::Value as Json;

use super::messages::Arrow;

/// Fields with message ids, which are not data.
const ID_FIELDS: [&str; 2] = ["msg_id", "in_reply_to"];

/// Pattern of a value in message bodies.
#[derive(Debug)]
pub(super) struct ValuePattern {
    value: Json,
    /// JSON text of the value, for a fast check before parsing.
    text: String,
    /// Field names that hold the value.
    names: BTreeSet<String>,
}

impl ValuePattern {
    /// Pattern for a value. Its field names are taken from these messages of a client. `None` if
    /// JSON has no such value.
    pub(super) fn new<'a>(
        value: &Value,
        asked: impl Iterator<Item = &'a Arrow<'a>>,
    ) -> Option<ValuePattern> {
        let text = match value {
            Value::Int(_) | Value::BigInt(_) | Value::BigInteger(_) => {
                value.to_string().trim_end_matches('N').to_owned()
            }
            Value::Str(text) => serde_json::to_string(text).ok()?,
            _ => return None,
        };
        let value: Json = serde_json::from_str(&text).ok()?;
        let mut names = BTreeSet::new();
        for arrow in asked {
            if let Ok(Json::Object(body)) = serde_json::from_str(arrow.message.body.get()) {
                let is_it = |(_, field): &(_, Json)| *field == value;
                names.extend(body.into_iter().filter(is_it).map(|(name, _)| name));
            }
        }
        names.retain(|name| !ID_FIELDS.contains(&name.as_str()));
        Some(ValuePattern { value, text, names })
    }

    /// True if a message carried the value.
    pub(super) fn is_in(&self, arrow: &Arrow<'_>) -> bool {
        let body = arrow.message.body.get();
        body.contains(&self.text)
            && serde_json::from_str(body).is_ok_and(|body| self.is_below(&body, false))
    }

    fn is_below(&self, json: &Json, is_data: bool) -> bool {
        match json {
            Json::Array(elements) => elements.iter().any(|element| self.is_below(element, true)),
            Json::Object(fields) => {
                fields.iter().any(|(name, value)| self.is_below(value, self.names.contains(name)))
            }
            leaf => is_data && *leaf == self.value,
        }
    }
}
