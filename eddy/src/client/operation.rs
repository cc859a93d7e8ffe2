//! Operations, and their requests to nodes.

use std::borrow::Cow;
use std::rc::Rc;

use serde_json::json;

use super::schema::{ClientReply, Schema};
use crate::edn::Value;
use crate::history::Kind;

/// One operation: its entries in the history, and its request.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The function, `:f` in the history.
    pub f: &'static str,
    /// The value of the invocation.
    pub value: Value,
    /// Further fields of its entries in the history.
    pub extra: Vec<(Cow<'static, str>, Value)>,
    /// The work of its client.
    pub work: Work,
    /// The treatment of errors and timeouts.
    pub errors: ErrorPolicy,
}

/// The work of a client for an operation.
#[derive(Debug, Clone)]
pub enum Work {
    /// Sends this request to the client's node.
    Ask(ClientRequest),
    /// Sends nothing: the operation completes at once, as `:ok`, `:fail` or `:info`.
    End(Kind),
}

/// A request to a node.
#[derive(Debug, Clone)]
pub struct ClientRequest {
    /// The body, with its `type` and without its `msg_id`.
    pub body: Rc<serde_json::Value>,
    /// The reply that it must get.
    pub reply: Schema,
    /// The source of the operation's value after that reply.
    pub result: ResultSource,
}

/// The source of the value of an operation that succeeded.
#[derive(Debug, Clone, Copy)]
pub enum ResultSource {
    /// The value of the invocation.
    Sent,
    /// One field of the reply.
    Field(&'static str),
    /// The whole body of the reply.
    Body,
    /// A function of the value of the invocation and the reply.
    Computed(fn(&Value, &ClientReply<'_>) -> Result<Value, String>),
}

/// The completion of an operation after an error or a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorPolicy {
    /// `:fail` after a definite error, `:info` after an indefinite one and after a timeout.
    Classify,
    /// Always `:fail`, because the operation changes nothing.
    Harmless,
    /// Always `:info`, because Maelstrom's client does not look at errors.
    Unhandled,
}

/// The next step of an operation after a reply that matches its schema.
#[derive(Debug)]
pub enum OperationStep {
    /// The operation has succeeded, with this value.
    Done(Value),
    /// The client sends another request.
    Ask(ClientRequest),
}

impl Operation {
    /// An operation that makes this request, with [`ErrorPolicy::Classify`].
    pub fn ask(f: &'static str, value: Value, request: ClientRequest) -> Operation {
        Operation {
            f,
            value,
            extra: Vec::new(),
            work: Work::Ask(request),
            errors: ErrorPolicy::Classify,
        }
    }

    /// The `init` request of a node.
    pub(crate) fn init(node: &str, nodes: &[String]) -> Operation {
        let body = json!({"type": "init", "node_id": node, "node_ids": nodes});
        let request = ClientRequest::new(body, Schema::of_type("init_ok"), ResultSource::Sent);
        Operation::ask("init", Value::Nil, request)
    }
}

impl ClientRequest {
    /// A request with this body, whose reply must match this schema.
    pub fn new(body: serde_json::Value, reply: Schema, result: ResultSource) -> ClientRequest {
        ClientRequest { body: body.into(), reply, result }
    }
}

impl ResultSource {
    /// The value of an operation with the invocation `sent` and this reply.
    pub fn value(self, sent: &Value, reply: &ClientReply<'_>) -> Result<Value, String> {
        match self {
            ResultSource::Sent => Ok(sent.clone()),
            ResultSource::Body => {
                Value::body_from_json(reply.body).map_err(|error| error.to_string())
            }
            ResultSource::Field(name) => {
                let field = reply.field(name).ok_or_else(|| format!("{name} is missing"))?;
                Value::from_json(field).map_err(|error| error.to_string())
            }
            ResultSource::Computed(make) => make(sent, reply),
        }
    }
}
