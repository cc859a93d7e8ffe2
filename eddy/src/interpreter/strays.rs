//! What nodes say to clients that answers nothing. Maelstrom overlooks it, and whoever wrote the
//! node wonders why nobody listens.

use std::collections::BTreeMap;

use super::complaint::excerpt;
use crate::network::Message;

/// Such messages of each node, by its number.
#[derive(Debug, Default)]
pub(super) struct Strays(BTreeMap<usize, Stray>);

#[derive(Debug)]
struct Stray {
    count: u64,
    first: Message,
    last: Message,
}

impl Strays {
    /// Notes one.
    pub(super) fn note(&mut self, node: usize, message: &Message) {
        let empty = || Stray { count: 0, first: message.clone(), last: message.clone() };
        let stray = self.0.entry(node).or_insert_with(empty);
        stray.count += 1;
        stray.last = message.clone();
    }

    /// What a node said last in place of an answer, if that was to this client.
    pub(super) fn last(&self, node: usize, client: &str) -> Option<&Message> {
        self.0.get(&node).map(|stray| &stray.last).filter(|message| *message.dest == *client)
    }

    /// A sentence for each node that did.
    pub(super) fn warnings(&self) -> Vec<String> {
        let strays = self.0.values().map(|Stray { count, first, .. }| {
            let (node, body) = (&first.src, excerpt(first.body.get()));
            let many = "messages to clients that answer no request, the first";
            let what =
                if *count == 1 { "message to a client that answers no request" } else { many };
            format!("node {node} sent {count} {what}: {body}")
        });
        strays.collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn messages_that_answer_nothing_are_counted_for_each_node() {
        let mut strays = Strays::default();
        for (node, body) in [(0, "{}"), (1, "{\"a\":1}"), (0, "{\"b\":2}"), (0, "{}")] {
            let body = RawValue::from_string(body.to_owned()).unwrap();
            let src = format!("n{node}");
            let message = Message { id: 0, src: src.into(), dest: "c1".into(), body: body.into() };
            strays.note(node, &message);
        }
        let expected = [
            "node n0 sent 3 messages to clients that answer no request, the first: {}",
            "node n1 sent 1 message to a client that answers no request: {\"a\":1}",
        ];
        assert_eq!(strays.warnings(), expected);
    }
}
