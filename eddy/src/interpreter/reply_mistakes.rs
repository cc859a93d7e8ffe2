//! Mistakes in replies: a wrong source or destination, no matching request, a second reply, an
//! error without a valid code. Maelstrom ignores such replies without a word, which leaves the
//! author of the node to wonder why clients time out.

use std::collections::BTreeMap;

use glomers::ErrorCode;
use serde_json::value::RawValue;

use super::clients::{self, AnsweredRequest, OutstandingRequest, Unsolicited};
use super::node_error::{NodeMessage, excerpt};
use crate::checkers::wording::join_and;
use crate::client::{ClientReply, describe_json, is_integer};
use crate::network::NetworkMessage;

/// Maximum number of characters that are shown of a wrong field.
const MAX_SHOWN_FIELD: usize = 100;

/// A kind of mistake in a reply, the most relevant first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ReplyMistake {
    /// A reply whose `src` is not the node that sent it.
    WrongSource,
    /// A reply whose `dest` is a node instead of the client that asked.
    WrongDestination,
    /// A message to a client that answers none of its requests.
    Unsolicited,
    /// A second reply to a request.
    SecondReply,
    /// An error without a code.
    MissingCode,
    /// An error whose code is not an integer.
    InvalidCode,
}

/// The mistakes of all nodes, by kind.
#[derive(Debug, Default)]
pub(super) struct ReplyMistakes {
    noted: BTreeMap<ReplyMistake, MistakesOfKind>,
    /// Sentences that were not reported yet: one for the first mistake of each kind of each node.
    unreported: Vec<String>,
}

/// The mistakes of one kind.
#[derive(Debug, Default)]
struct MistakesOfKind {
    /// The number of mistakes of each node.
    counts: BTreeMap<String, u64>,
    /// A description of the first one.
    first: String,
}

impl ReplyMistakes {
    /// Notes a reply to an outstanding request, whose `src` is not the node that sent it.
    pub(super) fn note_wrong_source(
        &mut self,
        node: &str,
        message: &NodeMessage<'_>,
        outstanding: &OutstandingRequest,
    ) {
        let NodeMessage { src, dest, body } = message;
        self.note(ReplyMistake::WrongSource, node, || {
            let (f, body) = (outstanding.operation.f, excerpt(body.get()));
            format!(
                "as {src}, to the {f} of {dest}: expected \"src\": {node:?}, the node_id of its \
                 init request, in {body}"
            )
        });
    }

    /// Notes a reply to an outstanding request, whose `dest` is a node instead of the client.
    pub(super) fn note_wrong_destination(
        &mut self,
        node: &str,
        message: &NodeMessage<'_>,
        outstanding: &OutstandingRequest,
    ) {
        let (dest, f) = (&message.dest, outstanding.operation.f);
        let client = clients::name(outstanding.client);
        self.note(ReplyMistake::WrongDestination, node, || {
            let itself = if **dest == *node { ", which is itself" } else { "" };
            let body = excerpt(message.body.get());
            format!(
                "to {dest}{itself}, in answer to the {f} of {client}: expected \"dest\": \
                 {client:?}, the src of the request, in {body}"
            )
        });
    }

    /// Notes a message to a client that does not wait for it.
    pub(super) fn note_unsolicited(&mut self, message: &NetworkMessage, what: Unsolicited<'_>) {
        let body = || excerpt(message.body.get());
        match what {
            Unsolicited::SecondReply(AnsweredRequest { msg_id, f, body: first }) => {
                self.note(ReplyMistake::SecondReply, &message.src, || {
                    let (client, first) = (&message.dest, excerpt(first.get()));
                    let again = match body() {
                        again if again == first => "the same".to_owned(),
                        again => again,
                    };
                    format!("{f} by {client}, whose msg_id was {msg_id}: {first}, and then {again}")
                });
            }
            Unsolicited::NoRequest { found, expected } => {
                self.note(ReplyMistake::Unsolicited, &message.src, || {
                    format!("to {}: {found}, expected {expected}: {}", message.dest, body())
                });
            }
        }
    }

    /// Notes an error without a valid code. Only the code tells the client whether the operation
    /// may have happened.
    pub(super) fn note_error(&mut self, node: &str, f: &str, reply: &ClientReply<'_>) {
        let code = reply.field("code");
        if reply.kind().as_deref() != Some("error") || code.is_some_and(is_integer) {
            return;
        }
        let mistake = code.map_or(ReplyMistake::MissingCode, |_| ReplyMistake::InvalidCode);
        self.note(mistake, node, || {
            let found = describe_field("code", code.map(RawValue::get));
            let example = ErrorCode::TemporarilyUnavailable;
            let (example, name) = (u64::from(example), example.name().replace('-', " "));
            let body = excerpt(reply.body.get());
            format!("of {f}: {found}, expected an integer such as {example}, {name}: {body}")
        });
    }

    /// A sentence for each kind of mistake, the most relevant first.
    pub(super) fn warnings(&self) -> Vec<String> {
        let sentence =
            |(mistake, MistakesOfKind { counts, first }): (&ReplyMistake, &MistakesOfKind)| {
                let nodes: Vec<String> = counts.keys().cloned().collect();
                let nodes =
                    format!("node{} {}", if nodes.len() == 1 { "" } else { "s" }, join_and(&nodes));
                let count: u64 = counts.values().sum();
                let what = mistake.describe(count);
                let first = format!("{}{first}", if count == 1 { "" } else { "the first, " });
                format!("{nodes} sent {what}, {first}")
            };
        self.noted.iter().map(sentence).collect()
    }

