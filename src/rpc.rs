//! Pending calls: a table from `msg_id` to the callback that takes the reply.
//!
//! A callback is inserted before its request is written, and removed by the reply, by the timeout,
//! or when the call is dropped. So the table holds only calls that somebody awaits. It needs no
//! limit: a call that were refused an entry would wait for one in a future of the same size. A late
//! or duplicate reply finds no callback and is dropped.
//!
//! A reply to a former incarnation of the node is dropped, too, because each incarnation numbers
//! its calls from a random start, one of 2^30. Two incarnations of 5000 calls each share a number
//! once in 100 000 times. Even then, such a reply does harm only if it arrives while the new call
//! with its number is pending.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::body::BodyError;
use crate::error::RpcError;
use crate::incoming::Incoming;

/// Retry policy of a call: exponential backoff with jitter.
///
/// Each attempt has its own `msg_id`, and only a reply to the current one counts. So the receiver
/// may handle a repeated request more than once, and has to tolerate that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Timeout of the first attempt. Each further attempt has twice the timeout of the last, up to
    /// `max_delay`, so that calls succeed over a slow link, too.
    pub timeout: Duration,
    /// Pause after the first failure. It doubles with each further one, up to `max_delay`. Up to
    /// half of it is subtracted at random, so that callers that failed together do not retry
    /// together.
    pub backoff: Duration,
    /// Upper limit of timeouts and pauses. Larger takes longer to notice that a link has healed;
    /// smaller sends more messages while it is cut.
    pub max_delay: Duration,
    /// Total time after which to give up, from the first attempt; `None` for never.
    pub give_up_after: Option<Duration>,
    /// True to repeat after definite errors and unreadable replies as well.
    pub on_any_error: bool,
}

impl Default for Retry {
    /// A timeout of 1 s for the first attempt, pauses from 100 ms to 2 s, no end, and no repetition
    /// after a definite error.
    fn default() -> Self {
        Retry {
            timeout: Duration::from_secs(1),
            backoff: Duration::from_millis(100),
            max_delay: Duration::from_secs(2),
            give_up_after: None,
            on_any_error: false,
        }
    }
}

impl Retry {
    pub(crate) fn applies_to(&self, error: &RpcError) -> bool {
        self.on_any_error
            || match error {
                RpcError::TimedOut { .. } => true,
                RpcError::ErrorReply(error) => !error.code.is_definite(),
                RpcError::Unreadable { .. } => false,
            }
    }
}

/// Consumer of a reply, called while the reply still borrows the input buffer.
type Callback = Box<dyn FnOnce(&Incoming<'_>)>;

/// The calls that wait for their replies.
pub(crate) struct PendingCalls {
    next_id: Cell<u64>,
    callbacks: RefCell<BTreeMap<u64, Callback>>,
}

/// A call's entry in the table, removed on drop.
pub(crate) struct PendingCall<'a, R> {
    calls: &'a PendingCalls,
    id: u64,
    reply: oneshot::Receiver<Result<R, RpcError>>,
}

impl PendingCalls {
    /// An empty table, whose first call will have this `msg_id`.
    pub(crate) fn starting_at(first_id: u64) -> Self {
        PendingCalls { next_id: Cell::new(first_id), callbacks: RefCell::default() }
    }

    /// Allocates a `msg_id` and registers a callback under it.
    pub(crate) fn register<R: DeserializeOwned + 'static>(&self) -> PendingCall<'_, R> {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        let (sender, reply) = oneshot::channel();
        let callback = move |incoming: &Incoming<'_>| {
            // The receiver exists: a dropped call has removed this callback from the table.
            let _ = sender.send(read_reply(incoming));
        };
        self.callbacks.borrow_mut().insert(id, Box::new(callback));
        PendingCall { calls: self, id, reply }
    }

    /// Completes the call that a reply belongs to, if it is still pending.
    pub(crate) fn complete(&self, in_reply_to: u64, incoming: &Incoming<'_>) {
        let callback = self.callbacks.borrow_mut().remove(&in_reply_to);
        if let Some(callback) = callback {
            callback(incoming);
        }
    }
}

