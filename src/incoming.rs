//! From a line to a message, or to what can be said about a line that is none.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::body::{self, Mismatch};
use crate::error::{Error, ErrorCode};
use crate::lines::Line;
use crate::message::{Header, Message};

/// How much of a bad line is shown.
const EXCERPT: usize = 200;

/// A message together with the reserved part of its body.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) message: Message<'a>,
    pub(crate) header: Header<'a>,
}

/// A line that cannot be taken.
#[derive(Debug)]
pub(crate) struct BadLine {
    /// What is wrong with it, and how it begins.
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
    pub(crate) fn parse(line: &Line<'a>) -> Result<Self, BadLine> {
        let line = match *line {
            Line::Whole(line) => line,
            Line::TooLong { bytes } => {
                let error = malformed(format!("a line of {bytes} bytes is too long"));
                return Err(BadLine { error, asker: None });
            }
        };
        let bad = |error: serde_json::Error| {
            let text = String::from_utf8_lossy(line);
            let error = malformed(format!("expected a message ({error}), got {}", excerpt(&text)));
            BadLine { error, asker: asker(&text) }
        };
        let message = Message::parse(line).map_err(bad)?;
        let header = message.header().map_err(bad)?;
        Ok(Incoming { message, header })
    }

    /// Reads the body as a `T`.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, BadLine> {
        let body = self.message.body.get();
        body::read(&self.header.kind, body).map_err(|mismatch| {
            let code = match mismatch {
                Mismatch::UnknownType(_) => ErrorCode::NotSupported,
                Mismatch::Unfit(_) => ErrorCode::MalformedRequest,
            };
            let error = code.error(format!("{mismatch}, in {}", excerpt(body)));
            BadLine { error, asker: self.asker() }
        })
    }

    /// Who waits for an answer; nobody does if this is an answer itself, or an error.
    pub(crate) fn asker(&self) -> Option<Asker> {
        let Header { kind, msg_id, in_reply_to } = &self.header;
        let msg_id = msg_id.filter(|_| in_reply_to.is_none() && kind != "error")?;
        let Message { src, dest, .. } = &self.message;
        Some(Asker { src: src.clone().into_owned(), dest: dest.clone().into_owned(), msg_id })
    }
}

fn malformed(text: String) -> Error {
    ErrorCode::MalformedRequest.error(text)
}

/// Makes the best of a line that is JSON after all, but not a message.
fn asker(text: &str) -> Option<Asker> {
    let line: Value = serde_json::from_str(text).ok()?;
    let body = &line["body"];
    let is_answer = !body["in_reply_to"].is_null() || body["type"] == "error";
    let src = line["src"].as_str().filter(|_| !is_answer)?.to_owned();
    let dest = line["dest"].as_str().unwrap_or_default().to_owned();
    Some(Asker { src, dest, msg_id: body["msg_id"].as_u64()? })
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
        check(br#"{"src":"c1","dest":"n1","body":{"type":"read"}}"#, None);
        check(br#"{"src":"c1","dest":"n1","body":{"type":"error","msg_id":7}}"#, None);
        check(br#"{"src":"c1","dest":"n1","body":{"msg_id":7,"in_reply_to":1}}"#, None);
        check(br#"{"src":1,"dest":"n1","body":{"type":"read","msg_id":7}}"#, None);
        check(br#"{"src":"c1","dest":"n1","body":{"type":"read","msg_id":7}"#, None);
        check(b"rubbish", None);
        check(b"", None);
    }
}
