//! What travels between replicas: all that one has for another at a moment, in one message if it is
//! no more than [`MOST_BYTES`]; otherwise in several.

use serde::{Deserialize, Serialize};

use super::machine::Proposal;
use super::message::Message;
use super::pace::Pace;
use crate::json;

/// How many bytes of items a letter has at most, unless a single one is larger. More saves messages
/// under load, less lets the others wait for less while it is written and read.
pub(super) const MOST_BYTES: usize = Pace::DEFAULT.most_bytes;

/// All that a replica has for another one. `C` are commands, `Q` queries, `A` answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Letter<C, Q, A> {
    /// The algorithm's messages.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) raft: Vec<Message<Proposal<C>>>,
    /// What the sender's clients want, for a leader.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) asked: Vec<Asked<C, Q>>,
    /// What became of that.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) answered: Vec<Answered<A>>,
    /// What had an answer that is too large to be sent.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) too_large: Vec<TooLarge>,
}

/// What somebody's client wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Asked<C, Q> {
    Propose(Proposal<C>),
    Read {
        life: u64,
        number: u64,
        /// The sender's term: see [`Witness`](super::Witness).
        term: u64,
        query: Q,
    },
}

/// What a proposal or a read was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Answered<A> {
    pub(super) life: u64,
    pub(super) number: u64,
    pub(super) answer: A,
}

/// A read whose answer is too large to be sent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct TooLarge {
    pub(super) life: u64,
    pub(super) number: u64,
    pub(super) bytes: usize,
}

impl<C: Serialize, Q: Serialize, A: Serialize> Letter<C, Q, A> {
    pub(super) fn is_empty(&self) -> bool {
        let Letter { raft, asked, answered, too_large } = self;
        raft.is_empty() && asked.is_empty() && answered.is_empty() && too_large.is_empty()
    }

    /// The same in as few letters as keep the limit, in order.
    pub(super) fn split(self) -> Vec<Letter<C, Q, A>> {
        let Letter { raft, asked, answered, too_large } = self;
        let mut letters = Letters { full: Vec::new(), last: Letter::default(), bytes: 0 };
        for message in raft {
            letters.add(&message).raft.push(message);
        }
        for one in asked {
            letters.add(&one).asked.push(one);
        }
        for one in answered {
            letters.add(&one).answered.push(one);
        }
        for one in too_large {
            letters.add(&one).too_large.push(one);
        }
        letters.full.push(letters.last);
        letters.full
    }
}

/// Letters that are being filled.
struct Letters<C, Q, A> {
    full: Vec<Letter<C, Q, A>>,
    last: Letter<C, Q, A>,
    /// How many bytes the items of the last one take.
    bytes: usize,
}

impl<C, Q, A> Letters<C, Q, A> {
    /// A letter that has room for an item.
    fn add(&mut self, item: &impl Serialize) -> &mut Letter<C, Q, A> {
        // With the comma that follows it.
        let bytes = json::length(item) + 1;
        if self.bytes > 0 && self.bytes + bytes > MOST_BYTES {
            self.full.push(std::mem::take(&mut self.last));
            self.bytes = 0;
        }
        self.bytes += bytes;
        &mut self.last
    }
}

impl<C, Q, A> Default for Letter<C, Q, A> {
    fn default() -> Self {
        Letter { raft: Vec::new(), asked: Vec::new(), answered: Vec::new(), too_large: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_split_where_it_would_be_too_long_and_loses_nothing() {
        #[track_caller]
        fn check(lengths: &[usize], expected: &[usize]) {
            let mut letter = Letter::<(), (), String>::default();
            for (number, length) in (0..).zip(lengths) {
                letter.answered.push(Answered { life: 1, number, answer: "x".repeat(*length) });
            }
            letter.too_large.push(TooLarge { life: 1, number: 99, bytes: 9 });
            let letters = letter.split();
            let counts = letters.iter().map(|letter| letter.answered.len()).collect::<Vec<_>>();
            assert_eq!(counts, expected);
            for letter in &letters {
                let items = letter.answered.len() + letter.too_large.len();
                assert!(items == 1 || json::length(letter) <= MOST_BYTES + 64);
            }
            let numbers = letters.iter().flat_map(|letter| &letter.answered);
            assert!(numbers.map(|one| one.number).eq(0..lengths.len() as u64));
            assert_eq!(letters.iter().map(|letter| letter.too_large.len()).sum::<usize>(), 1);
        }
        check(&[1, 2, 3], &[3]);
        check(&[300_000, 200_000, 100_000], &[2, 1]);
        check(&[300_000, 300_000, 9_000_000, 1], &[1, 1, 1, 1]);
        check(&[], &[0]);
    }
}
