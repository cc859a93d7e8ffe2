//! The end of an operation: it succeeded, it failed, or nobody can tell.
//!
//! As in Maelstrom (`client.clj`): a definite error is a failure, an indefinite one and a time-out
//! leave the operation in doubt, unless it changes nothing; and a reply of the wrong shape is an
//! exception, which leaves it in doubt as well. So is any error where Maelstrom's client for a
//! workload does not look at errors.

use eddy_text::printable;
use glomers::ErrorCode;

use super::operation::{Answer, Errors, Operation, Request};
use super::schema::{Mismatch, Reply};
use crate::checker::exceptions;
use crate::checker::exceptions::MALFORMED;
use crate::edn::{Map, Value};
use crate::history::Kind;

/// The most letters kept in the history of a reply that left its operation in doubt,
/// but for the first malformed one of each node, which is [`printable::SCREEN`]. A broken node may
/// send as many as there are operations, and each is kept twice, so more would make histories
/// large; less would not show what later ones have in common.
pub(crate) const EXCERPT: usize = 300;

/// The end of an operation, in the terms of a history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Completion {
    pub(crate) kind: Kind,
    pub(crate) value: Value,
    pub(crate) error: Option<Value>,
    pub(crate) exception: Option<Value>,
}

/// The next step after a reply.
#[derive(Debug)]
pub(crate) enum Next {
    /// The operation has ended.
    Complete(Completion),
    /// There is another question to the node.
    Ask(Request),
}

impl Completion {
    /// The operation has ended without an error.
    pub(crate) fn of(kind: Kind, value: Value) -> Completion {
        Completion { kind, value, error: None, exception: None }
    }

    /// A request was answered; `make` is asked what comes of a reply of the right shape. So many
    /// `letters` are kept of a malformed one.
    pub(crate) fn answered(
        operation: &Operation,
        request: &Request,
        node: &str,
        reply: &Reply<'_>,
        letters: usize,
        make: impl FnOnce() -> Result<Answer, String>,
    ) -> Next {
        // Clients accept an error in place of any other reply, whatever its fields hold.
        if reply.kind().as_deref() == Some("error") {
            return Next::Complete(Completion::refused(operation, request, node, reply));
        }
        match request.reply.check(reply).and_then(|()| Ok(make()?)) {
            Ok(Answer::Ask(request)) => Next::Ask(request),
            Ok(Answer::Done(value)) => Next::Complete(Completion::of(Kind::Ok, value)),
            Err(mismatch) => {
                let message = malformed(request, node, reply, &mismatch, letters);
                let exception = Completion::exception(operation, MALFORMED, message);
                Next::Complete(exception)
            }
        }
    }

    /// The operation was not answered in time.
    pub(crate) fn timed_out(operation: &Operation, request: &Request, node: &str) -> Completion {
        let kind = match operation.errors {
            Errors::Tell => Kind::Info,
            Errors::Harmless => Kind::Fail,
            Errors::Unhandled => {
                let message = format!("{node} did not answer {} in time", request.body);
                return Completion::exception(operation, exceptions::TIMEOUT, message);
            }
        };
        let error = Some(Value::keyword("net-timeout"));
        Completion { error, ..Completion::of(kind, operation.value.clone()) }
    }

    fn refused(
        operation: &Operation,
        request: &Request,
        node: &str,
        reply: &Reply<'_>,
    ) -> Completion {
        if operation.errors == Errors::Unhandled {
            let body = printable::excerpt(reply.body.get(), EXCERPT);
            let message = format!("{node} was asked {} and answered {body}", request.body);
            return Completion::exception(operation, "rpc-error", message);
        }
        let code = reply.field("code").and_then(|code| code.get().parse::<u64>().ok());
        let code = code.map(ErrorCode::from);
        let is_definite = code.is_some_and(ErrorCode::is_definite);
        let is_harmless = operation.errors == Errors::Harmless;
        let kind = if is_definite || is_harmless { Kind::Fail } else { Kind::Info };
        let name = Value::keyword(code.map_or("unknown", ErrorCode::name));
        let text = reply.field("text").and_then(|text| Value::from_json(text).ok());
        let error = Some(Value::Vector(vec![name, text.unwrap_or(Value::Nil)]));
        Completion { error, ..Completion::of(kind, operation.value.clone()) }
    }

