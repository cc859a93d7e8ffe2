//! What a node must make of each line, in words and in code of its own.
//!
//! A line is blank, a message, or bad. It is a message if it is UTF-8 and a JSON object with strings
//! `src` and `dest` and an object `body`, and the body has a string `type` and, each absent, null
//! or a natural number below 2^64, `msg_id` and `in_reply_to`; none of these comes twice, and keys
//! are Unicode. Negative numbers, fractions and `1.0` are no numbers of messages: Maelstrom's own
//! clients count up from 1.
//!
//! A message with `in_reply_to` is an answer, for whoever waits or for nobody. Any other is a
//! request, and asks if it has a `msg_id` and is no `error`. A request that asks gets exactly one
//! reply. A refused one that does not ask is told on stderr.
//!
//! A bad line is answered with code 12 if it is an object with a string `src` and an object `body`
//! with a natural `msg_id`, and is neither an answer nor an error; of a key that comes twice the
//! last one counts, and bytes that are no UTF-8 are read as U+FFFD. Else it is told on stderr.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem::take;

use crate::fuzz::json;
use crate::fuzz::node::FIRST_CALL;

/// What a node says in return.
#[derive(Debug, Default)]
pub(crate) struct Reaction {
    /// What it writes before it reads on.
    pub(crate) said: Vec<String>,
    /// What it writes when a request that waited goes on.
    pub(crate) said_later: Vec<String>,
    /// How many lines it writes to stderr.
    pub(crate) told: usize,
}

/// A node that echoes, and asks n2 if it knows how to.
pub(crate) struct Oracle {
    /// The types of requests that its handler knows.
    knows: &'static [&'static str],
    id: Option<String>,
    next_call: u64,
    /// Who waits for the answer to which call.
    waiting: BTreeMap<u64, Option<Asker>>,
    reaction: Reaction,
}

#[derive(Debug, Clone)]
struct Asker {
    src: String,
    dest: String,
    msg_id: u64,
}

struct Message<'a> {
    body: Fields<'a>,
    kind: String,
    in_reply_to: Option<u64>,
    asker: Option<Asker>,
}

