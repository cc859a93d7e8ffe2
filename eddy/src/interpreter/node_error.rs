//! Errors of nodes that end a test, explained to the author of the node.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::rc::Rc;

use eddy_text::printable;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::hint;
use crate::client::{Schema, is_integer};

/// An error of a node that ends the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeError {
    /// The node's id.
    pub node: String,
    /// Sentences about what it did and what was expected.
    pub text: String,
}

/// A message that a node wrote.
#[derive(Debug)]
pub(super) struct NodeMessage<'a> {
    pub(super) src: Cow<'a, str>,
    pub(super) dest: Cow<'a, str>,
    pub(super) body: Rc<RawValue>,
}

/// The format of a line of a node: these keys and no others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct MessageFormat<'a> {
    #[serde(borrow)]
    src: Cow<'a, str>,
    #[serde(borrow)]
    dest: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(rename = "id", default)]
    _id: IgnoredId,
}

/// An integer of any size that is ignored. It may be absent, but not null.
#[derive(Default)]
struct IgnoredId;

/// The sender of a message with any other fields.
#[derive(Deserialize)]
struct MessageSender<'a> {
    #[serde(borrow, default)]
    src: Option<Cow<'a, str>>,
}

/// Parses a line of a node.
pub(super) fn parse<'a>(
    node: &str,
    line: &'a str,
    has_answered_init: bool,
) -> Result<NodeMessage<'a>, NodeError> {
    let invalid = |text: String| Err(NodeError { node: node.to_owned(), text });
    if line.trim_ascii().is_empty() {
        return invalid("it wrote an empty line to STDOUT, where every line is a message.".into());
    }
    let message: serde_json::Result<MessageFormat<'a>> = if line.trim_ascii_start().starts_with('[')
    {
        // serde would accept an array in place of a struct. If this is not an array, it is not
        // JSON: a line of a log, for example.
        let array = serde_json::from_str::<&RawValue>(line);
        array.and_then(|_| Err(de::Error::custom("an array is not an object")))
    } else {
        serde_json::from_str(line)
    };
    let MessageFormat { src, dest, body, .. } = match message {
        Ok(envelope) => envelope,
        Err(error) => {
            let is_nameless =
                serde_json::from_str(line).is_ok_and(|MessageSender { src }| src.is_none());
            let hint = if is_nameless && line.trim_ascii_start().starts_with('{') {
                hint::for_missing_source(has_answered_init)
            } else {
                hint::for_line(line, &error)
            };
            let (reason, separator) =
                (excerpt(&hint::reason(&error)), if hint.is_empty() { "" } else { " " });
            return invalid(format!(
                "it wrote a line to STDOUT that is not a message: {reason}.\n  {}\nExpected \
                 {{\"src\": …, \"dest\": …, \"body\": {{…}}}}.{separator}{hint}",
                excerpt(line)
            ));
        }
    };
    if !body.get().starts_with('{') {
        let line = excerpt(line);
        return invalid(format!(
            "it sent a message whose body is not a JSON object:\n  {line}\nExpected \
             \"body\": {{\"type\": …, …}}."
        ));
    }
    Ok(NodeMessage { src, dest, body: body.to_owned().into() })
}

impl<'de> Deserialize<'de> for IgnoredId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IgnoredId, D::Error> {
        let id = <&RawValue>::deserialize(deserializer)?;
        if is_integer(id) {
            return Ok(IgnoredId);
        }
        Err(de::Error::custom(format!("id is {}, expected an integer or none", id.get())))
    }
}

impl NodeError {
    /// The error of a message whose `src` does not exist.
    pub(super) fn unknown_source(
        node: &str,
        src: &str,
        line: &str,
        has_answered_init: bool,
    ) -> NodeError {
        let line = excerpt(line);
        let hint = if src.is_empty() { hint::for_missing_source(has_answered_init) } else { "" };
        let separator = if hint.is_empty() { "" } else { " " };
        let text = format!(
            "it sent a message in the name of {src:?}, which does not exist:\n  {line}\nExpected \
             \"src\": {node:?}, or the sender of a message that it forwards.{separator}{hint}"
        );
        NodeError { node: node.to_owned(), text }
    }

    /// The error of a message whose `dest` does not exist.
    pub(super) fn unknown_destination(node: &str, dest: &str, line: &str) -> NodeError {
        let line = excerpt(line);
        let text = format!(
            "it sent a message to {dest:?}, which does not exist:\n  {line}\nExpected the id of a \
             node, of a service (lin-kv, lin-tso, lww-kv or seq-kv), or of the client whose \
             request it answers."
        );
        NodeError { node: node.to_owned(), text }
    }

    /// The text in one line.
    pub(super) fn in_one_line(&self) -> String {
        let mut lines = self.text.lines().map(str::trim);
        let Some(what) = lines.next() else { return String::new() };
        let shown =
            lines.next().map(|line| format!("{}: {line}", what.trim_end_matches(['.', ':'])));
        let expected = lines.next().map(|line| format!(". {line}"));
        shown.unwrap_or_else(|| what.to_owned()) + &expected.unwrap_or_default()
    }
}

/// The text about a node that answered with an error or a malformed reply.
pub(super) fn bad_reply_text(f: &str, reply: &Schema, body: &RawValue) -> String {
    format!("it answered {f} with\n  {}\nExpected {reply}.", excerpt(body.get()))
}

