//! Smallest explanation of a wrong sum: the fewest adds that give it if each was missing or counted
//! twice.
//!
//! This is a subset-sum problem, which is hard for large numbers and large subsets. Clients' deltas
//! are small, and an explanation by many adds is worthless, because many other choices explain the
//! sum as well. So adds are grouped by the change that they make, since choices within a group are
//! equivalent. The search tries one add, then two, and so on, up to a bound on their number and on
//! its work.

use std::collections::BTreeMap;

use super::acceptable::{SumRange, contains};

/// Maximum number of miscounted adds. More can nearly always be chosen in many ways.
pub(crate) const MAX_ADDS: usize = 4;

/// Maximum number of choices that are tried for one sum. Four of the eleven changes that clients'
/// deltas make are a thousand choices; histories from elsewhere may have more, which this limits to
/// a moment.
const MAX_CHOICES: usize = 200_000;

/// The result of the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AddExplanation {
    /// These adds explain it, and no other choice of at most as many does.
    Unique(Vec<usize>),
    /// These adds explain it; others of the same number may as well.
    Example(Vec<usize>),
    /// No choice of up to [`MAX_ADDS`] explains it.
    None,
    /// There were too many choices.
    Unknown,
}

/// The fewest of these changes, by index, that turn an acceptable sum into `sum`.
pub(super) fn smallest_explanation(
    changes: &[i128],
    acceptable: &[SumRange],
    sum: i128,
) -> AddExplanation {
    let mut groups: BTreeMap<i128, Vec<usize>> = BTreeMap::new();
    for (place, change) in changes.iter().enumerate().filter(|(_, change)| **change != 0) {
        groups.entry(*change).or_default().push(place);
    }
    let (Some([least, _]), Some([_, greatest])) = (acceptable.first(), acceptable.last()) else {
        return AddExplanation::None;
    };
    let mut search = SubsetSearch {
        groups: groups.into_iter().collect(),
        wanted: [sum.saturating_sub(*greatest), sum.saturating_sub(*least)],
        explains: &|change: i128| {
            sum.checked_sub(change).is_some_and(|sum| contains(acceptable, sum))
        },
        budget: MAX_CHOICES,
        chosen: Vec::new(),
        found: None,
        is_only: true,
    };
    for count in 1..=MAX_ADDS {
        let is_complete = search.choose(0, 0, count);
        match search.found.take() {
            Some(places) if is_complete && search.is_only => return AddExplanation::Unique(places),
            Some(places) => return AddExplanation::Example(places),
            None if is_complete => {}
            None => return AddExplanation::Unknown,
        }
    }
    AddExplanation::None
}

struct SubsetSearch<'a> {
    /// The indices of the suspects that make each change, ascending by change.
    groups: Vec<(i128, Vec<usize>)>,
    /// The least and the greatest total change that could explain the sum.
    wanted: SumRange,
    explains: &'a dyn Fn(i128) -> bool,
    /// The number of choices that may still be tried.
    budget: usize,
    /// The chosen groups, each with the number taken from it.
    chosen: Vec<(usize, usize)>,
    found: Option<Vec<usize>>,
    is_only: bool,
}

