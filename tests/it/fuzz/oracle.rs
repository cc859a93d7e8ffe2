//! Specification of a node's output for each line, in words and in independent code.
//!
//! A line is blank, a message, or bad. A message is UTF-8 and a JSON object with strings `src` and
//! `dest` and an object `body`. The body has a string `type`. Its `msg_id` and `in_reply_to` are
//! each absent, null or a natural number below 2^64. None of these keys is duplicate, and all keys
//! are Unicode. Negative numbers, fractions and `1.0` are no message numbers: Maelstrom's own
//! clients count up from 1.
//!
//! A message with `in_reply_to` is a reply. It completes the pending call or is ignored. Any other
//! message is a request. It expects a reply if it has a `msg_id` and is no `error`, and then gets
//! exactly one. A rejected request that expects no reply is reported on stderr.
//!
//! A bad line is answered with error 12 if it is an object with a string `src` and an object `body`
//! with a natural `msg_id`, and is neither a reply nor an error. Here the last of duplicate keys
//! counts, and bytes that are no UTF-8 are read as U+FFFD. Other bad lines are reported on stderr.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem::take;

use crate::fuzz::json;
use crate::fuzz::node::FIRST_CALL;

/// The output of a node for a line.
#[derive(Debug, Default)]
pub(crate) struct Reaction {
    /// The messages that it writes before it reads on.
    pub(crate) immediate: Vec<String>,
    /// The replies of requests that waited for a call.
    pub(crate) delayed: Vec<String>,
    /// The number of lines on stderr.
    pub(crate) reported: usize,
}

/// Model of a node that echoes, and that calls n2 if it knows `ask`.
pub(crate) struct Oracle {
    /// The types of requests that its handler knows.
    known_types: &'static [&'static str],
    id: Option<String>,
    next_call: u64,
    /// The pending calls, each with the request that waits for it.
    pending_calls: BTreeMap<u64, Option<ReplyTo>>,
    reaction: Reaction,
}

#[derive(Debug, Clone)]
struct ReplyTo {
    src: String,
    dest: String,
    msg_id: u64,
}

struct ParsedMessage<'a> {
    body: JsonFields<'a>,
    kind: String,
    in_reply_to: Option<u64>,
    reply_to: Option<ReplyTo>,
}

