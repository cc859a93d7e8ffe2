//! The `msg_id`s of requests between nodes, by destination. They tell a reply to a node from a
//! reply to a client that was sent to a node by mistake.
//!
//! Nodes count their requests, so all `msg_id`s of a node are a few ranges. Those to one
//! destination are ranges as well, but of one number each if the node asks several nodes in turn.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Maximum number of ranges that are kept of a node, and again of its destinations together. A
/// `msg_id` that may be beyond the limit counts as sent. More would use memory for nodes with
/// random `msg_id`s; fewer would miss misdirected replies of nodes that ask many others.
const MAX_RANGES: usize = 4096;

/// The `msg_id`s of the messages that each node has sent to other nodes.
#[derive(Debug, Default)]
pub(super) struct SentRequests(BTreeMap<usize, NodeRequests>);

/// The `msg_id`s of one node.
#[derive(Debug, Default)]
struct NodeRequests {
    /// The ids of its messages to all destinations.
    all: IdRanges,
    /// The ids of its messages to each destination.
    to: BTreeMap<usize, IdRanges>,
    /// The number of ranges in `to`: `ranges <= MAX_RANGES`.
    ranges: usize,
    /// The lowest id that did not fit into `to`. Below it, `to` is complete. Clients count from 1,
    /// so the ids in replies to them are low.
    lowest_missing: Option<u64>,
}

/// A set of ids as ranges, each from its first id to its last. No range touches another.
#[derive(Debug, Default)]
struct IdRanges(BTreeMap<u64, u64>);

/// The ids in a message.
#[derive(Default, Deserialize)]
struct MessageIds<'a> {
    #[serde(borrow, default)]
    msg_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    in_reply_to: Option<&'a RawValue>,
}

impl SentRequests {
    /// Notes the `msg_id` of a message from one node to another.
    pub(super) fn note(&mut self, requester: usize, dest: usize, body: &RawValue) {
        // Most messages have no `msg_id`, and some are long.
        let msg_id = || parse_id(ids(body).msg_id);
        if body.get().contains("\"msg_id\"")
            && let Some(msg_id) = msg_id()
        {
            self.0.entry(requester).or_default().note(dest, msg_id);
        }
    }

    /// The `in_reply_to` of a message from `replier` to `requester`, if `requester` certainly never
    /// sent `replier` a message of that id.
    pub(super) fn never_sent(
        &self,
        requester: usize,
        replier: usize,
        body: &RawValue,
    ) -> Option<u64> {
        let is_reply = body.get().contains("\"in_reply_to\"");
        let number = is_reply.then(|| parse_id(ids(body).in_reply_to))??;
        let may_have = |requester: &NodeRequests| requester.may_have_sent(replier, number);
        (!self.0.get(&requester).is_some_and(may_have)).then_some(number)
    }
}

impl NodeRequests {
    fn note(&mut self, dest: usize, number: u64) {
        self.all.insert(number, MAX_RANGES);
        let to = self.to.entry(dest).or_default();
        let others = self.ranges - to.0.len();
        let is_kept = to.insert(number, MAX_RANGES - others);
        self.ranges = others + to.0.len();
        if !is_kept {
            let lowest = self.lowest_missing.map_or(number, |lowest| lowest.min(number));
            self.lowest_missing = Some(lowest);
        }
    }

    fn may_have_sent(&self, replier: usize, number: u64) -> bool {
        if self.to.get(&replier).is_some_and(|to| to.contains(number)) {
            return true;
        }
        let is_left_out = self.lowest_missing.is_some_and(|lowest| number >= lowest);
        is_left_out && (self.all.contains(number) || self.all.0.len() >= MAX_RANGES)
    }
}

impl IdRanges {
    /// Adds an id; `false` if that would take more than `most` ranges.
    fn insert(&mut self, number: u64, most: usize) -> bool {
        let before = self.0.range(..=number).next_back().map(|(first, last)| (*first, *last));
        let after = number.checked_add(1).filter(|next| self.0.contains_key(next));
        let first = match before {
            Some((_, last)) if number <= last => return true,
            Some((first, last)) if last + 1 == number => first,
            _ if after.is_none() && self.0.len() >= most => return false,
            _ => number,
        };
        let last = after.and_then(|next| self.0.remove(&next)).unwrap_or(number);
        self.0.insert(first, last);
        true
    }

    fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, last)| number <= *last)
    }
}

fn ids(body: &RawValue) -> MessageIds<'_> {
    serde_json::from_str(body.get()).unwrap_or_default()
}

fn parse_id(json: Option<&RawValue>) -> Option<u64> {
    json?.get().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: String) -> Box<RawValue> {
        RawValue::from_string(json).unwrap()
    }

    /// The ids of node 1, which has sent these requests to these nodes.
    fn asking(requests: impl IntoIterator<Item = (usize, u64)>) -> SentRequests {
        let mut asked = SentRequests::default();
        for (dest, number) in requests {
            asked.note(1, dest, &body(format!("{{\"msg_id\":{number},\"x\":[1]}}")));
        }
        asked
    }

    /// Checks whether a reply to node 1 is known to answer no request.
    #[track_caller]
    fn check(asked: &SentRequests, replier: usize, number: u64, expected: Option<u64>) {
        let reply = body(format!("{{\"in_reply_to\":{number}}}"));
        assert_eq!(asked.never_sent(1, replier, &reply), expected, "{number} by {replier}");
    }

    #[test]
    fn sent_ids_are_kept_as_ranges() {
        #[track_caller]
        fn check(numbers: &[u64], ranges: &[(u64, u64)]) {
            let asked = asking(numbers.iter().map(|number| (2, *number)));
            let NodeRequests { all, to, .. } = &asked.0[&1];
            for known in [all, &to[&2]] {
                let known: Vec<_> = known.0.iter().map(|(a, b)| (*a, *b)).collect();
                assert_eq!(known, ranges, "{numbers:?}");
            }
        }
        check(&[1, 2, 3], &[(1, 3)]);
        check(&[3, 1, 2, 2], &[(1, 3)]);
        check(&[5, 1, u64::MAX, 4], &[(1, 1), (4, 5), (u64::MAX, u64::MAX)]);
    }

    #[test]
    fn a_reply_to_a_request_that_was_never_sent_is_found_by_its_id() {
        let asked = asking([(2, 1), (2, 2)]);
        let never = |node, json: &str| asked.never_sent(node, 2, &body(json.to_owned()));
        assert_eq!(never(1, r#"{"in_reply_to":2}"#), None);
        assert_eq!(never(1, r#"{"in_reply_to":3}"#), Some(3));
        assert_eq!(never(0, r#"{"in_reply_to":2}"#), Some(2));
        assert_eq!(never(1, r#"{"in_reply_to":"3"}"#), None);
        assert_eq!(never(1, r#"{"type":"gossip"}"#), None);
    }

    #[test]
    fn a_reply_must_come_from_the_destination_of_the_request() {
        let asked = asking([(2, 1), (3, 2), (2, 3)]);
        check(&asked, 2, 1, None);
        check(&asked, 3, 2, None);
        check(&asked, 3, 1, Some(1));
        // A node may send a request to itself, but it did not.
        check(&asked, 1, 1, Some(1));
    }

    #[test]
    fn the_ranges_of_random_ids_are_limited() {
        let most = MAX_RANGES as u64;
        // Each even number asks one of two nodes, by turns.
        let random =
            asking((1..=2 * most).map(|number| (usize::from(number % 2 == 1), 2 * number)));
        let NodeRequests { all, to, .. } = &random.0[&1];
        assert_eq!(all.0.len(), MAX_RANGES);
        assert_eq!(to.values().map(|to| to.0.len()).sum::<usize>(), MAX_RANGES);
        // The low ids are known; all others count as sent.
        check(&random, 0, 3, Some(3));
        check(&random, 0, 2, Some(2));
        check(&random, 1, 2, None);
        check(&random, 0, 2 * most + 1, Some(2 * most + 1));
        check(&random, 0, 2 * most + 2, None);
        check(&random, 0, 4 * most + 1, None);
        // Consecutive ids are all known, whatever their destinations.
        let turns = asking((1..=2 * most).map(|number| (usize::from(number % 2 == 1), number)));
        assert_eq!(turns.0[&1].all.0.len(), 1);
        check(&turns, 0, 1, Some(1));
        check(&turns, 1, 2 * most, None);
        check(&turns, 1, 2 * most + 1, Some(2 * most + 1));
    }
}
