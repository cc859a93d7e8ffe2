//! Set of the items that a node has seen, and digests by which two nodes find their differences
//! without sending everything.
//!
//! Items are divided into buckets by their hashes, and the digest of a bucket is the exclusive or
//! of the hashes in it: equal for equal contents, in whatever order they came. So nodes exchange
//! only the buckets in which they differ: a Merkle tree of one level, as in Dynamo ("Dynamo:
//! Amazon's Highly Available Key-value Store", 2007, section 4.7).
//!
//! The items of these buckets may not fit into one message. Then the answer holds the first of them
//! and the index of the next. Items are only ever added at the end, so the same digest with that
//! index requests the rest.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use serde::{Deserialize, Serialize};

use crate::json::{self, JsonArray};
use crate::size;

/// Number of buckets. A larger number makes digests longer; a smaller one sends along more items
/// that both nodes have, for each in which they differ.
const BUCKETS: usize = 256;

/// Items that a node has seen, each once, in the order in which they came.
#[derive(Debug)]
pub struct Seen<T> {
    items: Vec<T>,
    /// Hash of each item, in the same order.
    hashes: Vec<u64>,
    set: HashSet<T>,
    json: JsonArray,
}

/// Digest of the items that a node has seen: one hash for each bucket, and the index at which the
/// other node's answer starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    buckets: Vec<u64>,
    /// Index in the other node's items at which its answer starts; not 0 if it continues an answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    start_index: usize,
}

/// A node's items in the buckets whose hashes differ from a digest: at most 512 KiB, or a single
/// larger item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketItems<T> {
    /// The buckets that differ.
    buckets: Vec<usize>,
    /// The node's items in them, or the next of these items.
    pub items: Vec<T>,
    /// Index of the first item that did not fit; `None` if these are the last ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_index: Option<usize>,
}

impl<T> BucketItems<T> {
    /// Joins this answer and the one that continues it.
    pub(super) fn joined_with(mut self, rest: BucketItems<T>) -> BucketItems<T> {
        self.items.extend(rest.items);
        BucketItems { items: self.items, ..rest }
    }
}

impl Digest {
    /// Request for the continuation of this answer, unless it was the last one.
    pub(super) fn continuation<T>(self, answer: &BucketItems<T>) -> Option<Digest> {
        let start_index = answer.next_index.filter(|next| *next > self.start_index)?;
        Some(Digest { start_index, ..self })
    }
}

impl<T: Clone + Eq + Hash + Serialize> Seen<T> {
    /// Adds those items that are new, and returns them.
    pub fn insert_new(&mut self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        let set = &mut self.set;
        let new_items: Vec<T> = items.into_iter().filter(|item| set.insert(item.clone())).collect();
        self.items.extend_from_slice(&new_items);
        self.hashes.extend(new_items.iter().map(hash));
        for item in &new_items {
            self.json.push(item);
        }
        new_items
    }

    /// True if this item has been seen.
    pub fn contains(&self, item: &T) -> bool {
        self.set.contains(item)
    }

    /// All items, in the order in which they came.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// All items as JSON, ready to be sent.
    pub fn to_json(&self) -> JsonArray {
        self.json.clone()
    }

    /// Digest of all items. It takes time proportional to their number.
    pub fn digest(&self) -> Digest {
        let mut buckets = vec![0; BUCKETS];
        for hash in &self.hashes {
            buckets[bucket(*hash)] ^= hash;
        }
        Digest { buckets, start_index: 0 }
    }

    /// Items that another node may lack, by its digest: those in the buckets that differ.
    pub fn differing_buckets(&self, other: &Digest) -> BucketItems<T> {
        let mine = self.digest();
        let differs = |bucket: &usize| mine.buckets.get(*bucket) != other.buckets.get(*bucket);
        let buckets: Vec<usize> = (0..BUCKETS).filter(differs).collect();
        let (mut items, mut bytes, mut next_index) = (Vec::new(), 0_usize, None);
        let candidates = self.in_buckets(&buckets);
        for (index, item) in candidates.filter(|(index, _)| *index >= other.start_index) {
            bytes = bytes.saturating_add(json::encoded_len(item)).saturating_add(1);
            if !items.is_empty() && bytes > size::FULL_MESSAGE_BYTES {
                next_index = Some(index);
                break;
            }
            items.push(item.clone());
        }
        BucketItems { buckets, items, next_index }
    }

    /// Items in these buckets that this node has, and the other node lacks.
    pub fn missing_from(&self, other: &BucketItems<T>) -> Vec<T> {
        let theirs: HashSet<&T> = other.items.iter().collect();
        let mine = self.in_buckets(&other.buckets).map(|(_, item)| item);
        mine.filter(|item| !theirs.contains(item)).cloned().collect()
    }

