//! Shapes of partitions: the links that a partition cuts.
//!
//! Three shapes split the nodes in two and cut all links between the sides. The fourth is harder:
//! every node still hears a majority, itself included, but different nodes hear different
//! majorities. So every node that counts votes finds a quorum. All shapes are Jepsen's
//! (`nemesis.clj`, `nemesis/combined.clj`), drawn with the same probabilities. A link has two
//! directions; in a ring of three nodes each link works in one direction only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use super::strike::StrikeEffect;
use crate::random::Random;

/// For each receiver, the senders whose messages it drops.
pub type Grudge = BTreeMap<String, BTreeSet<String>>;

/// The shape of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionShape {
    /// One node is isolated.
    One,
    /// Fewer than a third of the nodes are isolated; none in clusters of up to three nodes.
    MinorityThird,
    /// As many nodes as possible, but at most half, are isolated from the majority.
    Majority,
    /// Every node hears a majority. In clusters of up to five nodes all majorities differ.
    MajoritiesRing,
}

impl PartitionShape {
    /// All shapes.
    pub const ALL: [PartitionShape; 4] = [
        PartitionShape::One,
        PartitionShape::MinorityThird,
        PartitionShape::Majority,
        PartitionShape::MajoritiesRing,
    ];

    /// Draws a partition of this shape.
    pub(super) fn draw(self, nodes: &[String], random: &mut Random) -> StrikeEffect {
        let mut shuffled = nodes.to_vec();
        random.shuffle(&mut shuffled);
        let count = nodes.len();
        let split = |cut: usize| StrikeEffect::Partition(shuffled[..cut].iter().cloned().collect());
        match self {
            PartitionShape::One => split(count.min(1)),
            PartitionShape::MinorityThird => split(count.saturating_sub(1) / 3),
            PartitionShape::Majority => split(count / 2),
            PartitionShape::MajoritiesRing if count <= 5 => {
                StrikeEffect::Cut(perfect_ring(&shuffled))
            }
            PartitionShape::MajoritiesRing => StrikeEffect::Cut(stochastic_ring(nodes, random)),
        }
    }
}

impl Display for PartitionShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PartitionShape::One => "one",
            PartitionShape::MinorityThird => "minority-third",
            PartitionShape::Majority => "majority",
            PartitionShape::MajoritiesRing => "majorities-ring",
        })
    }
}

/// Jepsen's `majorities-ring-perfect`: each node hears a bare majority, its nearest neighbors in a
/// ring of which it is the middle.
fn perfect_ring(nodes: &[String]) -> Grudge {
    let count = nodes.len();
    let majority = majority(count);
    let at = |place: usize| nodes[place % count].clone();
    (0..count)
        .map(|first| {
            (at(first + majority / 2), (first + majority..first + count).map(at).collect())
        })
        .collect()
}

/// Jepsen's `majorities-ring-stochastic`: adds links at random, always between nodes that hear the
/// fewest, until every node hears a majority.
///
/// In a perfect ring, a majority of an even number has links that work in one direction only. Here
/// all links work in both directions. In exchange, some nodes hear more than a bare majority, and
/// two nodes may hear the same one.
fn stochastic_ring(nodes: &[String], random: &mut Random) -> Grudge {
    let count = nodes.len();
    // The nodes that each node hears, itself included, and their number.
    let mut hears: Vec<Vec<bool>> =
        (0..count).map(|node| (0..count).map(|other| node == other).collect()).collect();
    let mut heard_counts = vec![1; count];
    loop {
        let node = *random.choose(&hearing_fewest(&heard_counts, |_| true));
        if heard_counts[node] >= majority(count) {
            break;
        }
        let other = *random.choose(&hearing_fewest(&heard_counts, |other| !hears[node][other]));
        for (one, another) in [(node, other), (other, node)] {
            hears[one][another] = true;
            heard_counts[one] += 1;
        }
    }
    let deaf_to = |hears: Vec<bool>| {
        let senders = nodes.iter().zip(hears).filter(|(_, is_heard)| !is_heard);
        senders.map(|(sender, _)| sender.clone()).collect()
    };
    nodes.iter().cloned().zip(hears.into_iter().map(deaf_to)).collect()
}

