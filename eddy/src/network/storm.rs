//! The warning of a message storm: counts of messages between servers by sender, receiver and type.
//!
//! Every message between servers is counted, because only the end of a test shows whether there
//! were too many. That is cheap: a scan of the body that ends at its type, and a hash lookup.

use std::collections::BTreeMap;
use std::rc::Rc;

use eddy_text::printable;
use rustc_hash::FxHashMap;

use super::NetworkMessage;
use super::traffic::MessageCounts;

/// Maximum number of messages between servers per operation without a warning. With a lower limit,
/// protocols that are merely lavish would get one: flooding among 25 nodes costs 24 messages and
/// more for each value, and leaders send heartbeats while no client asks for anything. With a
/// higher one, nodes that send the same again and again would be noticed only at the limits of a
/// machine.
const MAX_PER_OPERATION: u64 = 100;

/// The number of most frequent triples that a warning names.
const MAX_NAMED: usize = 3;

/// Maximum number of types that are told apart; all further types count as one. Nodes choose their
/// types, and a node that never uses a type twice must not exhaust the memory of the test.
const MAX_TYPES: usize = 64;

/// Maximum number of triples of sender, receiver and type that are counted, for the same reason. A
/// full mesh of 200 nodes has 40 000 links.
const MAX_COUNTS: usize = 100_000;

/// Maximum number of characters of a type that a warning shows.
const MAX_SHOWN_TYPE: usize = 60;

/// Maximum number of bytes of a type that are kept to tell it from others. Without a limit, types
/// of megabytes would exhaust the memory; with fewer bytes, types with a common prefix would count
/// as one.
const MAX_KEPT_TYPE: usize = 256;

/// The index of all types beyond [`MAX_TYPES`].
const OTHER_TYPES: usize = usize::MAX;

/// The numbers of messages between servers, by sender, receiver and type.
#[derive(Debug, Default)]
pub(super) struct SenderCounts {
    /// The index of each type.
    types: FxHashMap<Box<str>, usize>,
    counts: FxHashMap<((usize, usize), usize), LinkCount>,
}

#[derive(Debug)]
struct LinkCount {
    src: Rc<str>,
    dest: Rc<str>,
    messages: u64,
}

impl SenderCounts {
    /// Counts a message on this link, the indices of its sender and its receiver.
    pub(super) fn count(&mut self, link: (usize, usize), message: &NetworkMessage) {
        let kind = message_type(message.body.get()).unwrap_or_default();
        let mut ends = (0..=kind.len().min(MAX_KEPT_TYPE)).rev();
        let end = ends.find(|end| kind.is_char_boundary(*end)).unwrap_or_default();
        let kind = self.type_index(&kind[..end]);
        if let Some(count) = self.counts.get_mut(&(link, kind)) {
            count.messages += 1;
        } else if self.counts.len() < MAX_COUNTS {
            let NetworkMessage { src, dest, .. } = message;
            let count = LinkCount { src: Rc::clone(src), dest: Rc::clone(dest), messages: 1 };
            self.counts.insert((link, kind), count);
        }
    }

    /// A warning that names the most frequent triples, if there were far too many messages between
    /// servers for this number of operations.
    pub(super) fn warning(&self, servers: MessageCounts, operations: u64) -> Option<String> {
        let sent = servers.sent;
        if operations == 0 || sent <= operations.saturating_mul(MAX_PER_OPERATION) {
            return None;
        }
        let names: BTreeMap<usize, &str> =
            self.types.iter().map(|(name, number)| (*number, &**name)).collect();
        let of_type = |number: usize| match names.get(&number) {
            Some(&"") => "without a type".to_owned(),
            Some(name) => format!("of type {}", printable::excerpt(name, MAX_SHOWN_TYPE)),
            None => "of other types".to_owned(),
        };
        let share = |messages: u64| format!("{} %", (messages * 100 + sent / 2) / sent);
        let all = self.counts.iter().map(|((_, kind), LinkCount { src, dest, messages })| {
            (std::cmp::Reverse(*messages), &**src, &**dest, of_type(*kind))
        });
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        let most = &all[..all.len().min(MAX_NAMED)];
        let each = most.iter().map(|(messages, src, dest, of_type)| {
            let messages = messages.0;
            format!("{src} sent {messages} to {dest} {of_type} ({})", share(messages))
        });
        let mut each: Vec<String> = each.collect();
        if most.iter().map(|(messages, ..)| messages.0).sum::<u64>() * 2 < sent {
            let mut types: BTreeMap<&str, u64> = BTreeMap::new();
            for (messages, _, _, of_type) in &all {
                *types.entry(of_type).or_default() += messages.0;
            }
            // `max_by_key` takes the last of equals, which in reverse order is the first.
            let most = types.iter().rev().max_by_key(|(_, messages)| **messages);
            each.extend(most.map(|(of_type, messages)| {
                format!("{messages} of them are {of_type} ({})", share(*messages))
            }));
        }
        Some(format!(
            "nodes sent each other far too many messages, {sent}, or {} per operation: {}",
            sent / operations,
            each.join("; ")
        ))
    }

    fn type_index(&mut self, kind: &str) -> usize {
        match self.types.get(kind) {
            Some(number) => *number,
            None if self.types.len() < MAX_TYPES => {
                let number = self.types.len();
                self.types.insert(kind.into(), number);
                number
            }
            None => OTHER_TYPES,
        }
    }
}

