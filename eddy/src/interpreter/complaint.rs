//! What makes a test impossible to go on with, told to whoever wrote the node.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::rc::Rc;

use eddy_text::printable;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::hint;
use crate::client::{Schema, is_integer};

/// What a node did that ends the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The node's id.
    pub node: String,
    /// What it did and what it should have done, as sentences.
    pub text: String,
}

/// A message of a node.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) src: Cow<'a, str>,
    pub(super) dest: Cow<'a, str>,
    pub(super) body: Rc<RawValue>,
}

/// A message as nodes must write it: these keys and no others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Envelope<'a> {
    #[serde(borrow)]
    src: Cow<'a, str>,
    #[serde(borrow)]
    dest: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(rename = "id", default)]
    _id: Id,
}

/// A number of any length, which nobody looks at. It may be left out, but not be null.
#[derive(Default)]
struct Id;

/// The name in an envelope, whatever else is in there.
#[derive(Deserialize)]
struct Sender<'a> {
    #[serde(borrow, default)]
    src: Option<Cow<'a, str>>,
}

/// Reads what a node said, which may have answered `init` by now.
pub(super) fn read<'a>(node: &str, line: &'a str, has_begun: bool) -> Result<Said<'a>, Complaint> {
    let complain = |text: String| Err(Complaint { node: node.to_owned(), text });
    if line.trim_ascii().is_empty() {
        return complain("it wrote an empty line to STDOUT, where every line is a message.".into());
    }
    let envelope: serde_json::Result<Envelope<'a>> = if line.trim_ascii_start().starts_with('[') {
        // serde would take an array for a struct, too. What is no array is no JSON: a log, say.
        let array = serde_json::from_str::<&RawValue>(line);
        array.and_then(|_| Err(de::Error::custom("an array is no object")))
    } else {
        serde_json::from_str(line)
    };
    let Envelope { src, dest, body, .. } = match envelope {
        Ok(envelope) => envelope,
        Err(error) => {
            let is_nameless = serde_json::from_str(line).is_ok_and(|Sender { src }| src.is_none());
            let hint = if is_nameless && line.trim_ascii_start().starts_with('{') {
                hint::of_nameless(has_begun)
            } else {
                hint::of(line, &error)
            };
            let (reason, separator) =
                (excerpt(&hint::reason(&error)), if hint.is_empty() { "" } else { " " });
            return complain(format!(
                "it wrote a line to STDOUT that is no message: {reason}.\n  {}\nExpected \
                 {{\"src\": …, \"dest\": …, \"body\": {{…}}}}.{separator}{hint}",
                excerpt(line)
            ));
        }
    };
    if !body.get().starts_with('{') {
        let line = excerpt(line);
        return complain(format!(
            "it sent a message whose body is no JSON object:\n  {line}\nExpected \
             \"body\": {{\"type\": …, …}}."
        ));
    }
    Ok(Said { src, dest, body: body.to_owned().into() })
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        let id = <&RawValue>::deserialize(deserializer)?;
        if is_integer(id) {
            return Ok(Id);
        }
        Err(de::Error::custom(format!("id is {}, expected an integer or none", id.get())))
    }
}

impl Complaint {
    /// A node that speaks in the name of nobody.
    pub(super) fn unknown_source(node: &str, src: &str, line: &str, has_begun: bool) -> Complaint {
        let line = excerpt(line);
        let hint = if src.is_empty() { hint::of_nameless(has_begun) } else { "" };
        let separator = if hint.is_empty() { "" } else { " " };
        let text = format!(
            "it sent a message in the name of {src:?}, which does not exist:\n  {line}\nExpected \
             \"src\": {node:?}, or who sent what it hands on.{separator}{hint}"
        );
        Complaint { node: node.to_owned(), text }
    }

    pub(super) fn unknown_destination(node: &str, dest: &str, line: &str) -> Complaint {
        let line = excerpt(line);
        let text = format!(
            "it sent a message to {dest:?}, which does not exist:\n  {line}\nExpected the id of a \
             node, of a service (lin-kv, lin-tso, lww-kv or seq-kv), or of the client whose \
             request it answers."
        );
        Complaint { node: node.to_owned(), text }
    }

    /// What the node did and should have done, in one line.
    pub(super) fn in_one_line(&self) -> String {
        let mut lines = self.text.lines().map(str::trim);
        let Some(what) = lines.next() else { return String::new() };
        let shown =
            lines.next().map(|line| format!("{}: {line}", what.trim_end_matches(['.', ':'])));
        let expected = lines.next().map(|line| format!(". {line}"));
        shown.unwrap_or_else(|| what.to_owned()) + &expected.unwrap_or_default()
    }
}

/// What is said of a node that did not answer as it should.
pub(super) fn refusal(f: &str, reply: &Schema, body: &RawValue) -> String {
    format!("it answered {f} with\n  {}\nExpected {reply}.", excerpt(body.get()))
}