/// The candidates that hear the fewest nodes. This is called once per link, so it scans a
/// contiguous vector.
fn hearing_fewest(heard_counts: &[usize], is_candidate: impl Fn(usize) -> bool) -> Vec<usize> {
    let candidates = || (0..heard_counts.len()).filter(|node| is_candidate(*node));
    let fewest = candidates().map(|node| heard_counts[node]).min();
    candidates().filter(|node| Some(heard_counts[*node]) == fewest).collect()
}

/// The smallest number that is more than half of `count`.
fn majority(count: usize) -> usize {
    count / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(shape: PartitionShape, nodes: &[String], seed: u64) -> Grudge {
        shape.draw(nodes, &mut Random::seeded(seed)).grudge(nodes)
    }

    /// Checks a property of many partitions of every size.
    #[track_caller]
    fn check(shape: PartitionShape, holds: impl Fn(usize, &Grudge) -> bool) {
        for count in 1..=30 {
            let nodes: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
            for seed in 0..50 {
                let grudge = draw(shape, &nodes, seed);
                assert!(grudge.keys().eq(&nodes.iter().cloned().collect::<BTreeSet<_>>()));
                assert!(grudge.iter().all(|(node, deaf)| !deaf.contains(node)));
                assert!(holds(count, &grudge), "{shape} of {count}, seed {seed}: {grudge:?}");
            }
        }
    }

    fn is_symmetric(grudge: &Grudge) -> bool {
        grudge.iter().all(|(node, deaf)| deaf.iter().all(|other| grudge[other].contains(node)))
    }

    /// The sizes of the groups of nodes that drop the same messages, in order.
    fn sides(grudge: &Grudge) -> Vec<usize> {
        let mut sides: BTreeMap<&BTreeSet<String>, usize> = BTreeMap::new();
        for deaf in grudge.values() {
            *sides.entry(deaf).or_default() += 1;
        }
        let mut counts: Vec<usize> = sides.into_values().collect();
        counts.sort_unstable();
        counts
    }

    /// True if the nodes are split in two sides, the smaller of this size.
    fn splits(count: usize, smaller: usize, grudge: &Grudge) -> bool {
        let expected = if smaller == 0 { vec![count] } else { vec![smaller, count - smaller] };
        is_symmetric(grudge) && sides(grudge) == expected
    }

    #[test]
    fn one_isolates_a_single_node() {
        check(PartitionShape::One, |count, grudge| splits(count, usize::from(count > 1), grudge));
    }

    #[test]
    fn minority_third_isolates_fewer_than_a_third() {
        check(PartitionShape::MinorityThird, |count, grudge| {
            let cut = count.div_ceil(3) - 1;
            (count > 3 || cut == 0) && cut * 3 < count && splits(count, cut, grudge)
        });
    }

    #[test]
    fn majority_leaves_more_than_half_together() {
        check(PartitionShape::Majority, |count, grudge| splits(count, count / 2, grudge));
    }

    #[test]
    fn in_a_ring_of_majorities_all_hear_different_majorities() {
        check(PartitionShape::MajoritiesRing, |count, grudge| {
            let different: BTreeSet<_> = grudge.values().collect();
            grudge.values().all(|deaf| count - deaf.len() >= majority(count))
                && (count < 3 || different.len() > 1)
                && (!(3..=5).contains(&count) || different.len() == count)
                && (count <= 3 || is_symmetric(grudge))
        });
    }

    #[test]
    fn partitions_differ_from_seed_to_seed() {
        for shape in PartitionShape::ALL {
            let nodes = ["a", "b", "c", "d", "e", "f"].map(String::from);
            let grudges: BTreeSet<Grudge> =
                (0..100).map(|seed| draw(shape, &nodes, seed)).collect();
            assert!(grudges.len() >= nodes.len(), "{shape} has {} outcomes", grudges.len());
        }
    }
}