impl Oracle {
    pub(crate) fn new(knows: &'static [&'static str]) -> Self {
        let (id, waiting, reaction) = (None, BTreeMap::new(), Reaction::default());
        Oracle { knows, id, next_call: FIRST_CALL, waiting, reaction }
    }

    /// What the node says to a line.
    pub(crate) fn hear(&mut self, line: &[u8]) -> Reaction {
        if !line.trim_ascii().is_empty() {
            let text = String::from_utf8_lossy(line);
            let is_utf8 = matches!(text, Cow::Borrowed(_));
            match message(&text).filter(|_| is_utf8) {
                Some(message) if self.id.is_none() => self.initialize(&message),
                Some(message) if message.in_reply_to.is_some() => self.answer(&message),
                Some(message) => self.request(message),
                None => self.refuse(12, asker(&text)),
            }
        }
        take(&mut self.reaction)
    }

    /// The calls that wait for an answer.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = u64> {
        self.waiting.keys().copied()
    }

    fn initialize(&mut self, message: &Message<'_>) {
        if message.kind != "init" {
            return self.refuse(11, message.asker.clone());
        }
        let strings = |text| {
            let items = json::items(text)?;
            items.into_iter().map(json::string).collect::<Option<Vec<_>>>()
        };
        let node_id = message.body.once("node_id").and_then(json::string);
        let node_ids = message.body.once("node_ids").and_then(strings);
        let (Some(id), Some(_)) = (node_id, node_ids) else {
            return self.refuse(12, message.asker.clone());
        };
        self.id = Some(id);
        self.reply(message.asker.clone(), r#""type":"init_ok""#);
    }

    fn request(&mut self, message: Message<'_>) {
        if message.kind == "init" {
            return self.refuse(22, message.asker);
        }
        if !self.knows.contains(&message.kind.as_str()) {
            return self.refuse(10, message.asker);
        }
        match (message.kind.as_str(), message.body.once("echo")) {
            ("echo", None) => self.refuse(12, message.asker),
            ("echo", Some(echo)) => {
                self.reply(message.asker, &format!(r#""type":"echo_ok","echo":{echo}"#));
            }
            ("refuse", _) => self.refuse(30, message.asker),
            ("stumble", _) => self.refuse(13, message.asker),
            ("ask", _) => {
                let call = self.next_call;
                self.next_call += 1;
                self.waiting.insert(call, message.asker);
                self.say("n2", &format!(r#""type":"question","msg_id":{call}"#));
            }
            (other, _) => panic!("nobody said what {other} does"),
        }
    }

    fn answer(&mut self, message: &Message<'_>) {
        let waited = message.in_reply_to.and_then(|call| self.waiting.remove(&call));
        let Some(asker) = waited else { return };
        match message.body.once("value") {
            Some(value) if message.kind == "answer" => {
                self.reply(asker, &format!(r#""type":"ask_ok","value":{value}"#));
            }
            _ => self.refuse(13, asker),
        }
        self.reaction.said_later.append(&mut self.reaction.said);
    }

    fn refuse(&mut self, code: u64, asker: Option<Asker>) {
        match asker {
            None => self.reaction.told += 1,
            asker => self.reply(asker, &format!(r#""type":"error","code":{code},"text":"…""#)),
        }
    }

    fn reply(&mut self, asker: Option<Asker>, body: &str) {
        if let Some(Asker { src, dest, msg_id }) = asker {
            // Before it knows its name, a node answers in the one by which it was addressed.
            let me = self.id.clone().unwrap_or(dest);
            let body = format!(r#"{body},"in_reply_to":{msg_id}"#);
            self.reaction.said.push(line(&me, &src, &body));
        }
    }

    fn say(&mut self, dest: &str, body: &str) {
        let me = self.id.clone().unwrap_or_default();
        self.reaction.said.push(line(&me, dest, body));
    }
}

fn line(src: &str, dest: &str, body: &str) -> String {
    let quoted = |text| serde_json::Value::from(text).to_string();
    format!(r#"{{"src":{},"dest":{},"body":{{{body}}}}}"#, quoted(src), quoted(dest))
}

fn message(text: &str) -> Option<Message<'_>> {
    let line = Fields(json::fields(text)?);
    let (src, dest) = (json::string(line.once("src")?)?, json::string(line.once("dest")?)?);
    let body = Fields(json::fields(line.once("body")?)?);
    let kind = json::string(body.once("type")?)?;
    let (msg_id, in_reply_to) = (body.number("msg_id").ok()?, body.number("in_reply_to").ok()?);
    let asks = msg_id.filter(|_| in_reply_to.is_none() && kind != "error");
    let asker = asks.map(|msg_id| Asker { src, dest, msg_id });
    Some(Message { body, kind, in_reply_to, asker })
}

/// Who asked with a bad line.
fn asker(text: &str) -> Option<Asker> {
    let line = Fields(json::fields(text)?);
    let body = Fields(json::fields(line.last("body")?)?);
    let is_answer = body.last("in_reply_to").is_some_and(|answered| answered != "null");
    let is_error = body.last("type").and_then(json::string).is_some_and(|kind| kind == "error");
    let src = json::string(line.last("src")?).filter(|_| !is_answer && !is_error)?;
    let dest = line.last("dest").and_then(json::string).unwrap_or_default();
    Some(Asker { src, dest, msg_id: json::natural(body.last("msg_id")?)? })
}

struct Fields<'a>(Vec<(String, &'a str)>);

impl<'a> Fields<'a> {
    /// The value of a key that comes exactly once.
    fn once(&self, key: &str) -> Option<&'a str> {
        let mut values = self.0.iter().filter(|(k, _)| k == key).map(|(_, value)| *value);
        values.next().filter(|_| values.next().is_none())
    }

    fn last(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, value)| *value)
    }

    /// A number that may be null, or absent; an error if it is anything else, or comes twice.
    fn number(&self, key: &str) -> Result<Option<u64>, ()> {
        match (self.last(key), self.once(key)) {
            (None, _) | (_, Some("null")) => Ok(None),
            (_, number) => number.and_then(json::natural).map(Some).ok_or(()),
        }
    }
}
