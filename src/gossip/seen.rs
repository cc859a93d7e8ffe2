//! What a node has seen, and how two nodes find out in what they differ without telling all.
//!
//! The items are dealt to buckets by their hashes, and the digest of a bucket is the exclusive or
//! of the hashes in it: equal for equal contents, in whichever order they came. So two nodes
//! exchange only the buckets in which they differ: one level of the trees that Dynamo compares
//! replicas with ("Dynamo: Amazon's Highly Available Key-value Store", 2007, section 4.7).

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use serde::{Deserialize, Serialize};

use crate::json::JsonArray;

/// How many buckets there are. More make digests longer; with fewer, each item in which two nodes
/// differ brings along more of those that both have.
const BUCKETS: usize = 256;

/// What a node has seen, each item once, in the order in which it came.
#[derive(Debug)]
pub struct Seen<T> {
    items: Vec<T>,
    known: HashSet<T>,
    json: JsonArray,
}

/// What a node has seen, in short: one number for each bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(Vec<u64>);

/// What a node has in the buckets in which it differs from a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference<T> {
    /// Which buckets these are.
    buckets: Vec<usize>,
    /// All that the node has in them.
    pub items: Vec<T>,
}

impl<T: Clone + Eq + Hash + Serialize> Seen<T> {
    /// Adds those items that are new, and returns them.
    pub fn learn(&mut self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        let known = &mut self.known;
        let news: Vec<T> = items.into_iter().filter(|item| known.insert(item.clone())).collect();
        self.items.extend_from_slice(&news);
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

    /// Everything in short. Looks at each item.
    pub fn digest(&self) -> Digest {
        let mut buckets = vec![0; BUCKETS];
        for item in &self.items {
            let hash = hash(item);
            buckets[bucket(hash)] ^= hash;
        }
        Digest(buckets)
    }

    /// What another node may lack that has this digest.
    pub fn difference(&self, other: &Digest) -> Difference<T> {
        let mine = self.digest();
        let differs = |bucket: &usize| mine.0.get(*bucket) != other.0.get(*bucket);
        let buckets: Vec<usize> = (0..BUCKETS).filter(differs).collect();
        let items = self.within(&buckets).cloned().collect();
        Difference { buckets, items }
    }

    /// What this node has, and the one from which the difference comes has not.
    pub fn beyond(&self, other: &Difference<T>) -> Vec<T> {
        let theirs: HashSet<&T> = other.items.iter().collect();
        self.within(&other.buckets).filter(|item| !theirs.contains(item)).cloned().collect()
    }

    fn within(&self, buckets: &[usize]) -> impl Iterator<Item = &T> {
        let mut is_chosen = [false; BUCKETS];
        for bucket in buckets {
            if let Some(is_chosen) = is_chosen.get_mut(*bucket) {
                *is_chosen = true;
            }
        }
        self.items.iter().filter(move |item| is_chosen[bucket(hash(item))])
    }
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
        Seen { items: Vec::new(), known: HashSet::new(), json: JsonArray::default() }
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
        assert_eq!(all.difference(&Digest(Vec::new())).items.len(), 1000);
        let strange = Difference { buckets: vec![BUCKETS, usize::MAX], items: vec![1] };
        assert!(all.beyond(&strange).is_empty());
    }
}
