//! What becomes of an operation: it succeeded, it failed, or nobody can tell.
//!
//! As in Maelstrom (`client.clj`): a definite error is a failure, an indefinite one and a time-out
//! leave the operation in doubt, unless it changes nothing; and a reply of the wrong shape is an
//! exception, which leaves it in doubt as well.

use std::time::Duration;

use glomers::ErrorCode;

use crate::edn::{Map, Value};
use crate::history::Kind;
use crate::printable;
use crate::schema::Reply;
use crate::workload::{Operation, Outcome};

/// How long a client waits for a reply.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a malformed reply is shown.
const EXCERPT: usize = 300;

/// How an operation ended, in the terms of a history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Completion {
    pub(crate) kind: Kind,
    pub(crate) value: Value,
    pub(crate) error: Option<Value>,
    pub(crate) exception: Option<Value>,
}

impl Completion {
    /// The operation was answered.
    pub(crate) fn answered(operation: &Operation, node: &str, reply: &Reply<'_>) -> Completion {
        // Clients accept an error in place of any other reply, whatever its fields hold.
        if reply.kind().as_deref() == Some("error") {
            return Completion::refused(operation, reply);
        }
        match Self::result(operation, reply) {
            Ok(value) => Completion { kind: Kind::Ok, value, error: None, exception: None },
            Err(reason) => Completion::malformed(operation, node, reply, &reason),
        }
    }

    /// The operation was not answered in time.
    pub(crate) fn timed_out(operation: &Operation) -> Completion {
        let kind = if operation.idempotent { Kind::Fail } else { Kind::Info };
        let error = Some(Value::keyword("net-timeout"));
        Completion { kind, value: operation.value.clone(), error, exception: None }
    }

    fn refused(operation: &Operation, reply: &Reply<'_>) -> Completion {
        let code = reply.field("code").and_then(|code| code.get().parse::<u64>().ok());
        let code = code.map(ErrorCode::from);
        let is_definite = code.is_some_and(ErrorCode::is_definite);
        let kind = if is_definite || operation.idempotent { Kind::Fail } else { Kind::Info };
        let name = Value::keyword(code.map_or("unknown", ErrorCode::name));
        let text = reply.field("text").and_then(|text| Value::from_json(text).ok());
        let error = Some(Value::Vector(vec![name, text.unwrap_or(Value::Nil)]));
        Completion { kind, value: operation.value.clone(), error, exception: None }
    }

    fn result(operation: &Operation, reply: &Reply<'_>) -> Result<Value, String> {
        operation.reply.check(reply)?;
        match operation.result {
            Outcome::Sent => Ok(operation.value.clone()),
            Outcome::Body => Value::body_from_json(reply.body).map_err(|error| error.to_string()),
            Outcome::Field(name) => {
                let field = reply.field(name).ok_or_else(|| format!("{name} is missing"))?;
                Value::from_json(field).map_err(|error| error.to_string())
            }
        }
    }

    fn malformed(operation: &Operation, node: &str, reply: &Reply<'_>, reason: &str) -> Completion {
        let Operation { request, reply: expected, value, .. } = operation;
        // Each such reply is kept in the history, and not at any length.
        let body = printable::excerpt(reply.body.get(), EXCERPT);
        let message = format!(
            "Malformed reply: {reason}. {node} was asked {request} and should have answered \
             {expected}, but answered {body}"
        );
        let cause = Map::new()
            .with("type", Value::keyword("malformed-rpc-response"))
            .with("message", message.as_str());
        let via = Value::Vector(vec![cause.into()]);
        Completion {
            kind: Kind::Info,
            value: value.clone(),
            error: Some(Value::Str(format!("indeterminate: {message}"))),
            exception: Some(Map::new().with("via", via).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;
    use crate::schema::{Schema, Shape};

    fn operation(idempotent: bool) -> Operation {
        Operation {
            f: "read",
            value: Value::Nil,
            request: json!({"type": "read"}).into(),
            reply: Schema::new("read_ok", &[("value", Shape::Any)]),
            result: Outcome::Field("value"),
            idempotent,
        }
    }

    #[test]
    fn a_reply_decides_what_became_of_the_operation() {
        #[track_caller]
        fn check(reply: &str, kind: Kind, if_idempotent: Kind, error: &str) {
            let reply: Box<RawValue> = serde_json::from_str(reply).unwrap();
            let reply = Reply::read(&reply).unwrap();
            for (idempotent, kind) in [(false, kind), (true, if_idempotent)] {
                let completion = Completion::answered(&operation(idempotent), "n0", &reply);
                assert_eq!(completion.kind, kind);
                let actual = completion.error.map(|error| error.to_string()).unwrap_or_default();
                assert!(actual.contains(error), "{actual}");
            }
        }
        let (ok, fail, info) = (Kind::Ok, Kind::Fail, Kind::Info);
        check(r#"{"type":"read_ok","value":[1]}"#, ok, ok, "");
        check(r#"{"type":"error","code":11,"text":"no"}"#, fail, fail, "[:temporarily-unavailable");
        check(r#"{"type":"error","code":13}"#, info, fail, "[:crash nil]");
        check(r#"{"type":"error","code":4711,"text":{"a":1}}"#, info, fail, "[:unknown {\"a\" 1}]");
        check(r#"{"type":"error","code":"?"}"#, info, fail, "[:unknown nil]");
        check(r#"{"type":"error"}"#, info, fail, "[:unknown nil]");
        check(r#"{"type":"write_ok"}"#, info, info, "indeterminate: Malformed reply: its type is");
        let key = "k".repeat(5000);
        let long = format!(r#"{{"type":"read_ok","value":1,"{key}":2}}"#);
        check(&long, info, info, "k… (5000 bytes) is not a key that it may have. n0 was");
        check(&long, info, info, "k… (5033 bytes)");
        let silence = Completion::timed_out(&operation(false));
        assert_eq!((silence.kind, silence.error), (info, Some(Value::keyword("net-timeout"))));
    }
}
