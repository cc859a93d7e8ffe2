//! What a node has seen, and how two nodes find out in what they differ without telling all.
//!
//! The items are dealt to buckets by their hashes, and the digest of a bucket is the exclusive or
//! of the hashes in it: equal for equal contents, in whichever order they came. So two nodes
//! exchange only the buckets in which they differ: one level of the trees that Dynamo compares
//! replicas with ("Dynamo: Amazon's Highly Available Key-value Store", 2007, section 4.7).
//!
//! What is in these may be more than fits into a message. Then the answer is the beginning of it,
//! and says where it goes on: items are only ever added at the end, so the same digest and that
//! place are the question for the rest.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use serde::{Deserialize, Serialize};

use crate::json::{self, JsonArray};
use crate::size;

/// How many buckets there are. More make digests longer; with fewer, each item in which two nodes
/// differ brings along more of those that both have.
const BUCKETS: usize = 256;

/// What a node has seen, each item once, in the order in which it came.
#[derive(Debug)]
pub struct Seen<T> {
    items: Vec<T>,
    /// Those of the items.
    hashes: Vec<u64>,
    known: HashSet<T>,
    json: JsonArray,
}

/// Digest of what a node has seen: one hash for each bucket, and how many of the other node's items
/// are done with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    buckets: Vec<u64>,
    /// How many items the other node need not look at, because it has done so already.
    #[serde(default, skip_serializing_if = "is_zero")]
    skip: usize,
}

/// What a node has in the buckets in which it differs from a digest: 512 KiB at most, or one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference<T> {
    /// Which buckets these are.
    buckets: Vec<usize>,
    /// What the node has in them, or the next of that.
    pub items: Vec<T>,
    /// How many items are done with, if these are not the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done: Option<usize>,
}

impl<T> Difference<T> {
    /// This answer and one that goes on after it.
    pub(super) fn and(mut self, rest: Difference<T>) -> Difference<T> {
        self.items.extend(rest.items);
        Difference { items: self.items, ..rest }
    }
}

impl Digest {
    /// The question for what goes on after this answer, if it was not the end.
    pub(super) fn go_on<T>(self, answer: &Difference<T>) -> Option<Digest> {
        let skip = answer.done.filter(|done| *done > self.skip)?;
        Some(Digest { skip, ..self })
    }
}

impl<T: Clone + Eq + Hash + Serialize> Seen<T> {
    /// Adds those items that are new, and returns them.
    pub fn learn(&mut self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        let known = &mut self.known;
        let news: Vec<T> = items.into_iter().filter(|item| known.insert(item.clone())).collect();
        self.items.extend_from_slice(&news);
        self.hashes.extend(news.iter().map(hash));
        for item in &news {
            self.json.push(item);
        }
        news
    }

    /// Whether this has been seen.
    pub fn contains(&self, item: &T) -> bool {
        self.known.contains(item)
    }

    /// Everything that has been seen.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// Everything that has been seen, ready to be sent.
    pub fn to_json(&self) -> JsonArray {
        self.json.clone()
    }

    /// Everything in short. Looks at the hash of each item.
    pub fn digest(&self) -> Digest {
        let mut buckets = vec![0; BUCKETS];
        for hash in &self.hashes {
            buckets[bucket(*hash)] ^= hash;
        }
        Digest { buckets, skip: 0 }
    }

    /// What another node may lack that has this digest.
    pub fn difference(&self, other: &Digest) -> Difference<T> {
        let mine = self.digest();
        let differs = |bucket: &usize| mine.buckets.get(*bucket) != other.buckets.get(*bucket);
        let buckets: Vec<usize> = (0..BUCKETS).filter(differs).collect();
        let (mut items, mut bytes, mut done) = (Vec::new(), 0_usize, None);
        for (place, item) in self.within(&buckets).filter(|(place, _)| *place >= other.skip) {
            bytes = bytes.saturating_add(json::length(item)).saturating_add(1);
            if !items.is_empty() && bytes > size::FULL {
                done = Some(place);
                break;
            }
            items.push(item.clone());
        }
        Difference { buckets, items, done }
    }

    /// What this node has, and the one from which the difference comes has not.
    pub fn beyond(&self, other: &Difference<T>) -> Vec<T> {
        let theirs: HashSet<&T> = other.items.iter().collect();
        let mine = self.within(&other.buckets).map(|(_, item)| item);
        mine.filter(|item| !theirs.contains(item)).cloned().collect()
    }

    /// The items in these buckets, each with its place.
    fn within(&self, buckets: &[usize]) -> impl Iterator<Item = (usize, &T)> {
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

/// Nodes that hash in different ways take each other's digests for different, and exchange all.
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
            known: HashSet::new(),
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
        seen.learn(items);
        seen
    }

    /// Lets `left` compare itself with `right`, and counts the items that travel.
    fn exchange(left: &mut Seen<u64>, right: &mut Seen<u64>) -> usize {
        let difference = right.difference(&left.digest());
        let lacking = left.beyond(&difference);
        let travel = difference.items.len() + lacking.len();
        left.learn(difference.items);
        right.learn(lacking);
        travel
    }

    fn sorted(seen: &Seen<u64>) -> Vec<u64> {
        let mut items = seen.items().to_vec();
        items.sort_unstable();
        items
    }

    #[test]
    fn what_was_seen_before_is_no_news() {
        let mut seen = seen([3, 1, 3]);
        assert_eq!(seen.learn([1, 2, 3]), [2]);
        assert_eq!(seen.items(), [3, 1, 2]);
        assert_eq!(serde_json::to_string(&seen.to_json()).unwrap(), "[3,1,2]");
    }

    #[test]
    fn in_whatever_order_the_same_items_have_the_same_digest() {
        let forth = seen(0..1000);
        assert_eq!(forth.digest(), seen((0..1000).rev()).digest());
        assert_ne!(forth.digest(), seen(0..999).digest());
        assert_ne!(forth.digest(), seen(1..1001).digest());
        assert!(forth.difference(&forth.digest()).items.is_empty());
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
        let empty = Digest { buckets: Vec::new(), skip: 0 };
        assert_eq!(all.difference(&empty).items.len(), 1000);
        let (buckets, items) = (vec![BUCKETS, usize::MAX], vec![1]);
        let strange = Difference { buckets, items, done: Some(usize::MAX) };
        assert!(all.beyond(&strange).is_empty());
    }

    #[test]
    fn what_does_not_fit_into_a_message_comes_in_several() {
        let long = |number: u64| format!("{number} {}", "x".repeat(100_000));
        let [mut more, mut less] = [(); 2].map(|()| Seen::default());
        more.learn((0..40).map(long).chain(["x".repeat(2 * size::FULL)]));
        less.learn((10..20).chain(50..60).map(long));
        let mut digest = Some(less.digest());
        let mut sizes = Vec::new();
        while let Some(question) = digest {
            let answer = more.difference(&question);
            let length = serde_json::to_string(&answer).unwrap().len();
            assert!(answer.items.len() == 1 || length < size::FULL + 2000, "{length} bytes");
            sizes.push(answer.items.len());
            // While the rest is asked for, there is more.
            more.learn([long(100 + sizes.len() as u64)].into_iter().filter(|_| sizes.len() < 3));
            less.learn(answer.items.iter().cloned());
            digest = question.go_on(&answer);
        }
        assert!(sizes.len() > 6, "{sizes:?}");
        assert!(more.items().iter().all(|item| less.contains(item)), "{sizes:?}");
        assert_eq!(less.items().len(), 40 + 1 + 10 + 2);
    }
}