    /// Takes the sentences that were not reported yet, one for each node and kind of mistake.
    pub(super) fn take_unreported(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unreported)
    }

    /// The number of warnings, at the front of [`ReplyMistakes::warnings`], that explain why
    /// clients got no reply.
    pub(super) fn no_reply_warning_count(&self) -> usize {
        let is_silencing = |mistake: &ReplyMistake| {
            matches!(
                mistake,
                ReplyMistake::WrongSource
                    | ReplyMistake::WrongDestination
                    | ReplyMistake::Unsolicited
            )
        };
        self.noted.keys().filter(|mistake| is_silencing(mistake)).count()
    }

    fn note(&mut self, mistake: ReplyMistake, node: &str, first: impl FnOnce() -> String) {
        let noted = self.noted.entry(mistake).or_default();
        if let Some(count) = noted.counts.get_mut(node) {
            *count += 1;
            return;
        }
        let case = first();
        self.unreported.push(format!("node {node} sent {}, {case}", mistake.describe(1)));
        if noted.counts.is_empty() {
            noted.first = case;
        }
        noted.counts.insert(node.to_owned(), 1);
    }
}

impl ReplyMistake {
    /// The words for this number of mistakes.
    fn describe(self, count: u64) -> String {
        match (self, count) {
            (ReplyMistake::WrongSource, 1) => "a reply in the name of another".to_owned(),
            (ReplyMistake::WrongSource, _) => format!("{count} replies in the name of others"),
            (ReplyMistake::WrongDestination, 1) => {
                "a reply to a node instead of the client".to_owned()
            }
            (ReplyMistake::WrongDestination, _) => {
                format!("{count} replies to nodes instead of clients")
            }
            (ReplyMistake::Unsolicited, 1) => {
                "a message to a client that is not a reply to any of its requests".to_owned()
            }
            (ReplyMistake::Unsolicited, _) => {
                format!("{count} messages to clients that are not replies to any of their requests")
            }
            (ReplyMistake::SecondReply, 1) => "a second reply to a request".to_owned(),
            (ReplyMistake::SecondReply, _) => {
                format!("{count} replies to requests that had been answered already")
            }
            (ReplyMistake::MissingCode, 1) => "an error without a code".to_owned(),
            (ReplyMistake::MissingCode, _) => format!("{count} errors without a code"),
            (ReplyMistake::InvalidCode, 1) => "an error whose code is not an integer".to_owned(),
            (ReplyMistake::InvalidCode, _) => {
                format!("{count} errors whose code is not an integer")
            }
        }
    }
}

/// The words for the value of a field that is missing or wrong: `in_reply_to is the string "1"`.
pub(super) fn describe_field(field: &str, json: Option<&str>) -> String {
    match json {
        Some(json) => format!("{field} is {}", describe_json(json, MAX_SHOWN_FIELD)),
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
    fn mistakes_are_reported_once_with_their_nodes_and_number() {
        let mut mistakes = ReplyMistakes::default();
        let answered = AnsweredRequest { msg_id: 3, f: "echo", body: body("{\"a\":1}") };
        for (node, json) in [(0, "{\"b\":2}"), (1, "{\"a\":1}"), (0, "{}")] {
            let src = format!("n{node}");
            let message =
                NetworkMessage { id: 0, src: src.into(), dest: "c1".into(), body: body(json) };
            if node == 1 {
                mistakes.note_unsolicited(&message, Unsolicited::SecondReply(&answered));
            }
            let found = describe_field("in_reply_to", None);
            let unsolicited = Unsolicited::NoRequest { found, expected: "7".to_owned() };
            mistakes.note_unsolicited(&message, unsolicited);
        }
        for code in ["", ",\"code\":\"11\"", ",\"code\":11"] {
            let body = body(&format!("{{\"type\":\"error\"{code}}}"));
            mistakes.note_error("n2", "echo", &ClientReply::parse(&body).unwrap());
        }
        let expected = [
            "nodes n0 and n1 sent 3 messages to clients that are not replies to any of their \
             requests, the first, to c1: in_reply_to is missing, expected 7: {\"b\":2}",
            "node n1 sent a second reply to a request, echo by c1, whose msg_id was 3: {\"a\":1}, \
             and then the same",
            "node n2 sent an error without a code, of echo: code is missing, expected an integer \
             such as 11, temporarily unavailable: {\"type\":\"error\"}",
            "node n2 sent an error whose code is not an integer, of echo: code is the string \
             \"11\", expected an integer such as 11, temporarily unavailable: \
             {\"type\":\"error\",\"code\":\"11\"}",
        ];
        assert_eq!(mistakes.warnings(), expected);
        assert_eq!(mistakes.no_reply_warning_count(), 1);
        let unreported: Vec<String> =
            mistakes.take_unreported().iter().map(|notice| notice[..24].to_owned()).collect();
        let n0 = "node n0 sent a message t";
        let expected = [
            n0,
            "node n1 sent a second re",
            "node n1 sent a message t",
            "node n2 sent an error wi",
            "node n2 sent an error wh",
        ];
        assert_eq!(unreported, expected);
        assert!(mistakes.take_unreported().is_empty());
    }
}
