//! The state of a consumer: the next offset to poll of each assigned key.

use std::collections::BTreeMap;

use serde_json::json;

use crate::client::{ClientReply, ClientRequest, OperationStep, ResultSource, Schema, Shape};
use crate::edn::Value;

const PAIR: Shape = Shape::Pair(&Shape::Integer, &Shape::Any);

/// The schema of a reply to a poll.
pub(super) const POLL_REPLY: Schema =
    Schema::new("poll_ok", &[("msgs", Shape::Map(&Shape::List(&PAIR)))]);

/// The schema of a reply to a request for committed offsets.
pub(super) const LIST_COMMITTED_REPLY: Schema =
    Schema::new("list_committed_offsets_ok", &[("offsets", Shape::Map(&Shape::Integer))]);

const COMMIT_REPLY: Schema = Schema::new("commit_offsets_ok", &[]);

#[derive(Debug, Default)]
pub(super) struct Consumer {
    /// The next offset to poll, by assigned key.
    next_offsets: BTreeMap<String, i64>,
    /// The last poll, while its commit is not acknowledged.
    pending_commit: Option<PendingCommit>,
}

#[derive(Debug)]
struct PendingCommit {
    polled: Value,
    /// The highest offset of each key.
    offsets: BTreeMap<String, i64>,
}

impl Consumer {
    pub(super) fn from_beginning(keys: &[String]) -> Consumer {
        let next_offsets = keys.iter().map(|key| (key.clone(), 0)).collect();
        Consumer { next_offsets, pending_commit: None }
    }

    pub(super) fn offsets(&self) -> BTreeMap<String, i64> {
        self.next_offsets.clone()
    }

    /// Assigns these keys and no others. Each starts at the offset that this consumer has reached,
    /// or else at the committed one, or else at 0. Returns the committed offsets of the reply.
    pub(super) fn assign(
        &mut self,
        keys: &Value,
        reply: &ClientReply<'_>,
    ) -> Result<BTreeMap<String, i64>, String> {
        let committed = ResultSource::Field("offsets").value(keys, reply)?;
        let committed = parse_offsets(&committed)?;
        let keys = keys.as_sequence().unwrap_or_default().iter().filter_map(Value::as_str);
        let offset =
            |key| self.next_offsets.get(key).or_else(|| committed.get(key)).copied().unwrap_or(0);
        self.next_offsets = keys.map(|key| (key.to_owned(), offset(key))).collect();
        Ok(committed)
    }

    /// The offsets whose commit this reply acknowledges.
    pub(super) fn acknowledged_commit(
        &self,
        reply: &ClientReply<'_>,
    ) -> Option<BTreeMap<String, i64>> {
        let is_commit = reply.kind().as_deref() == Some(COMMIT_REPLY.kind());
        self.pending_commit.as_ref().filter(|_| is_commit).map(|commit| commit.offsets.clone())
    }

    /// Handles the reply to a poll, and the reply to the commit that may follow it.
    pub(super) fn handle_poll_reply(
        &mut self,
        sent: &Value,
        reply: &ClientReply<'_>,
    ) -> Result<OperationStep, String> {
        if reply.kind().as_deref() == Some(COMMIT_REPLY.kind()) {
            let polled = self.pending_commit.take().map(|commit| commit.polled);
            return Ok(OperationStep::Done(polled.unwrap_or(Value::Nil)));
        }
        let messages = ResultSource::Field("msgs").value(sent, reply)?;
        let mut seen = BTreeMap::new();
        for (key, highest) in highest_offsets(&messages)? {
            let next = self.next_offsets.entry(key.clone()).or_default();
            *next = (*next).max(highest.map_or(0, |offset| offset.saturating_add(1)));
            seen.extend(highest.map(|offset| (key, offset.max(0))));
        }
        let value = Value::from(vec![vec![Value::keyword("poll"), messages].into()]);
        if seen.is_empty() {
            return Ok(OperationStep::Done(value));
        }
        let body = json!({"type": "commit_offsets", "offsets": seen});
        self.pending_commit = Some(PendingCommit { polled: value, offsets: seen });
        Ok(OperationStep::Ask(ClientRequest::new(body, COMMIT_REPLY, ResultSource::Sent)))
    }
}

/// The offsets by key in a map of the right shape.
fn parse_offsets(map: &Value) -> Result<BTreeMap<String, i64>, String> {
    let Value::Map(map) = map else { return Ok(BTreeMap::new()) };
    let offsets = map.iter().filter_map(|(key, offset)| Some((key.as_str()?, offset)));
    offsets.map(|(key, offset)| Ok((key.to_owned(), offset_number(key, offset)?))).collect()
}

/// The highest offset of each key; `None` for a key without messages.
fn highest_offsets(messages: &Value) -> Result<BTreeMap<String, Option<i64>>, String> {
    let Value::Map(messages) = messages else { return Ok(BTreeMap::new()) };
    let keys = messages.iter().filter_map(|(key, pairs)| Some((key.as_str()?, pairs)));
    keys.map(|(key, pairs)| {
        let pairs = pairs.as_sequence().unwrap_or_default().iter();
        let offsets = pairs.filter_map(|pair| pair.as_sequence()?.first());
        let offsets: Result<Vec<i64>, String> =
            offsets.map(|offset| offset_number(key, offset)).collect();
        Ok((key.to_owned(), offsets?.into_iter().max()))
    })
    .collect()
}

fn offset_number(key: &str, offset: &Value) -> Result<i64, String> {
    offset.as_int().ok_or_else(|| format!("the offset {offset} of key {key:?} is beyond 64 bits"))
}