/// The `type` in the text of a JSON object, still escaped; `None` unless it is a string.
fn message_type(body: &str) -> Option<&str> {
    let (mut at, mut depth, bytes) = (0, 0_usize, body.as_bytes());
    let mut is_key = false;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                is_key = depth == 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => is_key = depth == 1,
            b':' => is_key = false,
            b'"' => {
                let (text, end) = json_string(body, at)?;
                at = end;
                if is_key && text == "type" {
                    let value = body[end..].trim_start().strip_prefix(':')?.trim_start();
                    let value = value.strip_prefix('"')?;
                    return json_string(value, 0).map(|(text, _)| text);
                }
            }
            _ => {}
        }
    }
    None
}

/// The contents of the JSON string whose opening quote is before `start`, and the index behind its
/// closing quote.
fn json_string(text: &str, start: usize) -> Option<(&str, usize)> {
    let (mut at, bytes) = (start, text.as_bytes());
    loop {
        match bytes.get(at)? {
            b'"' => return Some((&text[start..at], at + 1)),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn a_type_is_found_wherever_it_stands_in_a_body() {
        #[track_caller]
        fn check(body: &str, expected: Option<&str>) {
            assert_eq!(message_type(body), expected, "{body}");
        }
        check(r#"{"type":"gossip","values":[1]}"#, Some("gossip"));
        check(r#" { "a" : {"type":"inner"} , "type" : "outer" } "#, Some("outer"));
        check(r#"{"a":["type","x",{"type":"inner"}],"type":"outer"}"#, Some("outer"));
        check(r#"{"a":"\"type\":\"no\"","b":"\\","type":"yes"}"#, Some("yes"));
        check(r#"{"a":"type","type":"yes"}"#, Some("yes"));
        check(r#"{"ünï":"type","type":"ünï\n"}"#, Some(r"ünï\n"));
        check(r#"{"a":{"type":"inner"}}"#, None);
        check(r#"{"type":7,"a":"b"}"#, None);
        check("{}", None);
        check(r#"{"type":"cut"#, None);
    }

    fn message(src: &str, dest: &str, body: &str) -> NetworkMessage {
        let body = RawValue::from_string(body.to_owned()).unwrap();
        NetworkMessage { id: 0, src: src.into(), dest: dest.into(), body: body.into() }
    }

    /// The warning after messages of these senders, receivers, types and numbers.
    fn warning(sent: &[(usize, usize, &str, u64)], operations: u64) -> Option<String> {
        let (mut senders, mut servers) = (SenderCounts::default(), MessageCounts::default());
        for (src, dest, kind, count) in sent {
            let body =
                if kind.is_empty() { "{}".into() } else { format!(r#"{{"type":"{kind}"}}"#) };
            let message = message(&format!("n{src}"), &format!("n{dest}"), &body);
            for _ in 0..*count {
                senders.count((*src, *dest), &message);
                servers.sent += 1;
            }
        }
        senders.warning(servers, operations)
    }

    #[test]
    fn a_warning_names_the_most_frequent_links_and_types() {
        let sent = [
            (0, 1, "ack", 10),
            (3, 1, "gossip", 500),
            (1, 0, "gossip", 200),
            (3, 1, "ack", 200),
            (2, 0, "", 91),
        ];
        let expected = "nodes sent each other far too many messages, 1001, or 100 per operation: \
                        n3 sent 500 to n1 of type gossip (50 %); n1 sent 200 to n0 of type gossip \
                        (20 %); n3 sent 200 to n1 of type ack (20 %)";
        assert_eq!(warning(&sent, 10).as_deref(), Some(expected));
        assert_eq!(warning(&sent, 11), None);
        assert_eq!(warning(&sent, 0), None);
        assert!(warning(&[(0, 1, "", 101)], 1).unwrap().ends_with("to n1 without a type (100 %)"));
    }

    #[test]
    fn a_warning_names_the_most_frequent_type_if_no_link_stands_out() {
        let links = (0..10).flat_map(|src| (10..20).map(move |dest| (src, dest)));
        let sent: Vec<_> = links.map(|(src, dest)| (src, dest, "gossip", 10)).collect();
        let warning = warning(&sent, 1).unwrap();
        assert!(
            warning.ends_with(
                "n0 sent 10 to n12 of type gossip (1 %); 1000 of them are of type gossip (100 %)"
            ),
            "{warning}"
        );
    }

    #[test]
    fn a_node_that_never_uses_a_type_twice_does_not_exhaust_the_memory() {
        let kinds: Vec<String> = (0..10_000).map(|number| format!("t{number:05}")).collect();
        let sent: Vec<_> = kinds.iter().map(|kind| (0, 1, kind.as_str(), 1)).collect();
        let mut senders = SenderCounts::default();
        for (_, _, kind, _) in &sent {
            senders.count((0, 1), &message("n0", "n1", &format!(r#"{{"type":"{kind}"}}"#)));
        }
        assert_eq!((senders.types.len(), senders.counts.len()), (MAX_TYPES, MAX_TYPES + 1));
        let warning = warning(&sent, 1).unwrap();
        assert!(warning.contains(": n0 sent 9936 to n1 of other types (99 %); "), "{warning}");
        let mut long = SenderCounts::default();
        let body = format!(r#"{{"type":"{}"}}"#, "é".repeat(1_000));
        long.count((0, 1), &message("n0", "n1", &body));
        assert!(long.types.keys().all(|kind| kind.len() == MAX_KEPT_TYPE), "{:?}", long.types);
        let body = format!(r#"{{"type":"{}"}}"#, "x".repeat(100));
        for link in 0..MAX_COUNTS + 10 {
            senders.count((link, 1), &message("n0", "n1", &body));
        }
        assert_eq!(senders.counts.len(), MAX_COUNTS);
        let warning = senders
            .warning(MessageCounts { sent: 1_000_000, ..MessageCounts::default() }, 1)
            .unwrap();
        assert!(warning.contains("of other types (1 %)"), "{warning}");
    }
}
