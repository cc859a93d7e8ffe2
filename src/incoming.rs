//! Parsing of input lines: a message, or an [`ErrorReply`] to the line's sender.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::body::{Body, BodyError, Fields};
use crate::error::{Error, ErrorCode};
use crate::lines::InputLine;
use crate::message::{self, Header, Message};

/// Characters of a bad line that an error shows. A larger number shows more of the cause; a
/// smaller one fits on a screen.
const EXCERPT_CHARS: usize = 200;

/// A received message, split into its addresses and the fields of its body.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) src: Cow<'a, str>,
    pub(crate) dest: Cow<'a, str>,
    fields: Fields<'a>,
    line: &'a str,
}

/// [`Message`] with a body that is split into its fields.
#[derive(Deserialize)]
struct WireMessage<'a> {
    #[serde(borrow)]
    src: Cow<'a, str>,
    #[serde(borrow)]
    dest: Cow<'a, str>,
    #[serde(borrow)]
    body: Fields<'a>,
}

/// Error that answers a request: a handler's, or that of a line that is not a valid request.
#[derive(Debug)]
pub(crate) struct ErrorReply {
    /// The error; of a bad line, with the beginning of the line.
    pub(crate) error: Error,
    /// The request to reply to, if the sender expects a reply and can be identified.
    pub(crate) reply_to: Option<ReplyTo>,
}

/// The addresses and the `msg_id` of a request, as its reply needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReplyTo {
    /// Sender of the request, and receiver of the reply.
    pub(crate) requester: String,
    /// Receiver of the request, and sender of the reply.
    pub(crate) node_id: String,
    pub(crate) msg_id: u64,
}

impl<'a> Incoming<'a> {
    pub(crate) fn parse(line: &InputLine<'a>) -> Result<Self, ErrorReply> {
        let line = match *line {
            InputLine::Whole(line) => line,
            InputLine::TooLong { bytes } => {
                let error = malformed(format!("a line of {bytes} bytes is too long"));
                return Err(ErrorReply { error, reply_to: None });
            }
        };
        let bad = |error: serde_json::Error| {
            let text = String::from_utf8_lossy(line);
            let error = malformed(format!("expected a message ({error}), got {}", excerpt(&text)));
            ErrorReply { error, reply_to: salvage_reply_to(&text) }
        };
        let line = message::object_text(line).map_err(bad)?;
        let WireMessage { src, dest, body: fields } = serde_json::from_str(line).map_err(bad)?;
        Ok(Incoming { src, dest, fields, line })
    }

    /// The reserved fields of the body.
    pub(crate) fn header(&self) -> &Header<'a> {
        &self.fields.header
    }

    /// The body as a deserializer of any type.
    pub(crate) fn body(&self) -> Body<'_, 'a> {
        Body { fields: &self.fields, line: self.line }
    }

    /// The text of the body.
    pub(crate) fn text(&self) -> &'a str {
        // The line was parsed as a message before, so this does not fail.
        Message::parse(self.line.as_bytes()).map_or(self.line, |message| message.body.get())
    }

    /// Deserializes the body as a request.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ErrorReply> {
        self.body().read().map_err(|mismatch| {
            let code = match mismatch {
                BodyError::UnknownType(_) => ErrorCode::NotSupported,
                BodyError::InvalidFields(_) => ErrorCode::MalformedRequest,
            };
            let error = code.error(format!("{mismatch}, in {}", excerpt(self.text())));
            ErrorReply { error, reply_to: self.reply_to() }
        })
    }

    /// The `msg_id` of a request that expects a reply. A reply or an error has none.
    pub(crate) fn request_msg_id(&self) -> Option<u64> {
        let Header { kind, msg_id, in_reply_to } = self.header();
        msg_id.filter(|_| in_reply_to.is_none() && kind != "error")
    }

    /// The request to reply to, if the sender expects a reply.
    pub(crate) fn reply_to(&self) -> Option<ReplyTo> {
        let msg_id = self.request_msg_id()?;
        let (requester, node_id) = (self.src.to_string(), self.dest.to_string());
        Some(ReplyTo { requester, node_id, msg_id })
    }
}

fn malformed(text: String) -> Error {
    ErrorCode::MalformedRequest.error(text)
}

/// Identifies the request in a line that is JSON, but no message.
fn salvage_reply_to(text: &str) -> Option<ReplyTo> {
    let line = RawObject::parse(text)?;
    let body = RawObject::parse(line.0.get("body")?.get())?;
    let is_answer = body.0.get("in_reply_to").is_some_and(|answered| answered.get() != "null")
        || body.field::<String>("type").is_some_and(|kind| kind == "error");
    let requester = line.field("src").filter(|_| !is_answer)?;
    let node_id = line.field("dest").unwrap_or_default();
    Some(ReplyTo { requester, node_id, msg_id: body.field("msg_id")? })
}

/// A JSON object whose values stay text, because they may be nested too deeply to be parsed. The
/// last of duplicate keys counts.
struct RawObject<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> RawObject<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(RawObject)
    }

    fn field<T: Deserialize<'a>>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.0.get(key)?.get()).ok()
    }
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sender_of_a_request_is_identified_even_in_a_bad_line() {
        #[track_caller]
        fn check(line: &[u8], expected: Option<(&str, u64)>) {
            let reply_to = match Incoming::parse(&InputLine::Whole(line)) {
                Ok(incoming) => incoming.reply_to(),
                Err(bad) => bad.reply_to,
            };
            let reply_to = reply_to.as_ref().map(|to| (to.requester.as_str(), to.msg_id));
            assert_eq!(reply_to, expected);
        }
        let request = br#"{"src":"c1","dest":"n1","body":{"type":"read","msg_id":7}}"#;
        check(request, Some(("c1", 7)));
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
