//! Replies that are not as they should be: sent to nobody who asked, sent twice, or without what
//! they need. Maelstrom overlooks them, and whoever wrote the node wonders why nobody listens.

use std::collections::BTreeMap;

use glomers::ErrorCode;
use serde_json::value::RawValue;

use super::clients::{self, Answered, Unsolicited, Waiting};
use super::complaint::{Said, excerpt};
use crate::checker::sentence::and;
use crate::client::{Reply, is_integer, named};
use crate::network::Message;

/// How much is shown of a field that is wrong, in letters.
const FIELD: usize = 100;

/// What nodes did wrong, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mistake {
    /// A reply was sent in the name of another.
    InAnothersName,
    /// A reply was sent to a node in place of the client that asked.
    Misdirected,
    /// A message to a client answers no request of it.
    Unsolicited,
    /// A request was answered again.
    Repeated,
    /// An error has no code.
    WithoutCode,
    /// An error has a code that cannot be read.
    OddCode,
}

/// The mistakes of all nodes, each with its first case.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    noted: BTreeMap<Mistake, Noted>,
    /// What is new: the first mistake of its kind that a node made, in a sentence.
    news: Vec<String>,
}

#[derive(Debug, Default)]
struct Noted {
    /// How often each node made it.
    counts: BTreeMap<String, u64>,
    /// The first case, in words.
    first: String,
}

impl Mistakes {
    /// Notes a reply to this client, which waits for it, that says to be from somebody else.
    pub(super) fn note_name(&mut self, node: &str, said: &Said<'_>, waiting: &Waiting) {
        let Said { src, dest, body } = said;
        self.note(Mistake::InAnothersName, node, || {
            let (f, body) = (waiting.operation.f, excerpt(body.get()));
            format!(
                "as {src}, answers {f} by {dest}: expected \"src\": {node:?}, the node_id of its \
                 init request: {body}"
            )
        });
    }

    /// Notes a reply to a node, for which this client waits.
    pub(super) fn note_misdirected(&mut self, node: &str, said: &Said<'_>, waiting: &Waiting) {
        let (dest, f) = (&said.dest, waiting.operation.f);
        let client = clients::name(waiting.client);
        self.note(Mistake::Misdirected, node, || {
            let itself = if **dest == *node { ", which is itself" } else { "" };
            let body = excerpt(said.body.get());
            format!(
                "to {dest}{itself}, answers {f} by {client}: expected \"dest\": {client:?}, the \
                 src of the request: {body}"
            )
        });
    }

    /// Notes a message to a client that waits for no such reply.
    pub(super) fn note_unsolicited(&mut self, message: &Message, what: Unsolicited<'_>) {
        let body = || excerpt(message.body.get());
        match what {
            Unsolicited::Again(Answered { msg_id, f, body: first }) => {
                self.note(Mistake::Repeated, &message.src, || {
                    let (client, first) = (&message.dest, excerpt(first.get()));
                    let again = match body() {
                        again if again == first => "the same".to_owned(),
                        again => again,
                    };
                    format!("{f} by {client}, whose msg_id was {msg_id}: {first}, and then {again}")
                });
            }
            Unsolicited::NoRequest { found, expected } => {
                self.note(Mistake::Unsolicited, &message.src, || {
                    format!("to {}: {found}, expected {expected}: {}", message.dest, body())
                });
            }
        }
    }

    /// Notes an error, of which only its code tells a client whether the operation may have
    /// happened.
    pub(super) fn note_error(&mut self, node: &str, f: &str, reply: &Reply<'_>) {
        let code = reply.field("code");
        if reply.kind().as_deref() != Some("error") || code.is_some_and(is_integer) {
            return;
        }
        let mistake = code.map_or(Mistake::WithoutCode, |_| Mistake::OddCode);
        self.note(mistake, node, || {
            let found = described("code", code.map(RawValue::get));
            let example = ErrorCode::TemporarilyUnavailable;
            let (example, name) = (u64::from(example), example.name().replace('-', " "));
            let body = excerpt(reply.body.get());
            format!("of {f}: {found}, expected an integer such as {example}, {name}: {body}")
        });
    }

    /// A sentence for each mistake, the most telling first.
    pub(super) fn warnings(&self) -> Vec<String> {
        let sentence = |(mistake, Noted { counts, first }): (&Mistake, &Noted)| {
            let nodes: Vec<String> = counts.keys().cloned().collect();
            let nodes = format!("node{} {}", if nodes.len() == 1 { "" } else { "s" }, and(&nodes));
            let count: u64 = counts.values().sum();
            let what = mistake.told(count);
            let first = format!("{}{first}", if count == 1 { "" } else { "the first, " });
            format!("{nodes} sent {what}, {first}")
        };
        self.noted.iter().map(sentence).collect()
    }

