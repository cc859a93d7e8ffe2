//! Which answer belongs to which question: the callbacks that wait, by `msg_id`.
//!
//! A callback is in the table from before its request is written until its answer comes, its time
//! is up, or nobody waits any longer, whichever is first. So the table is bounded by the calls that
//! are being awaited: it has no limit of its own, because a call that were refused a place would
//! have to wait for one, in a future that takes as much memory as the place. An answer that comes
//! late or twice finds nobody and is dropped.
//!
//! So does an answer to a node's former life. Every life begins to count at a random number, one of
//! 2^30: two lives of 5000 calls each have a number in common once in 100 000 times, and even then
//! the answer must come late, and just while the call that has its number waits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::body::Mismatch;
use crate::error::RpcError;
use crate::incoming::Incoming;

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

/// What is done with an answer, there where it lies.
type Callback = Box<dyn FnOnce(&Incoming<'_>)>;

/// The calls that wait for their answers.
pub(crate) struct Calls {
    next_id: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, Callback>>,
}

/// A place in the table, given back on drop.
pub(crate) struct Call<'a, R> {
    calls: &'a Calls,
    id: u64,
    answer: oneshot::Receiver<Result<R, RpcError>>,
}

impl Calls {
    /// No calls yet; the first one's `msg_id` will be this.
    pub(crate) fn counting_from(first_id: u64) -> Self {
        Calls { next_id: Cell::new(first_id), waiting: RefCell::default() }
    }

    /// Takes a new `msg_id` and a place in the table.
    pub(crate) fn open<R: DeserializeOwned + 'static>(&self) -> Call<'_, R> {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        let (sender, answer) = oneshot::channel();
        let callback = move |incoming: &Incoming<'_>| {
            // Whoever waits no longer has taken this out of the table, so nothing is lost.
            let _ = sender.send(read(incoming));
        };
        self.waiting.borrow_mut().insert(id, Box::new(callback));
        Call { calls: self, id, answer }
    }

    /// Hands an answer to whoever waits for it, if anybody does.
    pub(crate) fn answer(&self, in_reply_to: u64, incoming: &Incoming<'_>) {
        let callback = self.waiting.borrow_mut().remove(&in_reply_to);
        if let Some(callback) = callback {
            callback(incoming);
        }
    }
}

impl<R> Call<'_, R> {
    /// The `msg_id` that the request must carry.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Waits for the answer, which comes once; the caller sets the time limit.
    pub(crate) async fn answer(&mut self) -> Result<R, RpcError> {
        let answer = (&mut self.answer).await;
        answer.expect("a callback leaves the table only with its answer or its call")
    }
}

impl<R> Drop for Call<'_, R> {
    fn drop(&mut self) {
        self.calls.waiting.borrow_mut().remove(&self.id);
    }
}

fn read<R: DeserializeOwned>(answer: &Incoming<'_>) -> Result<R, RpcError> {
    let unreadable = |mismatch: Mismatch| RpcError::Unreadable {
        body: answer.text().to_owned(),
        reason: mismatch.to_string(),
    };
    if answer.header().kind == "error" {
        return Err(answer.body().read().map_or_else(unreadable, RpcError::Refused));
    }
    answer.body().read().map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::error::ErrorCode;
    use crate::lines::Line;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Value {
        value: u64,
    }

    /// Hears an answer with this body.
    fn hear(calls: &Calls, in_reply_to: u64, body: &str) {
        let line = format!(r#"{{"src":"n2","dest":"n1","body":{body}}}"#);
        calls.answer(in_reply_to, &Incoming::parse(&Line::Whole(line.as_bytes())).unwrap());
    }

    #[tokio::test]
    async fn an_answer_finds_its_question_and_leaves_the_table() {
        let calls = Calls::counting_from(1);
        let (mut first, mut second) = (calls.open(), calls.open());
        hear(&calls, second.id(), r#"{"type":"read_ok","value":2}"#);
        hear(&calls, first.id(), r#"{"type":"read_ok","value":1}"#);
        assert!(calls.waiting.borrow().is_empty());
        assert_eq!(first.answer().await, Ok(Value { value: 1 }));
        assert_eq!(second.answer().await, Ok(Value { value: 2 }));
    }

    #[tokio::test]
    async fn answers_that_come_late_or_twice_or_to_nobody_are_dropped() {
        let calls = Calls::counting_from(1);
        let mut call = calls.open();
        hear(&calls, call.id(), r#"{"type":"read_ok","value":1}"#);
        hear(&calls, call.id(), r#"{"type":"read_ok","value":2}"#);
        hear(&calls, 99, r#"{"type":"read_ok","value":3}"#);
        assert_eq!(call.answer().await, Ok(Value { value: 1 }));
        let gone = calls.open::<Value>();
        let id = gone.id();
        drop(gone);
        assert!(calls.waiting.borrow().is_empty());
        hear(&calls, id, r#"{"type":"read_ok","value":4}"#);
    }

    #[tokio::test]
    async fn an_error_reply_is_a_typed_error() {
        let calls = Calls::counting_from(1);
        let mut call = calls.open::<Value>();
        hear(&calls, call.id(), r#"{"type":"error","code":22,"text":"no"}"#);
        let refused = RpcError::Refused(ErrorCode::PreconditionFailed.error("no"));
        assert_eq!(call.answer().await, Err(refused));
    }

    #[tokio::test]
    async fn an_answer_of_another_shape_says_what_came() {
        let calls = Calls::counting_from(1);
        let mut call = calls.open::<Value>();
        hear(&calls, call.id(), r#"{"type":"read_ok","value":"text"}"#);
        let error = call.answer().await.unwrap_err();
        assert!(error.to_string().contains(r#""value":"text"}"#), "{error}");
        assert!(!error.is_definite());
    }
}
