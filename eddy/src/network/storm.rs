//! Counts of messages between servers by sender, receiver and type, for a test in which they are
//! far too many.
//!
//! Every message between servers is counted, because nobody knows before the end whether there are
//! too many. That is cheap: a look for its type in the text of its body, which ends where the type
//! is, and one for its count.

use std::collections::BTreeMap;
use std::rc::Rc;

use eddy_text::printable;
use rustc_hash::FxHashMap;

use super::Message;
use super::journal::Counts;

/// How many messages between servers an operation may cost before the test warns of them. With
/// fewer, protocols would be accused that are merely lavish: a flood among 25 nodes costs 24 and
/// more for each value, and leaders have heartbeats while nobody asks for anything. With more,
/// nodes that send the same again and again would be found only at the limits of a machine.
const MOST_PER_OPERATION: u64 = 100;

/// How many of the most frequent are told.
const TOLD: usize = 3;

/// How many types are told apart. Types are what nodes say they are, and a node that never says the
/// same twice should not take the test's memory; all further ones count as one.
const MOST_TYPES: usize = 64;

/// How many triples of sender, receiver and type are counted, for the same reason: a full mesh of
/// 200 nodes has 40 000 links. Further ones are not.
const MOST_COUNTS: usize = 100_000;

/// How long a type may be to be told whole, in letters.
const LONGEST_TYPE: usize = 60;

/// How many bytes of a type are kept to tell it from others. Types of megabytes would take as much
/// memory as there are types; with fewer bytes, types that begin alike would count as one.
const LONGEST_KEPT: usize = 256;

/// The number of all types that have none of their own.
const OTHERS: usize = usize::MAX;

/// The messages between servers, by sender, receiver and type.
#[derive(Debug, Default)]
pub(super) struct Senders {
    types: FxHashMap<Box<str>, usize>,
    counts: FxHashMap<((usize, usize), usize), Count>,
}

#[derive(Debug)]
struct Count {
    src: Rc<str>,
    dest: Rc<str>,
    messages: u64,
}

impl Senders {
    /// Counts a message that was sent on this link, between these numbers of a sender and a
    /// receiver.
    pub(super) fn count(&mut self, link: (usize, usize), message: &Message) {
        let kind = kind(message.body.get()).unwrap_or_default();
        let mut ends = (0..=kind.len().min(LONGEST_KEPT)).rev();
        let end = ends.find(|end| kind.is_char_boundary(*end)).unwrap_or_default();
        let kind = self.number(&kind[..end]);
        if let Some(count) = self.counts.get_mut(&(link, kind)) {
            count.messages += 1;
        } else if self.counts.len() < MOST_COUNTS {
            let Message { src, dest, .. } = message;
            let count = Count { src: Rc::clone(src), dest: Rc::clone(dest), messages: 1 };
            self.counts.insert((link, kind), count);
        }
    }

    /// A warning that names those who sent most, if messages between servers were far too many for
    /// so many operations.
    pub(super) fn warning(&self, servers: Counts, operations: u64) -> Option<String> {
        let sent = servers.sent;
        if operations == 0 || sent <= operations.saturating_mul(MOST_PER_OPERATION) {
            return None;
        }
        let names: BTreeMap<usize, &str> =
            self.types.iter().map(|(name, number)| (*number, &**name)).collect();
        let of_type = |number: usize| match names.get(&number) {
            Some(&"") => "without a type".to_owned(),
            Some(name) => format!("of type {}", printable::excerpt(name, LONGEST_TYPE)),
            None => "of other types".to_owned(),
        };
        let share = |messages: u64| format!("{} %", (messages * 100 + sent / 2) / sent);
        let all = self.counts.iter().map(|((_, kind), Count { src, dest, messages })| {
            (std::cmp::Reverse(*messages), &**src, &**dest, of_type(*kind))
        });
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        let most = &all[..all.len().min(TOLD)];
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
            // Of several that are as many, the first.
            let most = types.iter().rev().max_by_key(|(_, messages)| **messages);
            each.extend(most.map(|(of_type, messages)| {
                format!("{messages} of all are {of_type} ({})", share(*messages))
            }));
        }
        Some(format!(
            "there were {sent} messages between servers, {} for each operation: {}",
            sent / operations,
            each.join("; ")
        ))
    }

    fn number(&mut self, kind: &str) -> usize {
        match self.types.get(kind) {
            Some(number) => *number,
            None if self.types.len() < MOST_TYPES => {
                let number = self.types.len();
                self.types.insert(kind.into(), number);
                number
            }
            None => OTHERS,
        }
    }
}

