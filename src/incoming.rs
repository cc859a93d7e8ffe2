//! From a line to a message, or to what can be said about a line that is none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::body::{Body, Fields, Mismatch};
use crate::error::{Error, ErrorCode};
use crate::lines::Line;
use crate::message::{self, Header, Message};

/// How much of a bad line is shown.
const EXCERPT: usize = 200;

/// A message, taken apart as far as everybody needs it.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) src: Cow<'a, str>,
    pub(crate) dest: Cow<'a, str>,
    fields: Fields<'a>,
    line: &'a str,
}

/// [`Message`] with a body that is taken apart.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    src: Cow<'a, str>,
    #[serde(borrow)]
    dest: Cow<'a, str>,
    #[serde(borrow)]
    body: Fields<'a>,
}

/// Why a line, or what it asks for, cannot be taken.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What is wrong, and how the line begins.
    pub(crate) error: Error,
    /// Who waits for an answer to it, as far as that can be made out.
    pub(crate) asker: Option<Asker>,
}

/// Whoever sent a request, to whom, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asker {
    pub(crate) src: String,
    pub(crate) dest: String,
    pub(crate) msg_id: u64,
}

impl<'a> Incoming<'a> {
    pub(crate) fn parse(line: &Line<'a>) -> Result<Self, Refusal> {
        let line = match *line {
            Line::Whole(line) => line,
            Line::TooLong { bytes } => {
                let error = malformed(format!("a line of {bytes} bytes is too long"));
                return Err(Refusal { error, asker: None });
            }
        };
        let bad = |error: serde_json::Error| {
            let text = String::from_utf8_lossy(line);
            let error = malformed(format!("expected a message ({error}), got {}", excerpt(&text)));
            Refusal { error, asker: asker(&text) }
        };
        let line = message::text(line).map_err(bad)?;
        let Envelope { src, dest, body: fields } = serde_json::from_str(line).map_err(bad)?;
        Ok(Incoming { src, dest, fields, line })
    }

    /// The reserved part of the body.
    pub(crate) fn header(&self) -> &Header<'a> {
        &self.fields.header
    }

    /// The body, to be read as whatever it should be.
    pub(crate) fn body(&self) -> Body<'_, 'a> {
        Body { fields: &self.fields, line: self.line }
    }

    /// The text of the body.
    pub(crate) fn text(&self) -> &'a str {
        // What was a message once still is.
        Message::parse(self.line.as_bytes()).map_or(self.line, |message| message.body.get())
    }

    /// Reads the body as a request.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        self.body().read().map_err(|mismatch| {
            let code = match mismatch {
                Mismatch::UnknownType(_) => ErrorCode::NotSupported,
                Mismatch::Unfit(_) => ErrorCode::MalformedRequest,
            };
            let error = code.error(format!("{mismatch}, in {}", excerpt(self.text())));
            Refusal { error, asker: self.asker() }
        })
    }

    /// The number under which an answer is waited for; none is if this is an answer itself, or an
    /// error.
    pub(crate) fn asks(&self) -> Option<u64> {
        let Header { kind, msg_id, in_reply_to } = self.header();
        msg_id.filter(|_| in_reply_to.is_none() && kind != "error")
    }

    /// Who waits for an answer, if anybody does.
    pub(crate) fn asker(&self) -> Option<Asker> {
        let msg_id = self.asks()?;
        Some(Asker { src: self.src.to_string(), dest: self.dest.to_string(), msg_id })
    }
}

fn malformed(text: String) -> Error {
    ErrorCode::MalformedRequest.error(text)
}

/// Makes the best of a line that is JSON after all, but not a message.
fn asker(text: &str) -> Option<Asker> {
    let line = Object::parse(text)?;
    let body = Object::parse(line.0.get("body")?.get())?;
    let is_answer = body.0.get("in_reply_to").is_some_and(|answered| answered.get() != "null")
        || body.field::<String>("type").is_some_and(|kind| kind == "error");
    let src = line.field("src").filter(|_| !is_answer)?;
    let dest = line.field("dest").unwrap_or_default();
    Some(Asker { src, dest, msg_id: body.field("msg_id")? })
}

/// A JSON object whose fields stay text: their nesting may be too deep for a value in memory. Of a
/// key that comes twice the last one counts.
struct Object<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Object)
    }

    fn field<T: Deserialize<'a>>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.0.get(key)?.get()).ok()
    }
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asked_is_made_out_even_if_the_question_is_not() {
        #[track_caller]
        fn check(line: &[u8], expected: Option<(&str, u64)>) {
            let asker = match Incoming::parse(&Line::Whole(line)) {
                Ok(incoming) => incoming.asker(),
                Err(bad) => bad.asker,
            };
            let asker = asker.as_ref().map(|asker| (asker.src.as_str(), asker.msg_id));
            assert_eq!(asker, expected);
        }
        let question = br#"{"src":"c1","dest":"n1","body":{"type":"read","msg_id":7}}"#;
        check(question, Some(("c1", 7)));
        check(br#"{"src":"c1","dest":"n1","body":{"msg_id":7}}"#, Some(("c1", 7)));
        check(br#"{"src":"c1","body":{"type":5,"msg_id":7}}"#, Some(("c1", 7)));
        check(
            b"{\"src\":\"c1\",\"dest\":\"\xff\",\"body\":{\"type\":\"read\",\"msg_id\":7}}",
            Some(("c1", 7)),
        );
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let deep = format!(r#"{{"src":"c1","body":{{"msg_id":7,"value":{deep}}}}}"#);
        check(deep.as_bytes(), Some(("c1", 7)));
        check(br#"{"src":"c1","dest":"n1","body":{"type":"read"}}"#, None);
        check(br#"["c1","n1",{"type":"read","msg_id":7}]"#, None);
        check(br#"{"src":"c1","dest":"n1","body":["read",7,null]}"#, None);
        check(br#"{"src":"c1","dest":"n1","body":{"type":"error","msg_id":7}}"#, None);
        check(br#"{"src":"c1","dest":"n1","body":{"msg_id":7,"in_reply_to":1}}"#, None);
        check(br#"{"src":1,"dest":"n1","body":{"type":"read","msg_id":7}}"#, None);
        check(br#"{"src":"c1","dest":"n1","body":{"type":"read","msg_id":7}"#, None);
        check(b"rubbish", None);
        check(b"", None);
    }
}