impl Oracle {
    pub(crate) fn new(known_types: &'static [&'static str]) -> Self {
        let (id, pending_calls, reaction) = (None, BTreeMap::new(), Reaction::default());
        Oracle { known_types, id, next_call: FIRST_CALL, pending_calls, reaction }
    }

    /// The node's output for a line.
    pub(crate) fn react(&mut self, line: &[u8]) -> Reaction {
        if !line.trim_ascii().is_empty() {
            let text = String::from_utf8_lossy(line);
            let is_utf8 = matches!(text, Cow::Borrowed(_));
            match message(&text).filter(|_| is_utf8) {
                Some(message) if self.id.is_none() => self.initialize(&message),
                Some(message) if message.in_reply_to.is_some() => self.answer(&message),
                Some(message) => self.request(message),
                None => self.reject(12, salvage_reply_to(&text)),
            }
        }
        take(&mut self.reaction)
    }

    /// The `msg_id`s of the pending calls.
    pub(crate) fn pending_calls(&self) -> impl Iterator<Item = u64> {
        self.pending_calls.keys().copied()
    }

    fn initialize(&mut self, message: &ParsedMessage<'_>) {
        if message.kind != "init" {
            return self.reject(11, message.reply_to.clone());
        }
        let strings = |text| {
            let items = json::items(text)?;
            items.into_iter().map(json::string).collect::<Option<Vec<_>>>()
        };
        let node_id = message.body.once("node_id").and_then(json::string);
        let node_ids = message.body.once("node_ids").and_then(strings);
        let (Some(id), Some(_)) = (node_id, node_ids) else {
            return self.reject(12, message.reply_to.clone());
        };
        self.id = Some(id);
        self.reply(message.reply_to.clone(), r#""type":"init_ok""#);
    }

    fn request(&mut self, message: ParsedMessage<'_>) {
        if message.kind == "init" {
            return self.reject(22, message.reply_to);
        }
        if !self.known_types.contains(&message.kind.as_str()) {
            return self.reject(10, message.reply_to);
        }
        match (message.kind.as_str(), message.body.once("echo")) {
            ("echo", None) => self.reject(12, message.reply_to),
            ("echo", Some(echo)) => {
                self.reply(message.reply_to, &format!(r#""type":"echo_ok","echo":{echo}"#));
            }
            ("refuse", _) => self.reject(30, message.reply_to),
            ("stumble", _) => self.reject(13, message.reply_to),
            ("ask", _) => {
                let call = self.next_call;
                self.next_call += 1;
                self.pending_calls.insert(call, message.reply_to);
                self.send("n2", &format!(r#""type":"question","msg_id":{call}"#));
            }
            (other, _) => panic!("the oracle has no rule for {other}"),
        }
    }

    fn answer(&mut self, message: &ParsedMessage<'_>) {
        let waited = message.in_reply_to.and_then(|call| self.pending_calls.remove(&call));
        let Some(reply_to) = waited else { return };
        match message.body.once("value") {
            Some(value) if message.kind == "answer" => {
                self.reply(reply_to, &format!(r#""type":"ask_ok","value":{value}"#));
            }
            _ => self.reject(13, reply_to),
        }
        self.reaction.delayed.append(&mut self.reaction.immediate);
    }

    fn reject(&mut self, code: u64, reply_to: Option<ReplyTo>) {
        match reply_to {
            None => self.reaction.reported += 1,
            reply_to => {
                self.reply(reply_to, &format!(r#""type":"error","code":{code},"text":"…""#));
            }
        }
    }

    fn reply(&mut self, reply_to: Option<ReplyTo>, body: &str) {
        if let Some(ReplyTo { src, dest, msg_id }) = reply_to {
            // Before `init`, a node replies under the id by which it was addressed.
            let me = self.id.clone().unwrap_or(dest);
            let body = format!(r#"{body},"in_reply_to":{msg_id}"#);
            self.reaction.immediate.push(line(&me, &src, &body));
        }
    }

    fn send(&mut self, dest: &str, body: &str) {
        let me = self.id.clone().unwrap_or_default();
        self.reaction.immediate.push(line(&me, dest, body));
    }
}

fn line(src: &str, dest: &str, body: &str) -> String {
    let quoted = |text| serde_json::Value::from(text).to_string();
    format!(r#"{{"src":{},"dest":{},"body":{{{body}}}}}"#, quoted(src), quoted(dest))
}

fn message(text: &str) -> Option<ParsedMessage<'_>> {
    let line = JsonFields(json::fields(text)?);
    let (src, dest) = (json::string(line.once("src")?)?, json::string(line.once("dest")?)?);
    let body = JsonFields(json::fields(line.once("body")?)?);
    let kind = json::string(body.once("type")?)?;
    let (msg_id, in_reply_to) = (body.number("msg_id").ok()?, body.number("in_reply_to").ok()?);
    let asks = msg_id.filter(|_| in_reply_to.is_none() && kind != "error");
    let reply_to = asks.map(|msg_id| ReplyTo { src, dest, msg_id });
    Some(ParsedMessage { body, kind, in_reply_to, reply_to })
}

/// The request to reply to, in a bad line.
fn salvage_reply_to(text: &str) -> Option<ReplyTo> {
    let line = JsonFields(json::fields(text)?);
    let body = JsonFields(json::fields(line.last("body")?)?);
    let is_answer = body.last("in_reply_to").is_some_and(|answered| answered != "null");
    let is_error = body.last("type").and_then(json::string).is_some_and(|kind| kind == "error");
    let src = json::string(line.last("src")?).filter(|_| !is_answer && !is_error)?;
    let dest = line.last("dest").and_then(json::string).unwrap_or_default();
    Some(ReplyTo { src, dest, msg_id: json::natural(body.last("msg_id")?)? })
}

struct JsonFields<'a>(Vec<(String, &'a str)>);

impl<'a> JsonFields<'a> {
    /// The value of a key that is there exactly once.
    fn once(&self, key: &str) -> Option<&'a str> {
        let mut values = self.0.iter().filter(|(k, _)| k == key).map(|(_, value)| *value);
        values.next().filter(|_| values.next().is_none())
    }

    fn last(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, value)| *value)
    }

    /// A number that may be null or absent; an error if it is anything else, or duplicate.
    fn number(&self, key: &str) -> Result<Option<u64>, ()> {
        match (self.last(key), self.once(key)) {
            (None, _) | (_, Some("null")) => Ok(None),
            (_, number) => number.and_then(json::natural).map(Some).ok_or(()),
        }
    }
}
