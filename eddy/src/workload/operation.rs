//! What clients do: operations, the questions that they take, and where they come from.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use crate::client::TIMEOUT;
use crate::edn::Value;
use crate::history::{Kind, Op};
use crate::random::Random;
use crate::schema::{Reply, Schema};

/// One operation: what the history says of it, and what travels.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// What is done, as the history has it.
    pub(crate) f: &'static str,
    /// With what.
    pub(crate) value: Value,
    /// What else the history says of it.
    pub(crate) extra: Vec<(Cow<'static, str>, Value)>,
    pub(crate) work: Work,
    pub(crate) errors: Errors,
}

/// What a client does for an operation.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// It asks its node.
    Ask(Request),
    /// It asks nobody, and the operation has ended so.
    End(Kind),
}

/// A question to a node.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The body, but for its `msg_id`.
    pub(crate) body: Rc<serde_json::Value>,
    /// The reply that it must get.
    pub(crate) reply: Schema,
    /// What the history keeps of the reply.
    pub(crate) result: Outcome,
}

/// What an operation that succeeded has for its value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    /// What it was begun with.
    Sent,
    /// One field of the reply.
    Field(&'static str),
    /// The whole reply.
    Body,
    /// What this makes of what it was begun with, and the reply.
    Made(fn(&Value, &Reply<'_>) -> Result<Value, String>),
}

/// What an error, or no answer, means for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errors {
    /// After a definite error it has failed, otherwise nobody can tell.
    Tell,
    /// It has failed and no more, because it changes nothing.
    Harmless,
    /// Nobody can tell: Maelstrom's client for it does not look at errors.
    Unhandled,
}

/// Who performs an operation, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) now: Duration,
    pub(crate) thread: usize,
    pub(crate) process: u64,
}

/// What comes of a reply.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The operation has succeeded, with this value.
    Done(Value),
    /// The client has another question.
    Ask(Request),
}

/// Where a workload's operations come from, and what becomes of them.
pub(crate) trait Operations {
    /// The request, if any, that every node gets before the first operation.
    fn setup(&self, _nodes: &[String]) -> Option<Operation> {
        None
    }

    /// The threads that work together: an operation is for one of these crews, a larger one more
    /// often, for one part of it, likewise, and for a free thread of that.
    fn crews(&self, threads: usize) -> Vec<Vec<Range<usize>>> {
        vec![vec![Range { start: 0, end: threads }]]
    }

    /// How long a client waits for a reply.
    fn patience(&self) -> Duration {
        TIMEOUT
    }

    /// Whether a client goes on after an operation in doubt, as Maelstrom's does where it is
    /// `Reusable`. Others are closed, and what they are sent then is sent to nobody.
    fn reuses_clients(&self) -> bool {
        false
    }

    /// The next operation.
    fn next(&mut self, turn: Turn, random: &mut Random) -> Operation;

    /// Whether threads have something to do after the recovery.
    fn has_last(&self) -> bool {
        false
    }

    /// What the thread does after the recovery, if anything.
    fn last(&mut self, _turn: Turn, _random: &mut Random) -> Option<Operation> {
        None
    }

    /// When the thread has something to do again, after that.
    fn again(&mut self, _now: Duration, _thread: usize) -> Option<Duration> {
        None
    }

    /// What comes of a good reply.
    fn answered(
        &mut self,
        _process: u64,
        operation: &Operation,
        request: &Request,
        reply: &Reply<'_>,
    ) -> Result<Answer, String> {
        request.result.of(&operation.value, reply).map(Answer::Done)
    }

    /// An operation of this thread has ended.
    fn completed(&mut self, _thread: usize, _op: &Op) {}

    /// What was seen that no history tells, in a sentence.
    fn warning(&self) -> Option<String> {
        None
    }
}

impl Operation {
    /// An operation that asks its node one thing.
    pub(super) fn ask(f: &'static str, value: Value, request: Request) -> Operation {
        Operation { f, value, extra: Vec::new(), work: Work::Ask(request), errors: Errors::Tell }
    }
}

impl Request {
    pub(super) fn new(body: serde_json::Value, reply: Schema, result: Outcome) -> Request {
        Request { body: body.into(), reply, result }
    }
}

impl Outcome {
    /// The value of an operation that was begun with `sent`, once it has this reply.
    pub(crate) fn of(self, sent: &Value, reply: &Reply<'_>) -> Result<Value, String> {
        match self {
            Outcome::Sent => Ok(sent.clone()),
            Outcome::Body => Value::body_from_json(reply.body).map_err(|error| error.to_string()),
            Outcome::Field(name) => {
                let field = reply.field(name).ok_or_else(|| format!("{name} is missing"))?;
                Value::from_json(field).map_err(|error| error.to_string())
            }
            Outcome::Made(make) => make(sent, reply),
        }
    }
}