/// The `type` in a body that is a JSON object, as it is written there; `None` if it has none that
/// is a string.
fn kind(body: &str) -> Option<&str> {
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
                let (text, end) = string(body, at)?;
                at = end;
                if is_key && text == "type" {
                    let value = body[end..].trim_start().strip_prefix(':')?.trim_start();
                    let value = value.strip_prefix('"')?;
                    return string(value, 0).map(|(text, _)| text);
                }
            }
            _ => {}
        }
    }
    None
}

/// What is between the quotes of the string whose contents begin here, and where it ends.
fn string(text: &str, start: usize) -> Option<(&str, usize)> {
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
            assert_eq!(kind(body), expected, "{body}");
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

    fn message(src: &str, dest: &str, body: &str) -> Message {
        let body = RawValue::from_string(body.to_owned()).unwrap();
        Message { id: 0, src: src.into(), dest: dest.into(), body: body.into() }
    }

    /// The warning after so many messages of a sender, a receiver and a type.
    fn warning(sent: &[(usize, usize, &str, u64)], operations: u64) -> Option<String> {
        let (mut senders, mut servers) = (Senders::default(), Counts::default());
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
    fn those_who_sent_most_are_named() {
        let sent = [
            (0, 1, "ack", 10),
            (3, 1, "gossip", 500),
            (1, 0, "gossip", 200),
            (3, 1, "ack", 200),
            (2, 0, "", 91),
        ];
        let expected = "there were 1001 messages between servers, 100 for each operation: n3 sent \
                        500 to n1 of type gossip (50 %); n1 sent 200 to n0 of type gossip (20 %); \
                        n3 sent 200 to n1 of type ack (20 %)";
        assert_eq!(warning(&sent, 10).as_deref(), Some(expected));
        assert_eq!(warning(&sent, 11), None);
        assert_eq!(warning(&sent, 0), None);
        assert!(warning(&[(0, 1, "", 101)], 1).unwrap().ends_with("to n1 without a type (100 %)"));
    }

    #[test]
    fn where_all_send_alike_the_most_frequent_type_is_told_as_well() {
        let links = (0..10).flat_map(|src| (10..20).map(move |dest| (src, dest)));
        let sent: Vec<_> = links.map(|(src, dest)| (src, dest, "gossip", 10)).collect();
        let warning = warning(&sent, 1).unwrap();
        assert!(
            warning.ends_with(
                "n0 sent 10 to n12 of type gossip (1 %); 1000 of all are of type gossip (100 %)"
            ),
            "{warning}"
        );
    }

    #[test]
    fn a_node_that_never_says_the_same_twice_takes_no_memory() {
        let kinds: Vec<String> = (0..10_000).map(|number| format!("t{number:05}")).collect();
        let sent: Vec<_> = kinds.iter().map(|kind| (0, 1, kind.as_str(), 1)).collect();
        let mut senders = Senders::default();
        for (_, _, kind, _) in &sent {
            senders.count((0, 1), &message("n0", "n1", &format!(r#"{{"type":"{kind}"}}"#)));
        }
        assert_eq!((senders.types.len(), senders.counts.len()), (MOST_TYPES, MOST_TYPES + 1));
        let warning = warning(&sent, 1).unwrap();
        assert!(warning.contains(": n0 sent 9936 to n1 of other types (99 %); "), "{warning}");
        let mut long = Senders::default();
        let body = format!(r#"{{"type":"{}"}}"#, "é".repeat(1_000));
        long.count((0, 1), &message("n0", "n1", &body));
        assert!(long.types.keys().all(|kind| kind.len() == LONGEST_KEPT), "{:?}", long.types);
        let body = format!(r#"{{"type":"{}"}}"#, "x".repeat(100));
        for link in 0..MOST_COUNTS + 10 {
            senders.count((link, 1), &message("n0", "n1", &body));
        }
        assert_eq!(senders.counts.len(), MOST_COUNTS);
        let told = senders.warning(Counts { sent: 1_000_000, ..Counts::default() }, 1).unwrap();
        assert!(told.contains("of other types (1 %)"), "{told}");
    }
}
