//! [`Message`]: one JSON object per line, with a source, a destination and a body.
//!
//! The body stays text until it is read. So values that a node only passes on are never parsed, and
//! are sent as they were received: integers of any size, floats, nesting, the order of keys. See
//! Maelstrom's `doc/protocol.md`.

use std::borrow::Cow;

use serde::{Deserialize, de};
use serde_json::value::RawValue;

/// A message, borrowed from its line.
///
/// Keys that the protocol does not name are ignored. Maelstrom adds an `id`.
#[derive(Debug, Clone, Deserialize)]
pub struct Message<'a> {
    /// The sender: `n0`, `n1`, … for servers, `c0`, `c1`, … for clients.
    #[serde(borrow)]
    pub src: Cow<'a, str>,
    /// The receiver.
    #[serde(borrow)]
    pub dest: Cow<'a, str>,
    /// The payload, a JSON object.
    #[serde(borrow)]
    pub body: &'a RawValue,
}

/// The fields of a body that the protocol reserves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Header<'a> {
    /// The kind of message, `type` in JSON.
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// The sender's number for this message, if it expects a reply.
    pub msg_id: Option<u64>,
    /// The `msg_id` of the request that this message replies to, if it is a reply.
    pub in_reply_to: Option<u64>,
}

impl<'a> Message<'a> {
    /// Parses a message from a line, with or without the newline.
    pub fn parse(line: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_str(object_text(line)?)
    }

    /// Parses the reserved fields. Fails if the body is no object or has no `type`.
    pub fn header(&self) -> serde_json::Result<Header<'a>> {
        expect_object(self.body.get())?;
        serde_json::from_str(self.body.get())
    }
}

/// The line as text, if it is UTF-8 and may be a JSON object.
pub(crate) fn object_text(line: &[u8]) -> serde_json::Result<&str> {
    // For the whole line: serde_json would not check values that nobody reads.
    let line = str::from_utf8(line).map_err(de::Error::custom)?;
    expect_object(line)?;
    Ok(line)
}

/// Rejects text that is no object. serde would also read a struct from an array.
fn expect_object(json: &str) -> serde_json::Result<()> {
    match json.trim_ascii_start().as_bytes().first() {
        None | Some(b'{') => Ok(()),
        Some(_) => Err(de::Error::custom("not an object")),
    }
}
