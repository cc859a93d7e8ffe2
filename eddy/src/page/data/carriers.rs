//! Which messages carried a value.
//!
//! A number that is a value of a broadcast may as well be a message's id, a length or a term. So it
//! counts only where data is: in an array, or under a name under which a client's request has it.
//! Nodes call it as they like among themselves, though. So if none of their messages has it there,
//! it counts anywhere but as the id of a message.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::messages::Arrow;
use crate::edn::Value;

/// The names of messages' ids, which are no data.
const IDS: [&str; 2] = ["msg_id", "in_reply_to"];

/// How sure it is that a message carried a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Carries {
    No,
    /// A number that it has may be the value.
    Maybe,
    /// It is where data is.
    Yes,
}

/// What is looked for.
#[derive(Debug)]
pub(super) struct Wanted {
    value: Json,
    /// As JSON has it.
    text: String,
    /// Under which names.
    names: BTreeSet<String>,
}

impl Wanted {
    /// A value that these messages of a client ask about; `None` if JSON has no such value.
    pub(super) fn new<'a>(
        value: &Value,
        asked: impl Iterator<Item = &'a Arrow<'a>>,
    ) -> Option<Wanted> {
        let text = match value {
            Value::Int(_) | Value::BigInt(_) => value.to_string().trim_end_matches('N').to_owned(),
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
        names.retain(|name| !IDS.contains(&name.as_str()));
        Some(Wanted { value, text, names })
    }

    /// Whether a message carried it.
    pub(super) fn is_in(&self, arrow: &Arrow<'_>) -> Carries {
        let body = arrow.message.body.get();
        if !body.contains(&self.text) {
            return Carries::No;
        }
        let body: Result<Json, _> = serde_json::from_str(body);
        body.map_or(Carries::No, |body| self.below(&body, Carries::Maybe))
    }

    /// Whether it is in here, where a leaf that is equal means so much.
    fn below(&self, json: &Json, means: Carries) -> Carries {
        let below = match json {
            Json::Array(elements) => {
                elements.iter().map(|element| self.below(element, Carries::Yes)).max()
            }
            Json::Object(fields) => {
                fields.iter().map(|(name, value)| self.in_field(name, value)).max()
            }
            leaf => (*leaf == self.value).then_some(means),
        };
        below.unwrap_or(Carries::No)
    }

    fn in_field(&self, name: &str, value: &Json) -> Carries {
        let means = match name {
            name if self.names.contains(name) => Carries::Yes,
            name if IDS.contains(&name) => Carries::No,
            _ => Carries::Maybe,
        };
        let is_name = match &self.value {
            Json::String(text) => text == name,
            _ => self.text == name,
        };
        self.below(value, means).max(if is_name { Carries::Maybe } else { Carries::No })
    }
}