/// The text about a node that did not answer in time. `wrong` is a sentence about the message that
/// it sent instead, if any.
pub(super) fn no_reply_text(f: &str, wrong: Option<String>) -> String {
    let why = match wrong {
        Some(wrong) => wrong,
        None if f == "init" => {
            "Does it read STDIN and flush STDOUT, as print(…, flush=True) does in Python?"
                .to_owned()
        }
        None => format!("It has answered init; does it know the message type {f}?"),
    };
    format!("it did not answer {f} in time. {why}")
}

impl Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} cannot be tested: {}", self.node, self.text)
    }
}

impl std::error::Error for NodeError {}

pub(super) fn excerpt(line: &str) -> String {
    printable::excerpt(line, printable::MAX_SCREEN_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_with_the_keys_of_a_message_is_one() {
        #[track_caller]
        fn check(line: &str, expected: &str) {
            let answer = parse("n0", line, true).map_or_else(|error| error.text, |_| "fine".into());
            assert!(answer.contains(expected), "{answer}");
        }
        check(r#"{"src":"n0","dest":"c1","body":{}}"#, "fine");
        check(r#"{"id":3,"src":"n0","dest":"c1","body":{}}"#, "fine");
        check(r#"["n0","c1",{},null]"#, "a message: an array is not an object");
        check(r#"{"src":"n0","dest":"c1","body":{},"x":1}"#, "unknown field `x`");
        check(r#"{"src":"n0","dest":"c1","body":[]}"#, "body is not a JSON object");
        check(r#"{"id":99999999999999999999,"src":"n0","dest":"c1","body":{}}"#, "fine");
        check(r#"{"id":null,"src":"n0","dest":"c1","body":{}}"#, "id is null, expected an integer");
        check(r#"{"id":1.0,"src":"n0","dest":"c1","body":{}}"#, "id is 1.0, expected an integer");
        check(r#"{"src":"n0","dest":"c1","body":{},"\u001b":1}"#, r"unknown field `\u{1b}`");
    }

    #[test]
    fn common_mistakes_get_advice() {
        #[track_caller]
        fn check(line: &str, reason: &str, advice: &str) {
            let text = parse("n0", line, true).err().map(|error| error.text).unwrap_or_default();
            let (first, last) = (text.lines().next(), text.lines().last());
            assert!(first.is_some_and(|line| line.ends_with(reason)), "{text}");
            assert!(last.is_some_and(|line| line.ends_with(advice)), "{text}");
        }
        let expected = "\"body\": {…}}.";
        check("", "it wrote an empty line to STDOUT, where every line is a message.", "");
        check(" \r", "where every line is a message.", "");
        check("starting up", "expected value at column 1.", "}. Did you mean STDERR?");
        check("{}}{", "missing field `src` at column 2.", expected);
        check("7", "integer `7`, expected an object at column 1.", expected);
        check("{", "at column 1.", "one line; does the node pretty-print its JSON?");
        check("[", "at column 1.", "does the node pretty-print its JSON?");
        check("[INFO] started", "expected value at column 2.", "}. Did you mean STDERR?");
        check(r#"{"src":"n0","#, "at column 12.", "does the node pretty-print its JSON?");
        check("{'src': 'n0'}", "key must be a string at column 2.", "}. JSON needs double quotes.");
        let message = r#"{"src":"n0","dest":"c1","body":{}}"#;
        check(
            &format!("{message}{message}"),
            "trailing characters at column 35.",
            "}. End each message with a newline.",
        );
        let id = "}. A node's id is the node_id of its init request; does the node remember that \
                  id?";
        check(r#"{"src":null,"dest":"c1","body":{}}"#, "expected a string at column 11.", id);
        check(r#"{"dest":"c1","body":{}}"#, "missing field `src` at column 23.", id);
        check(r#"{"src":"n0"}"#, "missing field `dest` at column 12.", expected);
        check(r#"{"src":7}"#, "expected a string at column 8.", expected);
        check(r#"{"src":"n0","x":1}"#, "`body`, `id` at column 15.", expected);
        check(r#"["n0","c1",{},null]"#, "an array is not an object.", expected);
    }

    #[test]
    fn a_message_without_a_source_before_init_is_answered_gets_advice() {
        let soon = "sent this before it had answered init. A node learns its id from that request";
        let sourceless = |line| parse("n0", line, false).unwrap_err().text;
        let text = sourceless(r#"{"src":null,"dest":"c1","body":{}}"#);
        assert!(text.contains(soon), "{text}");
        let empty = NodeError::unknown_source("n0", "", "…", false).text;
        assert!(empty.starts_with("it sent a message in the name of \"\", which does not exist"));
        assert!(empty.contains(soon), "{empty}");
        let later = NodeError::unknown_source("n0", "", "…", true).text;
        assert!(later.ends_with("its init request; does the node remember that id?"), "{later}");
        let other = NodeError::unknown_source("n0", "n9", "…", false).text;
        let expected = "\"src\": \"n0\", or the sender of a message that it forwards.";
        assert!(other.ends_with(expected), "{other}");
    }

    #[test]
    fn an_error_fits_a_line() {
        #[track_caller]
        fn check(line: &str, expected: &str) {
            assert_eq!(parse("n0", line, true).unwrap_err().in_one_line(), expected);
        }
        check("", "it wrote an empty line to STDOUT, where every line is a message.");
        check(
            "starting up",
            "it wrote a line to STDOUT that is not a message: expected value at column 1: starting \
             up. Expected {\"src\": …, \"dest\": …, \"body\": {…}}. Did you mean STDERR?",
        );
        check(
            r#"{"src":"n0","dest":"c1","body":7}"#,
            "it sent a message whose body is not a JSON object: {\"src\":\"n0\",\"dest\":\"c1\",\
             \"body\":7}. Expected \"body\": {\"type\": …, …}.",
        );
    }
}