impl<R> PendingCall<'_, R> {
    /// The `msg_id` that the request must carry.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Waits for the reply without a timeout. To be awaited once.
    pub(crate) async fn reply(&mut self) -> Result<R, RpcError> {
        let reply = (&mut self.reply).await;
        reply.expect("a callback leaves the table only with its reply or its call")
    }
}

impl<R> Drop for PendingCall<'_, R> {
    fn drop(&mut self) {
        self.calls.callbacks.borrow_mut().remove(&self.id);
    }
}

fn read_reply<R: DeserializeOwned>(reply: &Incoming<'_>) -> Result<R, RpcError> {
    let unreadable = |mismatch: BodyError| RpcError::Unreadable {
        body: reply.text().to_owned(),
        reason: mismatch.to_string(),
    };
    if reply.header().kind == "error" {
        return Err(reply.body().read().map_or_else(unreadable, RpcError::ErrorReply));
    }
    reply.body().read().map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::error::ErrorCode;
    use crate::lines::InputLine;

    #[derive(Debug, PartialEq, Deserialize)]
    struct ReadValue {
        value: u64,
    }

    /// Receives a reply with this body.
    fn receive(calls: &PendingCalls, in_reply_to: u64, body: &str) {
        let line = format!(r#"{{"src":"n2","dest":"n1","body":{body}}}"#);
        calls.complete(in_reply_to, &Incoming::parse(&InputLine::Whole(line.as_bytes())).unwrap());
    }

    #[tokio::test]
    async fn a_reply_completes_its_call_and_removes_it_from_the_table() {
        let calls = PendingCalls::starting_at(1);
        let (mut first, mut second) = (calls.register(), calls.register());
        receive(&calls, second.id(), r#"{"type":"read_ok","value":2}"#);
        receive(&calls, first.id(), r#"{"type":"read_ok","value":1}"#);
        assert!(calls.callbacks.borrow().is_empty());
        assert_eq!(first.reply().await, Ok(ReadValue { value: 1 }));
        assert_eq!(second.reply().await, Ok(ReadValue { value: 2 }));
    }

    #[tokio::test]
    async fn late_duplicate_and_unexpected_replies_are_dropped() {
        let calls = PendingCalls::starting_at(1);
        let mut call = calls.register();
        receive(&calls, call.id(), r#"{"type":"read_ok","value":1}"#);
        receive(&calls, call.id(), r#"{"type":"read_ok","value":2}"#);
        receive(&calls, 99, r#"{"type":"read_ok","value":3}"#);
        assert_eq!(call.reply().await, Ok(ReadValue { value: 1 }));
        let dropped = calls.register::<ReadValue>();
        let id = dropped.id();
        drop(dropped);
        assert!(calls.callbacks.borrow().is_empty());
        receive(&calls, id, r#"{"type":"read_ok","value":4}"#);
    }

    #[tokio::test]
    async fn an_error_reply_is_a_typed_error() {
        let calls = PendingCalls::starting_at(1);
        let mut call = calls.register::<ReadValue>();
        receive(&calls, call.id(), r#"{"type":"error","code":22,"text":"no"}"#);
        let refused = RpcError::ErrorReply(ErrorCode::PreconditionFailed.error("no"));
        assert_eq!(call.reply().await, Err(refused));
    }

    #[tokio::test]
    async fn the_error_of_an_unreadable_reply_shows_the_reply() {
        let calls = PendingCalls::starting_at(1);
        let mut call = calls.register::<ReadValue>();
        receive(&calls, call.id(), r#"{"type":"read_ok","value":"text"}"#);
        let error = call.reply().await.unwrap_err();
        assert!(error.to_string().contains(r#""value":"text"}"#), "{error}");
        assert!(!error.is_definite());
    }
}
