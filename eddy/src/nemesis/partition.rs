//! Which links a partition cuts.
//!
//! Three shapes split the nodes in two and cut all links between the sides. The fourth is meaner:
//! every node still hears a majority, itself included, but not everyone the same one, so whoever
//! counts voices finds a quorum anywhere. All are Jepsen's (`nemesis.clj`, `nemesis/combined.clj`),
//! drawn with the same probabilities. A link has two directions, and in a ring of three nodes it
//! works one way only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use super::strike::Harm;
use crate::random::Random;

/// For each receiver, the senders whose messages it drops.
pub type Grudge = BTreeMap<String, BTreeSet<String>>;

/// How a partition is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One node is alone.
    One,
    /// Fewer than a third are cut off; up to three nodes, nobody is.
    MinorityThird,
    /// Half of the nodes, or one less than the others, are cut off.
    Majority,
    /// Every node hears a majority; up to five nodes, each another one.
    MajoritiesRing,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Shape; 4] =
        [Shape::One, Shape::MinorityThird, Shape::Majority, Shape::MajoritiesRing];

    /// A partition of this shape.
    pub(super) fn draw(self, nodes: &[String], random: &mut Random) -> Harm {
        let mut shuffled = nodes.to_vec();
        random.shuffle(&mut shuffled);
        let count = nodes.len();
        let split = |cut: usize| Harm::Split(shuffled[..cut].iter().cloned().collect());
        match self {
            Shape::One => split(count.min(1)),
            Shape::MinorityThird => split(count.saturating_sub(1) / 3),
            Shape::Majority => split(count / 2),
            Shape::MajoritiesRing if count <= 5 => Harm::Cut(ring(&shuffled)),
            Shape::MajoritiesRing => Harm::Cut(web(nodes, random)),
        }
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Shape::One => "one",
            Shape::MinorityThird => "minority-third",
            Shape::Majority => "majority",
            Shape::MajoritiesRing => "majorities-ring",
        })
    }
}

/// Each node in the middle of a majority of neighbors hears just these.
fn ring(nodes: &[String]) -> Grudge {
    let count = nodes.len();
    let majority = majority(count);
    let at = |place: usize| nodes[place % count].clone();
    (0..count)
        .map(|first| {
            (at(first + majority / 2), (first + majority..first + count).map(at).collect())
        })
        .collect()
}

/// Adds links at random, always between nodes that hear the fewest, until all hear a majority.
///
/// In a ring, an even majority makes links that work one way. Here all work both ways, at the price
/// that some nodes hear more than a bare majority and two may hear the same.
fn web(nodes: &[String], random: &mut Random) -> Grudge {
    let count = nodes.len();
    let mut hears: Vec<Vec<bool>> =
        (0..count).map(|node| (0..count).map(|other| node == other).collect()).collect();
    let mut voices = vec![1; count];
    loop {
        let node = *random.choose(&poorest(&voices, |_| true));
        if voices[node] >= majority(count) {
            break;
        }
        let other = *random.choose(&poorest(&voices, |other| !hears[node][other]));
        for (one, another) in [(node, other), (other, node)] {
            hears[one][another] = true;
            voices[one] += 1;
        }
    }
    let deaf_to = |hears: Vec<bool>| {
        let senders = nodes.iter().zip(hears).filter(|(_, is_heard)| !is_heard);
        senders.map(|(sender, _)| sender.clone()).collect()
    };
    nodes.iter().cloned().zip(hears.into_iter().map(deaf_to)).collect()
}

/// Those candidates who hear the fewest. There are as many calls as links, so this looks at numbers
/// that lie side by side.
fn poorest(voices: &[usize], is_candidate: impl Fn(usize) -> bool) -> Vec<usize> {
    let candidates = || (0..voices.len()).filter(|node| is_candidate(*node));
    let fewest = candidates().map(|node| voices[node]).min();
    candidates().filter(|node| Some(voices[*node]) == fewest).collect()
}

/// The smallest number that is more than half.
fn majority(count: usize) -> usize {
    count / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(shape: Shape, nodes: &[String], seed: u64) -> Grudge {
        shape.draw(nodes, &mut Random::seeded(seed)).grudge(nodes)
    }

    /// Checks a property of many partitions of every size.
    #[track_caller]
    fn check(shape: Shape, holds: impl Fn(usize, &Grudge) -> bool) {
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

    /// Whether the nodes are split in two, so many of them on the smaller side.
    fn splits(count: usize, smaller: usize, grudge: &Grudge) -> bool {
        let expected = if smaller == 0 { vec![count] } else { vec![smaller, count - smaller] };
        is_symmetric(grudge) && sides(grudge) == expected
    }

    #[test]
    fn one_cuts_off_a_single_node() {
        check(Shape::One, |count, grudge| splits(count, usize::from(count > 1), grudge));
    }

    #[test]
    fn minority_third_cuts_off_fewer_than_a_third() {
        check(Shape::MinorityThird, |count, grudge| {
            let cut = count.div_ceil(3) - 1;
            (count > 3 || cut == 0) && cut * 3 < count && splits(count, cut, grudge)
        });
    }

    #[test]
    fn majority_leaves_more_than_half_together() {
        check(Shape::Majority, |count, grudge| splits(count, count / 2, grudge));
    }

    #[test]
    fn in_a_ring_of_majorities_all_hear_a_majority_and_not_the_same() {
        check(Shape::MajoritiesRing, |count, grudge| {
            let different: BTreeSet<_> = grudge.values().collect();
            grudge.values().all(|deaf| count - deaf.len() >= majority(count))
                && (count < 3 || different.len() > 1)
                && (!(3..=5).contains(&count) || different.len() == count)
                && (count <= 3 || is_symmetric(grudge))
        });
    }

    #[test]
    fn every_node_has_its_turn() {
        for shape in Shape::ALL {
            let nodes = ["a", "b", "c", "d", "e", "f"].map(String::from);
            let grudges: BTreeSet<Grudge> =
                (0..100).map(|seed| draw(shape, &nodes, seed)).collect();
            assert!(grudges.len() >= nodes.len(), "{shape} has {} outcomes", grudges.len());
        }
    }
}
