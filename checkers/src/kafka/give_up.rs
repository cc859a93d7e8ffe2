//! Histories on which upstream's checker fails, so that its verdict is `:unknown`.

use super::{
    acts::{Acts, Key, Message},
    anomaly::{Told, when, who},
};
use crate::disguise;
use crate::edn::{Map, Value};

/// Why upstream's checker fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GiveUp {
    /// Polls that succeeded returned this key, but only ever with an empty list: there is no
    /// farthest message, and upstream looks at what is there all the same.
    NothingOf(Key),
    /// Somebody polled this message, or knows of it, and nobody was to send it.
    NoWriter { key: Key, message: Message },
    /// An offset is no integer of 64 bits.
    BadOffset(String),
}

impl GiveUp {
    /// What a history has that upstream does not expect.
    pub(super) fn of(told: &Told<'_>) -> Option<GiveUp> {
        let bad_offset = told.acts.bad_offset.clone().map(GiveUp::BadOffset);
        bad_offset.or_else(|| {
            let (_, key, message) = told.facts.without_writer?;
            Some(GiveUp::NoWriter { key, message })
        })
    }

    /// What stands under `:error`; upstream has Java's account of the exception there.
    pub(super) fn to_edn(&self, acts: &Acts<'_>) -> Value {
        let map = Map::new();
        match self {
            GiveUp::NothingOf(key) => map
                .with("cause", "every poll of this key was empty")
                .with("data", Map::new().with("key", acts.keys.value(*key).clone())),
            GiveUp::NoWriter { key, message } => {
                let data = Map::new()
                    .with("type", Value::keyword("no-writer-of-value"))
                    .with("key", acts.keys.value(*key).clone())
                    .with("value", acts.messages.value(*message).clone());
                map.with("cause", "a message that nobody sent").with("data", data)
            }
            GiveUp::BadOffset(sentence) => map.with("cause", sentence.as_str()),
        }
        .into()
    }

    /// The same, for people.
    pub(super) fn sentence(&self, told: &Told<'_>) -> String {
        match self {
            GiveUp::NothingOf(key) => format!(
                "polls returned key {} and never a message of it, on which Maelstrom's checker \
                 fails; a node should leave out of poll_ok the keys that it has nothing for",
                told.key(*key).json(),
            ),
            GiveUp::NoWriter { key, message } => {
                let value = told.message(*message);
                let is_known = |known: &Value| {
                    let known = told.acts.messages.known(known);
                    known.is_some_and(|known| told.facts.writer(*key, known).is_some())
                };
                let hint = disguise::hint(value, is_known);
                let (key, value) = (told.key(*key).json(), value.json());
                let reader = told.facts.without_writer.map(|(reader, ..)| told.act(reader));
                let reader = reader.map_or(String::new(), |act| {
                    format!("{} polled it ({}); ", who(act.op), when(act.op))
                });
                format!(
                    "key {key}: nobody sent {value}: {reader}Maelstrom's checker fails on messages \
                     that come from nowhere{hint}"
                )
            }
            GiveUp::BadOffset(sentence) => {
                format!("{sentence}: Maelstrom's checker fails on all but integers of 64 bits")
            }
        }
    }
}
