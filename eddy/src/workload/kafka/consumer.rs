//! What a client remembers: from which offset on it polls each of its keys.

use std::collections::BTreeMap;

use serde_json::json;

use crate::client::{Answer, Outcome, Reply, Request, Schema, Shape};
use crate::edn::Value;

const PAIR: Shape = Shape::Pair(&Shape::Integer, &Shape::Any);

/// What a poll must be answered.
pub(super) const POLLED: Schema =
    Schema::new("poll_ok", &[("msgs", Shape::Map(&Shape::List(&PAIR)))]);

/// What the question for committed offsets must be answered.
pub(super) const COMMITTED: Schema =
    Schema::new("list_committed_offsets_ok", &[("offsets", Shape::Map(&Shape::Integer))]);

const COMMIT: Schema = Schema::new("commit_offsets_ok", &[]);

#[derive(Debug, Default)]
pub(super) struct Consumer {
    /// The offset to be polled next, by key.
    offsets: BTreeMap<String, i64>,
    /// What was polled and is being committed.
    committing: Option<Committing>,
}

#[derive(Debug)]
struct Committing {
    polled: Value,
    /// The highest offset of each key.
    offsets: BTreeMap<String, i64>,
}

impl Consumer {
    pub(super) fn at_the_beginning_of(keys: &[String]) -> Consumer {
        let offsets = keys.iter().map(|key| (key.clone(), 0)).collect();
        Consumer { offsets, committing: None }
    }

    pub(super) fn offsets(&self) -> BTreeMap<String, i64> {
        self.offsets.clone()
    }

    /// Goes on with these keys and no others: where it was, or else where the nodes say that
    /// somebody was, or at the beginning. Gives what the nodes say.
    pub(super) fn assign(
        &mut self,
        keys: &Value,
        reply: &Reply<'_>,
    ) -> Result<BTreeMap<String, i64>, String> {
        let committed = Outcome::Field("offsets").of(keys, reply)?;
        let committed = offsets_of(&committed)?;
        let keys = keys.as_sequence().unwrap_or_default().iter().filter_map(Value::as_str);
        let offset =
            |key| self.offsets.get(key).or_else(|| committed.get(key)).copied().unwrap_or(0);
        self.offsets = keys.map(|key| (key.to_owned(), offset(key))).collect();
        Ok(committed)
    }

    /// The offsets of which this reply says that they are committed.
    pub(super) fn committed(&self, reply: &Reply<'_>) -> Option<BTreeMap<String, i64>> {
        let is_commit = reply.kind().as_deref() == Some(COMMIT.kind());
        self.committing.as_ref().filter(|_| is_commit).map(|commit| commit.offsets.clone())
    }

    /// What comes of the answer to a poll, and of that to the commit that may follow it.
    pub(super) fn polled(&mut self, sent: &Value, reply: &Reply<'_>) -> Result<Answer, String> {
        if reply.kind().as_deref() == Some(COMMIT.kind()) {
            let polled = self.committing.take().map(|commit| commit.polled);
            return Ok(Answer::Done(polled.unwrap_or(Value::Nil)));
        }
        let messages = Outcome::Field("msgs").of(sent, reply)?;
        let mut seen = BTreeMap::new();
        for (key, highest) in highest_offsets(&messages)? {
            let next = self.offsets.entry(key.clone()).or_default();
            *next = (*next).max(highest.map_or(0, |offset| offset.saturating_add(1)));
            seen.extend(highest.map(|offset| (key, offset.max(0))));
        }
        let value = Value::from(vec![vec![Value::keyword("poll"), messages].into()]);
        if seen.is_empty() {
            return Ok(Answer::Done(value));
        }
        let body = json!({"type": "commit_offsets", "offsets": seen});
        self.committing = Some(Committing { polled: value, offsets: seen });
        Ok(Answer::Ask(Request::new(body, COMMIT, Outcome::Sent)))
    }
}

/// The offsets by key of a map that has the right shape.
fn offsets_of(map: &Value) -> Result<BTreeMap<String, i64>, String> {
    let Value::Map(map) = map else { return Ok(BTreeMap::new()) };
    let offsets = map.iter().filter_map(|(key, offset)| Some((key.as_str()?, offset)));
    offsets.map(|(key, offset)| Ok((key.to_owned(), number(key, offset)?))).collect()
}

/// The highest offset of each key, if there is any message.
fn highest_offsets(messages: &Value) -> Result<BTreeMap<String, Option<i64>>, String> {
    let Value::Map(messages) = messages else { return Ok(BTreeMap::new()) };
    let keys = messages.iter().filter_map(|(key, pairs)| Some((key.as_str()?, pairs)));
    keys.map(|(key, pairs)| {
        let pairs = pairs.as_sequence().unwrap_or_default().iter();
        let offsets = pairs.filter_map(|pair| pair.as_sequence()?.first());
        let offsets: Result<Vec<i64>, String> = offsets.map(|offset| number(key, offset)).collect();
        Ok((key.to_owned(), offsets?.into_iter().max()))
    })
    .collect()
}

fn number(key: &str, offset: &Value) -> Result<i64, String> {
    offset.as_int().ok_or_else(|| format!("the offset {offset} of key {key:?} is beyond 64 bits"))
}