/// What is said of a node that did not answer; `wrong` is what it said instead, if anything, in a
/// sentence.
pub(super) fn silence(f: &str, wrong: Option<String>) -> String {
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

impl Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} cannot be tested: {}", self.node, self.text)
    }
}

impl std::error::Error for Complaint {}

pub(super) fn excerpt(line: &str) -> String {
    printable::excerpt(line, printable::SCREEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_with_the_keys_of_a_message_is_one() {
        #[track_caller]
        fn check(line: &str, expected: &str) {
            let answer =
                read("n0", line, true).map_or_else(|complaint| complaint.text, |_| "fine".into());
            assert!(answer.contains(expected), "{answer}");
        }
        check(r#"{"src":"n0","dest":"c1","body":{}}"#, "fine");
        check(r#"{"id":3,"src":"n0","dest":"c1","body":{}}"#, "fine");
        check(r#"["n0","c1",{},null]"#, "no message: an array is no object");
        check(r#"{"src":"n0","dest":"c1","body":{},"x":1}"#, "unknown field `x`");
        check(r#"{"src":"n0","dest":"c1","body":[]}"#, "body is no JSON object");
        check(r#"{"id":99999999999999999999,"src":"n0","dest":"c1","body":{}}"#, "fine");
        check(r#"{"id":null,"src":"n0","dest":"c1","body":{}}"#, "id is null, expected an integer");
        check(r#"{"id":1.0,"src":"n0","dest":"c1","body":{}}"#, "id is 1.0, expected an integer");
        check(r#"{"src":"n0","dest":"c1","body":{},"\u001b":1}"#, r"unknown field `\u{1b}`");
    }

    #[test]
    fn the_commonest_mistakes_get_advice() {
        #[track_caller]
        fn check(line: &str, reason: &str, advice: &str) {
            let text =
                read("n0", line, true).err().map(|complaint| complaint.text).unwrap_or_default();
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
        check("{", "at column 1.", "}. Each message must be on one line; does it pretty-print?");
        check("[", "at column 1.", "does it pretty-print?");
        check("[INFO] started", "expected value at column 2.", "}. Did you mean STDERR?");
        check(r#"{"src":"n0","#, "at column 12.", "does it pretty-print?");
        check("{'src': 'n0'}", "key must be a string at column 2.", "}. JSON needs double quotes.");
        let message = r#"{"src":"n0","dest":"c1","body":{}}"#;
        check(
            &format!("{message}{message}"),
            "trailing characters at column 35.",
            "}. End each message with a newline.",
        );
        let id = "}. A node's id is the node_id of its init request; does it keep it?";
        check(r#"{"src":null,"dest":"c1","body":{}}"#, "expected a string at column 11.", id);
        check(r#"{"dest":"c1","body":{}}"#, "missing field `src` at column 23.", id);
        check(r#"{"src":"n0"}"#, "missing field `dest` at column 12.", expected);
        check(r#"{"src":7}"#, "expected a string at column 8.", expected);
        check(r#"{"src":"n0","x":1}"#, "`body`, `id` at column 15.", expected);
        check(r#"["n0","c1",{},null]"#, "an array is no object.", expected);
    }

    #[test]
    fn a_node_without_a_name_is_told_when_it_spoke_too_soon() {
        let soon = "sent before it had answered init, and a node does not know its own id";
        let nobody = |line| read("n0", line, false).unwrap_err().text;
        let text = nobody(r#"{"src":null,"dest":"c1","body":{}}"#);
        assert!(text.contains(soon), "{text}");
        let empty = Complaint::unknown_source("n0", "", "…", false).text;
        assert!(empty.starts_with("it sent a message in the name of \"\", which does not exist"));
        assert!(empty.contains(soon), "{empty}");
        let later = Complaint::unknown_source("n0", "", "…", true).text;
        assert!(later.ends_with("its init request; does it keep it?"), "{later}");
        let other = Complaint::unknown_source("n0", "n9", "…", false).text;
        assert!(other.ends_with("\"src\": \"n0\", or who sent what it hands on."), "{other}");
    }

    #[test]
    fn a_complaint_fits_a_line() {
        #[track_caller]
        fn check(line: &str, expected: &str) {
            assert_eq!(read("n0", line, true).unwrap_err().in_one_line(), expected);
        }
        check("", "it wrote an empty line to STDOUT, where every line is a message.");
        check(
            "starting up",
            "it wrote a line to STDOUT that is no message: expected value at column 1: starting \
             up. Expected {\"src\": …, \"dest\": …, \"body\": {…}}. Did you mean STDERR?",
        );
        check(
            r#"{"src":"n0","dest":"c1","body":7}"#,
            "it sent a message whose body is no JSON object: {\"src\":\"n0\",\"dest\":\"c1\",\
             \"body\":7}. Expected \"body\": {\"type\": …, …}.",
        );
    }
}