    /// Something that the client does not expect, which leaves the operation in doubt.
    fn exception(operation: &Operation, kind: &'static str, message: String) -> Completion {
        let cause = Map::new().with("type", Value::keyword(kind)).with("message", message.as_str());
        let via = Value::Vector(vec![cause.into()]);
        Completion {
            error: Some(Value::Str(format!("indeterminate: {message}"))),
            exception: Some(Map::new().with("via", via).into()),
            ..Completion::of(Kind::Info, operation.value.clone())
        }
    }
}

/// The message about a malformed reply, with the reply itself, which begins with the field that is
/// wrong.
fn malformed(
    request: &Request,
    node: &str,
    reply: &Reply<'_>,
    Mismatch { field, reason }: &Mismatch,
    letters: usize,
) -> String {
    let Request { body, reply: expected, .. } = request;
    let answer = reply.with_first(field.as_deref());
    let answer = printable::excerpt(answer.as_deref().unwrap_or(reply.body.get()), letters);
    let asked = printable::excerpt(&body.to_string(), letters);
    format!(
        "Malformed reply: {reason}. {node} answered {answer}; it was asked {asked} and should have \
         answered {expected}"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::super::{Outcome, Schema, Shape, Work};
    use super::*;

    fn request() -> Request {
        Request {
            body: json!({"type": "read"}).into(),
            reply: Schema::new("read_ok", &[("value", Shape::Any)]),
            result: Outcome::Field("value"),
        }
    }

    fn operation(errors: Errors) -> Operation {
        let (value, extra, work) = (Value::Nil, Vec::new(), Work::Ask(request()));
        Operation { f: "read", value, extra, work, errors }
    }

    fn answer(errors: Errors, reply: &str) -> Completion {
        let reply: Box<RawValue> = serde_json::from_str(reply).unwrap();
        let (reply, request) = (Reply::read(&reply).unwrap(), request());
        let make = || request.result.of(&Value::Nil, &reply).map(Answer::Done);
        match Completion::answered(&operation(errors), &request, "n0", &reply, 100, make) {
            Next::Complete(completion) => completion,
            Next::Ask(request) => panic!("{request:?} is not wanted"),
        }
    }

    #[test]
    fn where_errors_are_not_looked_at_every_error_leaves_the_operation_in_doubt() {
        #[track_caller]
        fn check(completion: &Completion, error: &str, class: &str) {
            assert_eq!(completion.kind, Kind::Info);
            let text = completion.error.clone().unwrap().to_string();
            assert!(text.contains(error), "{text}");
            let exception = completion.exception.clone().unwrap().to_string();
            assert!(exception.contains(class), "{exception}");
        }
        let refused = answer(Errors::Unhandled, r#"{"type":"error","code":11,"text":"no"}"#);
        check(&refused, "indeterminate: n0 was asked {", ":type :rpc-error");
        let silence = Completion::timed_out(&operation(Errors::Unhandled), &request(), "n0");
        check(&silence, "n0 did not answer {", ":type :timeout");
    }

    #[test]
    fn a_reply_decides_what_became_of_the_operation() {
        #[track_caller]
        fn check(reply: &str, kind: Kind, if_harmless: Kind, error: &str) {
            for (errors, kind) in [(Errors::Tell, kind), (Errors::Harmless, if_harmless)] {
                let completion = answer(errors, reply);
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
        check(
            &long,
            info,
            info,
            "k… (5000 bytes) is not a key that it may have. n0 answered {\\\"k",
        );
        check(&long, info, info, "k… (5033 bytes)");
        let wrong = r#"{"type":"read_ok","in_reply_to":"1","value":1}"#;
        let shown = "in_reply_to is not an integer, but the string \\\"1\\\". n0 answered \
                     {\\\"in_reply_to\\\":\\\"1\\\",\\\"type\\\":\\\"read_ok\\\",\\\"value\\\":1}; it was";
        check(wrong, info, info, shown);
        let silence = Completion::timed_out(&operation(Errors::Tell), &request(), "n0");
        assert_eq!((silence.kind, silence.error), (info, Some(Value::keyword("net-timeout"))));
    }
}
