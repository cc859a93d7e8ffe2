//! Completions of operations: `:ok`, `:fail` or `:info`.
//!
//! As in Maelstrom (`client.clj`), a definite error is a failure. An indefinite error and a timeout
//! are indeterminate, unless the operation changes nothing. A reply that does not match its schema
//! is an exception, and indeterminate as well. So is any error where Maelstrom's client of the
//! workload does not look at errors.

use eddy_text::printable;
use glomers::ErrorCode;

use super::operation::{ClientRequest, ErrorPolicy, Operation, OperationStep};
use super::schema::{ClientReply, SchemaMismatch};
use crate::checkers::exceptions;
use crate::checkers::exceptions::MALFORMED;
use crate::edn::{Map, Value};
use crate::history::Kind;

/// Maximum number of characters that the history keeps of a reply that made its operation
/// indeterminate. For the first malformed reply of each node the limit is
/// [`MAX_SCREEN_CHARS`](eddy_text::printable::MAX_SCREEN_CHARS). A broken node may send one for
/// every operation, and each is kept twice, so more would make histories large; less would not show
/// what later replies have in common.
pub(crate) const MAX_KEPT_REPLY: usize = 300;

/// The completion of an operation in the history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Completion {
    pub(crate) kind: Kind,
    pub(crate) value: Value,
    pub(crate) error: Option<Value>,
    pub(crate) exception: Option<Value>,
}

/// The next step of a client after a reply.
#[derive(Debug)]
pub(crate) enum ClientStep {
    /// Completes the operation.
    Complete(Completion),
    /// Sends another request to the node.
    Ask(ClientRequest),
}

impl Completion {
    /// A completion without an error.
    pub(crate) fn of(kind: Kind, value: Value) -> Completion {
        Completion { kind, value, error: None, exception: None }
    }

    /// Evaluates a reply. `make` gives the next step after a reply that matches the schema; at most
    /// `max_chars` characters are kept of one that does not.
    pub(crate) fn from_reply(
        operation: &Operation,
        request: &ClientRequest,
        node: &str,
        reply: &ClientReply<'_>,
        max_chars: usize,
        make: impl FnOnce() -> Result<OperationStep, String>,
    ) -> ClientStep {
        // An error is accepted in place of any reply, with any fields.
        if reply.kind().as_deref() == Some("error") {
            return ClientStep::Complete(Completion::from_error(operation, request, node, reply));
        }
        match request.reply.check(reply).and_then(|()| Ok(make()?)) {
            Ok(OperationStep::Ask(request)) => ClientStep::Ask(request),
            Ok(OperationStep::Done(value)) => ClientStep::Complete(Completion::of(Kind::Ok, value)),
            Err(mismatch) => {
                let message = malformed_message(request, node, reply, &mismatch, max_chars);
                let exception = Completion::exception(operation, MALFORMED, message);
                ClientStep::Complete(exception)
            }
        }
    }

    /// The completion of an operation whose request timed out.
    pub(crate) fn timed_out(
        operation: &Operation,
        request: &ClientRequest,
        node: &str,
    ) -> Completion {
        let kind = match operation.errors {
            ErrorPolicy::Classify => Kind::Info,
            ErrorPolicy::Harmless => Kind::Fail,
            ErrorPolicy::Unhandled => {
                let message = format!("{node} did not answer {} in time", request.body);
                return Completion::exception(operation, exceptions::TIMEOUT, message);
            }
        };
        let error = Some(Value::keyword("net-timeout"));
        Completion { error, ..Completion::of(kind, operation.value.clone()) }
    }