impl SubsetSearch<'_> {
    /// Chooses `count` more from this group and later ones; `false` if the budget ran out. It stops
    /// early as soon as two explanations are found.
    fn choose(&mut self, group: usize, change: i128, count: usize) -> bool {
        let Some(left) = self.budget.checked_sub(1) else { return false };
        self.budget = left;
        if count == 0 {
            if (self.explains)(change) {
                self.record();
            }
            return true;
        }
        let (Some((smallest, places)), Some((largest, _))) =
            (self.groups.get(group), self.groups.last())
        else {
            return true;
        };
        let (available, smallest) = (places.len(), *smallest);
        let times = count as i128;
        if change + times * smallest > self.wanted[1] || change + times * largest < self.wanted[0] {
            return true;
        }
        for taken in (0..=available.min(count)).rev() {
            if taken > 0 {
                self.chosen.push((group, taken));
            }
            let next = change + taken as i128 * smallest;
            let is_complete = self.choose(group + 1, next, count - taken);
            if taken > 0 {
                self.chosen.pop();
            }
            if !is_complete {
                return false;
            }
            if self.found.is_some() && !self.is_only {
                return true;
            }
        }
        true
    }

    fn record(&mut self) {
        let is_forced = |(group, taken): &(usize, usize)| self.groups[*group].1.len() == *taken;
        self.is_only = self.found.is_none() && self.chosen.iter().all(is_forced);
        if self.found.is_none() {
            let places = self.chosen.iter().flat_map(|(group, taken)| {
                let (_, places) = &self.groups[*group];
                places[..*taken].iter().copied()
            });
            let mut places: Vec<usize> = places.collect();
            places.sort_unstable();
            self.found = Some(places);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn the_fewest_changes_are_found_and_known_to_be_unique_or_not() {
        #[track_caller]
        fn check(changes: &[i128], sum: i128, expected: AddExplanation) {
            assert_eq!(smallest_explanation(changes, &[[100, 100]], sum), expected, "{changes:?}");
        }
        check(&[-1, -2, -4], 98, AddExplanation::Unique(vec![1]));
        check(&[-1, -2, -4], 95, AddExplanation::Unique(vec![0, 2]));
        check(&[-1, -2, -4], 93, AddExplanation::Unique(vec![0, 1, 2]));
        check(&[-1, -2, -4], 92, AddExplanation::None);
        check(&[-1, -2, -4, -2], 98, AddExplanation::Example(vec![1]));
        check(&[-2, -2], 96, AddExplanation::Unique(vec![0, 1]));
        check(&[-1, -4, -2, -3], 95, AddExplanation::Example(vec![0, 1]));
        check(&[0, 3, -3, 5], 105, AddExplanation::Unique(vec![3]));
        check(&[7, -5], 102, AddExplanation::Unique(vec![0, 1]));
        check(&[-1; 5], 95, AddExplanation::None);
        check(&[], 99, AddExplanation::None);
        check(&[1], i128::MIN, AddExplanation::None);
        check(&[-1], i128::MAX, AddExplanation::None);
    }

    #[test]
    fn indeterminate_adds_may_complete_an_explanation() {
        let fewest = |sum| smallest_explanation(&[-5, -50], &[[100, 100], [103, 103]], sum);
        assert_eq!(fewest(98), AddExplanation::Unique(vec![0]));
        assert_eq!(fewest(95), AddExplanation::Unique(vec![0]));
        assert_eq!(fewest(48), AddExplanation::Unique(vec![0, 1]));
        assert_eq!(fewest(49), AddExplanation::None);
    }

    #[test]
    fn a_search_that_exceeds_its_budget_is_unknown() {
        // Even numbers never make an odd one.
        let changes: Vec<i128> = (0..400).map(|number| 2 * (1 << 40) + 2 * number).collect();
        let sum = 100 + 4 * 2 * (1 << 40) + 801;
        assert_eq!(smallest_explanation(&changes, &[[100, 100]], sum), AddExplanation::Unknown);
    }

    #[test]
    fn the_smallest_explanation_is_that_of_trying_all_subsets() {
        let mut kinds = [0; 3];
        for seed in 0..400 {
            let mut random = Random::seeded(seed);
            let changes: Vec<i128> =
                (0..random.below(9)).map(|_| i128::from(random.below(19)) - 9).collect();
            let sum = i128::from(random.below(30)) - 15;
            let mut explaining: Vec<Vec<usize>> = (1..1_usize << changes.len())
                .map(|subset| (0..changes.len()).filter(|at| subset >> at & 1 == 1).collect())
                .filter(|places: &Vec<usize>| {
                    places.len() <= MAX_ADDS
                        && places.iter().all(|place| changes[*place] != 0)
                        && places.iter().map(|place| changes[*place]).sum::<i128>() == sum
                })
                .collect();
            let least = explaining.iter().map(Vec::len).min();
            explaining.retain(|places| Some(places.len()) == least);
            let kind = match (smallest_explanation(&changes, &[[0, 0]], sum), &explaining[..]) {
                (AddExplanation::Unique(places), [only]) => {
                    assert_eq!(places, *only);
                    0
                }
                (AddExplanation::Example(places), [_, _, ..]) => {
                    assert!(explaining.contains(&places));
                    1
                }
                (AddExplanation::None, []) => 2,
                (found, expected) => panic!("{changes:?} for {sum}: {found:?}, not {expected:?}"),
            };
            kinds[kind] += 1;
        }
        assert!(kinds.iter().all(|count| *count > 20), "{kinds:?}");
    }
}
