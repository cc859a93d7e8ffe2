//! Targets of faults.
//!
//! These are Jepsen's node specifications (`nemesis/combined.clj`, `db-nodes`), drawn with the same
//! probabilities. In a small cluster, some of them may select no node.

use super::strike::TargetIds;
use crate::edn::Value;
use crate::random::Random;

/// The number of nodes that a strike is aimed at; the nodes themselves are drawn at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Targets {
    /// A random number, at least one.
    Some,
    One,
    /// Fewer than a third.
    MinorityThird,
    /// The largest minority.
    Minority,
    /// The smallest majority.
    Majority,
    All,
}

impl Targets {
    pub(super) const ALL: [Targets; 6] = [
        Targets::Some,
        Targets::One,
        Targets::MinorityThird,
        Targets::Minority,
        Targets::Majority,
        Targets::All,
    ];

    /// Draws the nodes.
    pub(super) fn draw(self, nodes: &[String], random: &mut Random) -> TargetIds {
        let count = nodes.len();
        let majority = count / 2 + 1;
        let number = match self {
            Targets::Some => 1 + usize::try_from(random.below(count as u64)).unwrap_or(0),
            Targets::One => 1,
            Targets::MinorityThird => (count - 1) / 3,
            Targets::Minority => majority - 1,
            Targets::Majority => majority,
            Targets::All => count,
        };
        let mut shuffled = nodes.to_vec();
        random.shuffle(&mut shuffled);
        shuffled.into_iter().take(number).collect()
    }

    /// The value in a history.
    pub(super) fn to_edn(self) -> Value {
        match self {
            Targets::Some => Value::Nil,
            Targets::One => Value::keyword("one"),
            Targets::MinorityThird => Value::keyword("minority-third"),
            Targets::Minority => Value::keyword("minority"),
            Targets::Majority => Value::keyword("majority"),
            Targets::All => Value::keyword("all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_specification_selects_its_number_of_nodes() {
        #[track_caller]
        fn check(count: usize, expected: [usize; 6]) {
            let nodes: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
            for (targets, expected) in Targets::ALL.into_iter().zip(expected) {
                let drawn = (0..50).map(|seed| targets.draw(&nodes, &mut Random::seeded(seed)));
                // The number of `Some` varies; the largest is compared.
                assert_eq!(drawn.map(|names| names.len()).max(), Some(expected), "{targets:?}");
            }
        }
        check(1, [1, 1, 0, 0, 1, 1]);
        check(2, [2, 1, 0, 1, 2, 2]);
        check(3, [3, 1, 0, 1, 2, 3]);
        check(5, [5, 1, 1, 2, 3, 5]);
        check(10, [10, 1, 3, 5, 6, 10]);
    }
}
