//! The numbers of the requests that nodes have made, and of whom, to tell a reply to a node from
//! one that went to the wrong place.
//!
//! Nodes count their requests, so the numbers are a few ranges, whatever their number. Those to one
//! destination are ranges, too, but of a node that asks several by turns each has a single number.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// How many ranges of numbers are kept of a node, and as many again of those to each destination,
/// all destinations together. Of what is beyond, it is not told what it never asked: more would be
/// memory for nodes whose numbers are drawn at random.
const MOST_RANGES: usize = 4096;

/// The `msg_id` of each message that each node has sent to another.
#[derive(Debug, Default)]
pub(super) struct Asked(BTreeMap<usize, Asker>);

/// What one node has sent.
#[derive(Debug, Default)]
struct Asker {
    /// The numbers of all its messages.
    all: Numbers,
    /// Those of its messages to each destination. Together they have [`MOST_RANGES`] at most.
    to: BTreeMap<usize, Numbers>,
    /// How many ranges are in `to`.
    ranges: usize,
    /// The lowest number that is not in `to` because there was no room; below it, `to` is complete.
    /// Clients count from 1, so the numbers that replies to them have are low.
    lowest_left_out: Option<u64>,
}

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
    /// Notes the `msg_id` of a message from one node to another.
    pub(super) fn note(&mut self, asker: usize, dest: usize, body: &RawValue) {
        // Most messages have no number, and some are long.
        let msg_id = || number(ids(body).msg_id);
        if body.get().contains("\"msg_id\"")
            && let Some(msg_id) = msg_id()
        {
            self.0.entry(asker).or_default().note(dest, msg_id);
        }
    }

    /// The number of the request that a message of `replier` says it answers, if `asker` never made
    /// it of that node, as far as that is known.
    pub(super) fn never(&self, asker: usize, replier: usize, body: &RawValue) -> Option<u64> {
        let is_reply = body.get().contains("\"in_reply_to\"");
        let number = is_reply.then(|| number(ids(body).in_reply_to))??;
        let may_have = |asker: &Asker| asker.may_have_asked(replier, number);
        (!self.0.get(&asker).is_some_and(may_have)).then_some(number)
    }
}

impl Asker {
    fn note(&mut self, dest: usize, number: u64) {
        self.all.add(number, MOST_RANGES);
        let to = self.to.entry(dest).or_default();
        let others = self.ranges - to.0.len();
        let is_kept = to.add(number, MOST_RANGES - others);
        self.ranges = others + to.0.len();
        if !is_kept {
            let lowest = self.lowest_left_out.map_or(number, |lowest| lowest.min(number));
            self.lowest_left_out = Some(lowest);
        }
    }

    fn may_have_asked(&self, replier: usize, number: u64) -> bool {
        if self.to.get(&replier).is_some_and(|to| to.has(number)) {
            return true;
        }
        let is_left_out = self.lowest_left_out.is_some_and(|lowest| number >= lowest);
        is_left_out && (self.all.has(number) || self.all.0.len() >= MOST_RANGES)
    }
}

impl Numbers {
    /// Adds a number; `false` if that would take more ranges than so many.
    fn add(&mut self, number: u64, most: usize) -> bool {
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

    /// What is known of node 1, which has made these requests of these nodes.
    fn asking(requests: impl IntoIterator<Item = (usize, u64)>) -> Asked {
        let mut asked = Asked::default();
        for (dest, number) in requests {
            asked.note(1, dest, &body(format!("{{\"msg_id\":{number},\"x\":[1]}}")));
        }
        asked
    }

    /// Checks what is told of a reply to node 1.
    #[track_caller]
    fn check(asked: &Asked, replier: usize, number: u64, expected: Option<u64>) {
        let reply = body(format!("{{\"in_reply_to\":{number}}}"));
        assert_eq!(asked.never(1, replier, &reply), expected, "{number} by {replier}");
    }

    #[test]
    fn what_a_node_asked_is_known_in_ranges() {
        #[track_caller]
        fn check(numbers: &[u64], ranges: &[(u64, u64)]) {
            let asked = asking(numbers.iter().map(|number| (2, *number)));
            let Asker { all, to, .. } = &asked.0[&1];
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
    fn a_reply_to_what_a_node_never_asked_is_known_by_its_number() {
        let asked = asking([(2, 1), (2, 2)]);
        let never = |node, json: &str| asked.never(node, 2, &body(json.to_owned()));
        assert_eq!(never(1, r#"{"in_reply_to":2}"#), None);
        assert_eq!(never(1, r#"{"in_reply_to":3}"#), Some(3));
        assert_eq!(never(0, r#"{"in_reply_to":2}"#), Some(2));
        assert_eq!(never(1, r#"{"in_reply_to":"3"}"#), None);
        assert_eq!(never(1, r#"{"type":"gossip"}"#), None);
    }

    #[test]
    fn who_answers_must_be_who_was_asked() {
        let asked = asking([(2, 1), (3, 2), (2, 3)]);
        check(&asked, 2, 1, None);
        check(&asked, 3, 2, None);
        check(&asked, 3, 1, Some(1));
        // A node may ask itself, and it did not.
        check(&asked, 1, 1, Some(1));
    }

    #[test]
    fn of_numbers_without_an_order_only_so_many_are_known() {
        let most = MOST_RANGES as u64;
        // Each even number asks one of two nodes, by turns.
        let random =
            asking((1..=2 * most).map(|number| (usize::from(number % 2 == 1), 2 * number)));
        let Asker { all, to, .. } = &random.0[&1];
        assert_eq!(all.0.len(), MOST_RANGES);
        assert_eq!(to.values().map(|to| to.0.len()).sum::<usize>(), MOST_RANGES);
        // The low numbers are known, and of the others nothing is told.
        check(&random, 0, 3, Some(3));
        check(&random, 0, 2, Some(2));
        check(&random, 1, 2, None);
        check(&random, 0, 2 * most + 1, Some(2 * most + 1));
        check(&random, 0, 2 * most + 2, None);
        check(&random, 0, 4 * most + 1, None);
        // Of numbers that are in order, all are known, whoever they are for.
        let turns = asking((1..=2 * most).map(|number| (usize::from(number % 2 == 1), number)));
        assert_eq!(turns.0[&1].all.0.len(), 1);
        check(&turns, 0, 1, Some(1));
        check(&turns, 1, 2 * most, None);
        check(&turns, 1, 2 * most + 1, Some(2 * most + 1));
    }
}
