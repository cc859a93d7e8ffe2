//! The numbers of the requests that nodes have made, to tell a reply to a node from one that went
//! to the wrong place.
//!
//! Nodes count their requests, so the numbers are a few ranges, whatever their number.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// How many ranges of numbers are kept of a node. Of one whose numbers have more gaps, it is not
/// told any more what it never asked: more would be memory for nodes whose numbers are drawn at
/// random.
const MOST_RANGES: usize = 4096;

/// The `msg_id` of each message that each node has sent.
#[derive(Debug, Default)]
pub(super) struct Asked(BTreeMap<usize, Numbers>);

/// Ranges of numbers, none of which touches another: the first number of each, and its last.
#[derive(Debug, Default)]
struct Numbers(BTreeMap<u64, u64>);

/// The numbers in a message.
#[derive(Default, Deserialize)]
struct Ids<'a> {
    #[serde(borrow, default)]
    msg_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    in_reply_to: Option<&'a RawValue>,
}

impl Asked {
    /// Notes the `msg_id` of a message to another node.
    pub(super) fn note(&mut self, node: usize, body: &RawValue) {
        // Most messages have no number, and some are long.
        let msg_id = || number(ids(body).msg_id);
        if body.get().contains("\"msg_id\"")
            && let Some(msg_id) = msg_id()
        {
            self.0.entry(node).or_default().add(msg_id);
        }
    }

    /// The number of the request that a message says it answers, if this node never made it, as far
    /// as that is known.
    pub(super) fn never(&self, node: usize, body: &RawValue) -> Option<u64> {
        let is_reply = body.get().contains("\"in_reply_to\"");
        let number = is_reply.then(|| number(ids(body).in_reply_to))??;
        let may_have = |numbers: &Numbers| numbers.has(number) || numbers.0.len() >= MOST_RANGES;
        (!self.0.get(&node).is_some_and(may_have)).then_some(number)
    }
}

impl Numbers {
    fn add(&mut self, number: u64) {
        let before = self.0.range(..=number).next_back().map(|(first, last)| (*first, *last));
        let first = match before {
            Some((_, last)) if number <= last => return,
            Some((first, last)) if last + 1 == number => first,
            _ if self.0.len() >= MOST_RANGES => return,
            _ => number,
        };
        let after = number.checked_add(1).and_then(|next| self.0.remove(&next));
        self.0.insert(first, after.unwrap_or(number));
    }

    fn has(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, last)| number <= *last)
    }
}

fn ids(body: &RawValue) -> Ids<'_> {
    serde_json::from_str(body.get()).unwrap_or_default()
}

fn number(json: Option<&RawValue>) -> Option<u64> {
    json?.get().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: String) -> Box<RawValue> {
        RawValue::from_string(json).unwrap()
    }

    fn asking(numbers: impl IntoIterator<Item = u64>) -> Asked {
        let mut asked = Asked::default();
        for number in numbers {
            asked.note(1, &body(format!("{{\"msg_id\":{number},\"x\":[1]}}")));
        }
        asked
    }

    #[test]
    fn what_a_node_asked_is_known_in_ranges() {
        #[track_caller]
        fn check(numbers: &[u64], ranges: &[(u64, u64)]) {
            let asked = asking(numbers.iter().copied());
            let known: Vec<_> = asked.0[&1].0.iter().map(|(a, b)| (*a, *b)).collect();
            assert_eq!(known, ranges, "{numbers:?}");
        }
        check(&[1, 2, 3], &[(1, 3)]);
        check(&[3, 1, 2, 2], &[(1, 3)]);
        check(&[5, 1, u64::MAX, 4], &[(1, 1), (4, 5), (u64::MAX, u64::MAX)]);
    }

    #[test]
    fn a_reply_to_what_a_node_never_asked_is_known_by_its_number() {
        let asked = asking([1, 2]);
        let never = |node, json: &str| asked.never(node, &body(json.to_owned()));
        assert_eq!(never(1, r#"{"in_reply_to":2}"#), None);
        assert_eq!(never(1, r#"{"in_reply_to":3}"#), Some(3));
        assert_eq!(never(0, r#"{"in_reply_to":2}"#), Some(2));
        assert_eq!(never(1, r#"{"in_reply_to":"3"}"#), None);
        assert_eq!(never(1, r#"{"type":"gossip"}"#), None);
        // Of numbers without an order only so many are known, and then nothing is told.
        let random = asking((0..2 * MOST_RANGES as u64).map(|number| 2 * number));
        assert_eq!(random.0[&1].0.len(), MOST_RANGES);
        assert_eq!(random.never(1, &body(r#"{"in_reply_to":1}"#.to_owned())), None);
    }
}