    /// What is new since this was asked last: a sentence for each node and kind of mistake.
    pub(super) fn take_news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// How many of the warnings, the first ones, tell why clients hear no answer.
    pub(super) fn silencing(&self) -> usize {
        let is_silencing = |mistake: &Mistake| {
            matches!(mistake, Mistake::InAnothersName | Mistake::Misdirected | Mistake::Unsolicited)
        };
        self.noted.keys().filter(|mistake| is_silencing(mistake)).count()
    }

    fn note(&mut self, mistake: Mistake, node: &str, first: impl FnOnce() -> String) {
        let noted = self.noted.entry(mistake).or_default();
        if let Some(count) = noted.counts.get_mut(node) {
            *count += 1;
            return;
        }
        let case = first();
        self.news.push(format!("node {node} sent {}, {case}", mistake.told(1)));
        if noted.counts.is_empty() {
            noted.first = case;
        }
        noted.counts.insert(node.to_owned(), 1);
    }
}

impl Mistake {
    /// So many of it.
    fn told(self, count: u64) -> String {
        match (self, count) {
            (Mistake::InAnothersName, 1) => "a reply in the name of another".to_owned(),
            (Mistake::InAnothersName, _) => format!("{count} replies in the name of others"),
            (Mistake::Misdirected, 1) => "a reply to a node instead of the client".to_owned(),
            (Mistake::Misdirected, _) => format!("{count} replies to nodes instead of clients"),
            (Mistake::Unsolicited, 1) => "a message to a client that answers no request".to_owned(),
            (Mistake::Unsolicited, _) => {
                format!("{count} messages to clients that answer no request")
            }
            (Mistake::Repeated, 1) => "a second reply to a request".to_owned(),
            (Mistake::Repeated, _) => {
                format!("{count} replies to requests that had been answered already")
            }
            (Mistake::WithoutCode, 1) => "an error without a code".to_owned(),
            (Mistake::WithoutCode, _) => format!("{count} errors without a code"),
            (Mistake::OddCode, 1) => "an error whose code is no integer".to_owned(),
            (Mistake::OddCode, _) => format!("{count} errors whose code is no integer"),
        }
    }
}

/// What a field holds, where it holds nothing that can be used: `in_reply_to is the string "1"`.
pub(super) fn described(field: &str, json: Option<&str>) -> String {
    match json {
        Some(json) => format!("{field} is {}", named(json, FIELD)),
        None => format!("{field} is missing"),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn body(json: &str) -> Rc<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap().into()
    }

    #[test]
    fn mistakes_are_told_once_with_who_made_them_and_how_often() {
        let mut mistakes = Mistakes::default();
        let answered = Answered { msg_id: 3, f: "echo", body: body("{\"a\":1}") };
        for (node, json) in [(0, "{\"b\":2}"), (1, "{\"a\":1}"), (0, "{}")] {
            let src = format!("n{node}");
            let message = Message { id: 0, src: src.into(), dest: "c1".into(), body: body(json) };
            if node == 1 {
                mistakes.note_unsolicited(&message, Unsolicited::Again(&answered));
            }
            let found = described("in_reply_to", None);
            let unsolicited = Unsolicited::NoRequest { found, expected: "7".to_owned() };
            mistakes.note_unsolicited(&message, unsolicited);
        }
        for code in ["", ",\"code\":\"11\"", ",\"code\":11"] {
            let body = body(&format!("{{\"type\":\"error\"{code}}}"));
            mistakes.note_error("n2", "echo", &Reply::read(&body).unwrap());
        }
        let expected = [
            "nodes n0 and n1 sent 3 messages to clients that answer no request, the first, to c1: \
             in_reply_to is missing, expected 7: {\"b\":2}",
            "node n1 sent a second reply to a request, echo by c1, whose msg_id was 3: {\"a\":1}, \
             and then the same",
            "node n2 sent an error without a code, of echo: code is missing, expected an integer \
             such as 11, temporarily unavailable: {\"type\":\"error\"}",
            "node n2 sent an error whose code is no integer, of echo: code is the string \"11\", \
             expected an integer such as 11, temporarily unavailable: \
             {\"type\":\"error\",\"code\":\"11\"}",
        ];
        assert_eq!(mistakes.warnings(), expected);
        assert_eq!(mistakes.silencing(), 1);
        let told: Vec<String> =
            mistakes.take_news().iter().map(|news| news[..24].to_owned()).collect();
        let n0 = "node n0 sent a message t";
        let expected = [
            n0,
            "node n1 sent a second re",
            "node n1 sent a message t",
            "node n2 sent an error wi",
            "node n2 sent an error wh",
        ];
        assert_eq!(told, expected);
        assert!(mistakes.take_news().is_empty());
    }
}
