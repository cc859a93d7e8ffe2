//! Messages that a node sends with the `src` of another: usually the request of a client, forwarded
//! unchanged. Maelstrom sends them; their latency, partitions and counts follow that `src`.

use std::collections::BTreeMap;

use super::node_error::{NodeMessage, excerpt};

/// Forwarded messages, by index of the node that sent them.
#[derive(Debug, Default)]
pub(super) struct Forwards(BTreeMap<usize, ForwardedMessages>);

#[derive(Debug)]
struct ForwardedMessages {
    count: u64,
    /// A description of the first one.
    first: String,
}

impl Forwards {
    /// Notes a forwarded message of this node.
    pub(super) fn note(&mut self, node: usize, message: &NodeMessage<'_>) {
        let first = || {
            let NodeMessage { src, dest, body } = message;
            format!("as {src} to {dest}: {}", excerpt(body.get()))
        };
        let forwarded = self.0.entry(node);
        forwarded.or_insert_with(|| ForwardedMessages { count: 0, first: first() }).count += 1;
    }

    /// A sentence for each node that forwarded messages.
    pub(super) fn warnings(&self, nodes: &[String]) -> Vec<String> {
        let sentence =
            |(node, ForwardedMessages { count, first }): (&usize, &ForwardedMessages)| {
                let messages = match count {
                    1 => "1 message in the name of somebody else,".to_owned(),
                    _ => format!("{count} messages in the name of others, the first"),
                };
                format!("node {} sent {messages} {first}", nodes[*node])
            };
        self.0.iter().map(sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn messages_in_the_name_of_others_are_counted_for_each_node() {
        let mut forwards = Forwards::default();
        for (node, src) in [(1, "c5"), (0, "n1"), (1, "c6")] {
            let body = RawValue::from_string("{}".to_owned()).unwrap();
            let message = NodeMessage { src: src.into(), dest: "n0".into(), body: body.into() };
            forwards.note(node, &message);
        }
        let expected = [
            "node left sent 1 message in the name of somebody else, as n1 to n0: {}",
            "node right sent 2 messages in the name of others, the first as c5 to n0: {}",
        ];
        assert_eq!(forwards.warnings(&["left".to_owned(), "right".to_owned()]), expected);
    }
}
