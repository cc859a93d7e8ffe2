//! Messages that a node sends in the name of others: the request of a client, most often, handed on
//! as it came. Maelstrom sends them; latency, partitions and counts go by the names on them.

use std::collections::BTreeMap;

use super::complaint::{Said, excerpt};

/// Such messages of each node, by its number.
#[derive(Debug, Default)]
pub(super) struct Forwards(BTreeMap<usize, Forwarded>);

#[derive(Debug)]
struct Forwarded {
    count: u64,
    /// The first of them, in words.
    first: String,
}

impl Forwards {
    /// Notes one.
    pub(super) fn note(&mut self, node: usize, said: &Said<'_>) {
        let first = || {
            let Said { src, dest, body } = said;
            format!("as {src} to {dest}: {}", excerpt(body.get()))
        };
        let forwarded = self.0.entry(node);
        forwarded.or_insert_with(|| Forwarded { count: 0, first: first() }).count += 1;
    }

    /// A sentence for each node that did.
    pub(super) fn warnings(&self, nodes: &[String]) -> Vec<String> {
        let sentence = |(node, Forwarded { count, first }): (&usize, &Forwarded)| {
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
            let said = Said { src: src.into(), dest: "n0".into(), body: body.into() };
            forwards.note(node, &said);
        }
        let expected = [
            "node left sent 1 message in the name of somebody else, as n1 to n0: {}",
            "node right sent 2 messages in the name of others, the first as c5 to n0: {}",
        ];
        assert_eq!(forwards.warnings(&["left".to_owned(), "right".to_owned()]), expected);
    }
}