    fn from_error(
        operation: &Operation,
        request: &ClientRequest,
        node: &str,
        reply: &ClientReply<'_>,
    ) -> Completion {
        if operation.errors == ErrorPolicy::Unhandled {
            let body = printable::excerpt(reply.body.get(), MAX_KEPT_REPLY);
            let message = format!("{node} was asked {} and answered {body}", request.body);
            return Completion::exception(operation, "rpc-error", message);
        }
        let code = reply.field("code").and_then(|code| code.get().parse::<u64>().ok());
        let code = code.map(ErrorCode::from);
        let is_definite = code.is_some_and(ErrorCode::is_definite);
        let is_harmless = operation.errors == ErrorPolicy::Harmless;
        let kind = if is_definite || is_harmless { Kind::Fail } else { Kind::Info };
        let name = Value::keyword(code.map_or("unknown", ErrorCode::name));
        let text = reply.field("text").and_then(|text| Value::from_json(text).ok());
        let error = Some(Value::Vector(vec![name, text.unwrap_or(Value::Nil)]));
        Completion { error, ..Completion::of(kind, operation.value.clone()) }
    }

    /// An indeterminate completion with an exception, which the client does not handle.
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

/// The message about a malformed reply. It quotes the reply, with the wrong field first.
fn malformed_message(
    request: &ClientRequest,
    node: &str,
    reply: &ClientReply<'_>,
    SchemaMismatch { field, reason }: &SchemaMismatch,
    max_chars: usize,
) -> String {
    let ClientRequest { body, reply: expected, .. } = request;
    let answer = reply.with_first(field.as_deref());
    let answer = printable::excerpt(answer.as_deref().unwrap_or(reply.body.get()), max_chars);
    let asked = printable::excerpt(&body.to_string(), max_chars);
    format!(
        "Malformed reply: {reason}. {node} answered {answer}; it was asked {asked} and should have \
         answered {expected}"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::super::{ResultSource, Schema, Shape, Work};
    use super::*;

    fn request() -> ClientRequest {
        ClientRequest {
            body: json!({"type": "read"}).into(),
            reply: Schema::new("read_ok", &[("value", Shape::Any)]),
            result: ResultSource::Field("value"),
        }
    }

    fn operation(errors: ErrorPolicy) -> Operation {
        let (value, extra, work) = (Value::Nil, Vec::new(), Work::Ask(request()));
        Operation { f: "read", value, extra, work, errors }
    }

    fn answer(errors: ErrorPolicy, reply: &str) -> Completion {
        let reply: Box<RawValue> = serde_json::from_str(reply).unwrap();
        let (reply, request) = (ClientReply::parse(&reply).unwrap(), request());
        let make = || request.result.value(&Value::Nil, &reply).map(OperationStep::Done);
        match Completion::from_reply(&operation(errors), &request, "n0", &reply, 100, make) {
            ClientStep::Complete(completion) => completion,
            ClientStep::Ask(request) => panic!("{request:?} is not wanted"),
        }
    }

    #[test]
    fn unhandled_errors_are_indeterminate() {
        #[track_caller]
        fn check(completion: &Completion, error: &str, class: &str) {
            assert_eq!(completion.kind, Kind::Info);
            let text = completion.error.clone().unwrap().to_string();
            assert!(text.contains(error), "{text}");
            let exception = completion.exception.clone().unwrap().to_string();
            assert!(exception.contains(class), "{exception}");
        }
        let refused = answer(ErrorPolicy::Unhandled, r#"{"type":"error","code":11,"text":"no"}"#);
        check(&refused, "indeterminate: n0 was asked {", ":type :rpc-error");
        let silence = Completion::timed_out(&operation(ErrorPolicy::Unhandled), &request(), "n0");
        check(&silence, "n0 did not answer {", ":type :timeout");
    }

    #[test]
    fn a_reply_decides_the_completion() {
        #[track_caller]
        fn check(reply: &str, kind: Kind, if_harmless: Kind, error: &str) {
            for (errors, kind) in
                [(ErrorPolicy::Classify, kind), (ErrorPolicy::Harmless, if_harmless)]
            {
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
        let silence = Completion::timed_out(&operation(ErrorPolicy::Classify), &request(), "n0");
        assert_eq!((silence.kind, silence.error), (info, Some(Value::keyword("net-timeout"))));
    }
}
