//! Which answer belongs to which question: the callbacks that wait, by `msg_id`.
//!
//! A callback is in the table from before its request is written until its answer comes, its time
//! is up, or nobody waits any longer, whichever is first. So the table is bounded by the calls that
//! are being awaited: it has no limit of its own, because a call that were refused a place would
//! have to wait for one, in a future that takes as much memory as the place. An answer that comes
//! late or twice finds nobody and is dropped.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::body;
use crate::error::RpcError;

/// How a call is repeated when it fails: exponential back-off with jitter.
///
/// Every attempt has its own `msg_id`, and so only its own answer counts: a request that is
/// repeated may happen more than once, which is the business of whoever receives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How long the first attempt waits for its answer; each further one waits twice as long as the
    /// one before, up to `longest`, so that a slow link does not look like a dead one forever.
    pub within: Duration,
    /// How long to pause after the first failure, less up to half of it at random, so that those
    /// who failed together do not come back together; twice as long after each further one, up to
    /// `longest`.
    pub pause: Duration,
    /// The limit to both. Larger costs time after a link heals, smaller costs messages while it is
    /// cut.
    pub longest: Duration,
    /// When to give up, counted from the first attempt; `None` for never.
    pub deadline: Option<Duration>,
    /// Whether to repeat what was refused with a definite error, or answered with something that
    /// cannot be read, too.
    pub even_if_refused: bool,
}

impl Default for Retry {
    /// One second for the first attempt, pauses from 100 ms to 2 s, no end, and a definite error is
    /// an answer like any other.
    fn default() -> Self {
        Retry {
            within: Duration::from_secs(1),
            pause: Duration::from_millis(100),
            longest: Duration::from_secs(2),
            deadline: None,
            even_if_refused: false,
        }
    }
}

impl Retry {
    pub(crate) fn applies_to(&self, error: &RpcError) -> bool {
        self.even_if_refused
            || match error {
                RpcError::TimedOut { .. } => true,
                RpcError::Refused(error) => !error.code.is_definite(),
                RpcError::Unreadable { .. } => false,
            }
    }
}

/// The calls that wait for their answers.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    last_id: Cell<u64>,
    waiting: RefCell<HashMap<u64, oneshot::Sender<Answer>>>,
}

/// A body that came in reply: at most one for each call, until the call reads it.
#[derive(Debug)]
pub(crate) struct Answer {
    kind: String,
    body: Box<RawValue>,
}

/// A place in the table, given back on drop.
pub(crate) struct Call<'a> {
    calls: &'a Calls,
    id: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Calls {
    /// Takes a new `msg_id` and a place in the table.
    pub(crate) fn open(&self) -> Call<'_> {
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        let (callback, answer) = oneshot::channel();
        self.waiting.borrow_mut().insert(id, callback);
        Call { calls: self, id, answer }
    }

    /// Hands an answer to whoever waits for it, if anybody does.
    pub(crate) fn answer(&self, in_reply_to: u64, kind: &str, body: &RawValue) {
        let callback = self.waiting.borrow_mut().remove(&in_reply_to);
        if let Some(callback) = callback {
            let _ = callback.send(Answer { kind: kind.to_owned(), body: body.to_owned() });
        }
    }
}

impl Call<'_> {
    /// The `msg_id` that the request must carry.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Waits for the answer, which comes once; the caller sets the time limit.
    pub(crate) async fn answer<R: DeserializeOwned>(&mut self) -> Result<R, RpcError> {
        let answer = (&mut self.answer).await;
        answer.expect("a callback leaves the table only with its answer or its call").read()
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.waiting.borrow_mut().remove(&self.id);
    }
}

impl Answer {
    fn read<R: DeserializeOwned>(&self) -> Result<R, RpcError> {
        let text = self.body.get();
        let unreadable = |reason: String| RpcError::Unreadable { body: text.to_owned(), reason };
        if self.kind == "error" {
            let error =
                serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
            return Err(RpcError::Refused(error));
        }
        body::read(&self.kind, text).map_err(|mismatch| unreadable(mismatch.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::error::ErrorCode;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Value {
        value: u64,
    }

    fn raw(text: &str) -> Box<RawValue> {
        serde_json::from_str(text).unwrap()
    }

    #[tokio::test]
    async fn an_answer_finds_its_question_and_leaves_the_table() {
        let calls = Calls::default();
        let (mut first, mut second) = (calls.open(), calls.open());
        calls.answer(second.id(), "read_ok", &raw(r#"{"value":2}"#));
        calls.answer(first.id(), "read_ok", &raw(r#"{"value":1}"#));
        assert!(calls.waiting.borrow().is_empty());
        assert_eq!(first.answer().await, Ok(Value { value: 1 }));
        assert_eq!(second.answer().await, Ok(Value { value: 2 }));
    }

    #[tokio::test]
    async fn answers_that_come_late_or_twice_or_to_nobody_are_dropped() {
        let calls = Calls::default();
        let mut call = calls.open();
        calls.answer(call.id(), "read_ok", &raw(r#"{"value":1}"#));
        calls.answer(call.id(), "read_ok", &raw(r#"{"value":2}"#));
        calls.answer(99, "read_ok", &raw(r#"{"value":3}"#));
        assert_eq!(call.answer().await, Ok(Value { value: 1 }));
        let gone = calls.open();
        let id = gone.id();
        drop(gone);
        assert!(calls.waiting.borrow().is_empty());
        calls.answer(id, "read_ok", &raw(r#"{"value":4}"#));
    }

    #[tokio::test]
    async fn an_error_reply_is_a_typed_error() {
        let calls = Calls::default();
        let mut call = calls.open();
        calls.answer(call.id(), "error", &raw(r#"{"type":"error","code":22,"text":"no"}"#));
        let refused = RpcError::Refused(ErrorCode::PreconditionFailed.error("no"));
        assert_eq!(call.answer::<Value>().await, Err(refused));
    }

    #[tokio::test]
    async fn an_answer_of_another_shape_says_what_came() {
        let calls = Calls::default();
        let mut call = calls.open();
        calls.answer(call.id(), "read_ok", &raw(r#"{"value":"text"}"#));
        let error = call.answer::<Value>().await.unwrap_err();
        assert!(error.to_string().contains(r#"{"value":"text"}"#), "{error}");
        assert!(!error.is_definite());
    }
}