    /// Items in these buckets, each with its index.
    fn in_buckets(&self, buckets: &[usize]) -> impl Iterator<Item = (usize, &T)> {
        let mut is_chosen = [false; BUCKETS];
        for bucket in buckets {
            if let Some(is_chosen) = is_chosen.get_mut(*bucket) {
                *is_chosen = true;
            }
        }
        let items = self.items.iter().enumerate().zip(&self.hashes);
        items.filter(move |(_, hash)| is_chosen[bucket(**hash)]).map(|(item, _)| item)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Hash of an item. Nodes that hash in different ways find that all buckets differ, and exchange
/// everything.
fn hash(item: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(item)
}

#[expect(clippy::cast_possible_truncation, reason = "the remainder is less than BUCKETS")]
fn bucket(hash: u64) -> usize {
    (hash % BUCKETS as u64) as usize
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Seen {
            items: Vec::new(),
            hashes: Vec::new(),
            set: HashSet::new(),
            json: JsonArray::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    fn seen(items: impl IntoIterator<Item = u64>) -> Seen<u64> {
        let mut seen = Seen::default();
        seen.insert_new(items);
        seen
    }

    /// Lets `left` compare itself with `right`, and counts the items that travel.
    fn exchange(left: &mut Seen<u64>, right: &mut Seen<u64>) -> usize {
        let difference = right.differing_buckets(&left.digest());
        let lacking = left.missing_from(&difference);
        let travel = difference.items.len() + lacking.len();
        left.insert_new(difference.items);
        right.insert_new(lacking);
        travel
    }

    fn sorted(seen: &Seen<u64>) -> Vec<u64> {
        let mut items = seen.items().to_vec();
        items.sort_unstable();
        items
    }

    #[test]
    fn items_seen_before_are_not_new() {
        let mut seen = seen([3, 1, 3]);
        assert_eq!(seen.insert_new([1, 2, 3]), [2]);
        assert_eq!(seen.items(), [3, 1, 2]);
        assert_eq!(serde_json::to_string(&seen.to_json()).unwrap(), "[3,1,2]");
    }

    #[test]
    fn the_same_items_have_the_same_digest_in_any_order() {
        let forth = seen(0..1000);
        assert_eq!(forth.digest(), seen((0..1000).rev()).digest());
        assert_ne!(forth.digest(), seen(0..999).digest());
        assert_ne!(forth.digest(), seen(1..1001).digest());
        assert!(forth.differing_buckets(&forth.digest()).items.is_empty());
    }

    #[test]
    fn one_exchange_makes_two_sets_equal() {
        for seed in 0..100 {
            let random = Host::seeded(seed).random();
            let below = 1 + random.next() % 2000;
            let draw = || {
                let count = random.next() % 1000;
                seen((0..count).map(|_| random.next() % below))
            };
            let (mut left, mut right) = (draw(), draw());
            let mut all = sorted(&left);
            all.extend(sorted(&right));
            all.sort_unstable();
            all.dedup();
            exchange(&mut left, &mut right);
            assert_eq!((sorted(&left), sorted(&right)), (all.clone(), all), "seed {seed}");
            assert_eq!(exchange(&mut left, &mut right), 0, "seed {seed}");
        }
    }

    #[test]
    fn little_travels_where_little_differs() {
        for missing in [0, 4711, 9999] {
            let mut more = seen(0..10_000);
            let mut less = seen((0..10_000).filter(|item| *item != missing));
            let travel = exchange(&mut less, &mut more);
            assert!((1..100).contains(&travel), "{travel} items for one");
            assert_eq!(exchange(&mut more, &mut less), 0);
        }
    }

    #[test]
    fn a_digest_of_another_length_differs_and_does_no_harm() {
        let all = seen(0..1000);
        let empty = Digest { buckets: Vec::new(), start_index: 0 };
        assert_eq!(all.differing_buckets(&empty).items.len(), 1000);
        let (buckets, items) = (vec![BUCKETS, usize::MAX], vec![1]);
        let strange = BucketItems { buckets, items, next_index: Some(usize::MAX) };
        assert!(all.missing_from(&strange).is_empty());
    }

    #[test]
    fn an_answer_that_exceeds_a_message_comes_in_several() {
        let long = |number: u64| format!("{number} {}", "x".repeat(100_000));
        let [mut more, mut less] = [(); 2].map(|()| Seen::default());
        more.insert_new((0..40).map(long).chain(["x".repeat(2 * size::FULL_MESSAGE_BYTES)]));
        less.insert_new((10..20).chain(50..60).map(long));
        let mut digest = Some(less.digest());
        let mut sizes = Vec::new();
        while let Some(question) = digest {
            let answer = more.differing_buckets(&question);
            let length = serde_json::to_string(&answer).unwrap().len();
            assert!(
                answer.items.len() == 1 || length < size::FULL_MESSAGE_BYTES + 2000,
                "{length} bytes"
            );
            sizes.push(answer.items.len());
            // More items come while the rest is asked for.
            more.insert_new(
                [long(100 + sizes.len() as u64)].into_iter().filter(|_| sizes.len() < 3),
            );
            less.insert_new(answer.items.iter().cloned());
            digest = question.continuation(&answer);
        }
        assert!(sizes.len() > 6, "{sizes:?}");
        assert!(more.items().iter().all(|item| less.contains(item)), "{sizes:?}");
        assert_eq!(less.items().len(), 40 + 1 + 10 + 2);
    }
}
