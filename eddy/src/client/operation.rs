//! Operations, and the requests to nodes that they take.

use std::borrow::Cow;
use std::rc::Rc;

use serde_json::json;

use super::schema::{Reply, Schema};
use crate::edn::Value;
use crate::history::Kind;

/// One operation: what the history says of it, and what travels.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The function, as the history has it.
    pub f: &'static str,
    /// The value that it begins with.
    pub value: Value,
    /// Further fields of its entries in the history.
    pub extra: Vec<(Cow<'static, str>, Value)>,
    /// The work of its client.
    pub work: Work,
    /// The treatment of errors and time-outs.
    pub errors: Errors,
}

/// The work of a client for an operation.
#[derive(Debug, Clone)]
pub enum Work {
    /// It asks its node.
    Ask(Request),
    /// It asks nobody, and the operation has ended so.
    End(Kind),
}

/// A request to a node.
#[derive(Debug, Clone)]
pub struct Request {
    /// The body, with its `type` and without its `msg_id`.
    pub body: Rc<serde_json::Value>,
    /// The reply that it must get.
    pub reply: Schema,
    /// The value that the operation has with that reply.
    pub result: Outcome,
}

/// The value of an operation that succeeded.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    /// The value that it was begun with.
    Sent,
    /// One field of the reply.
    Field(&'static str),
    /// The whole reply.
    Body,
    /// The value that this makes of the one it was begun with, and the reply.
    Made(fn(&Value, &Reply<'_>) -> Result<Value, String>),
}

/// The meaning of an error, or of no answer, for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// After a definite error it has failed, otherwise nobody can tell.
    Tell,
    /// It has failed and no more, because it changes nothing.
    Harmless,
    /// Nobody can tell: Maelstrom's client for it does not look at errors.
    Unhandled,
}

/// The next step of an operation after a good reply.
#[derive(Debug)]
pub enum Answer {
    /// The operation has succeeded, with this value.
    Done(Value),
    /// The client has another question.
    Ask(Request),
}

impl Operation {
    /// An operation that makes this request; errors tell how it ends.
    pub fn ask(f: &'static str, value: Value, request: Request) -> Operation {
        Operation { f, value, extra: Vec::new(), work: Work::Ask(request), errors: Errors::Tell }
    }

    /// The `init` request of a node.
    pub(crate) fn init(node: &str, nodes: &[String]) -> Operation {
        let body = json!({"type": "init", "node_id": node, "node_ids": nodes});
        let request = Request::new(body, Schema::of_type("init_ok"), Outcome::Sent);
        Operation::ask("init", Value::Nil, request)
    }
}

impl Request {
    /// A request with this body, which must get this reply.
    pub fn new(body: serde_json::Value, reply: Schema, result: Outcome) -> Request {
        Request { body: body.into(), reply, result }
    }
}

impl Outcome {
    /// The value of an operation that was begun with `sent`, once it has this reply.
    pub fn of(self, sent: &Value, reply: &Reply<'_>) -> Result<Value, String> {
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
