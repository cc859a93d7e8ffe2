//! The fewest adds that explain a wrong sum, if each of them was left out, or counted twice.
//!
//! That is a subset sum, which is hard where numbers are large and many are needed. Those of
//! clients are small, and an explanation by many adds explains nothing, for others do as well. So
//! adds are grouped by what they would change, choices from one group are alike, and the search
//! goes through the choices of one add, of two, and so on, up to a bound on their number and on its
//! work.

use std::collections::BTreeMap;

use super::acceptable::{Range, contains};

/// How many adds may be wrong. More can nearly always be chosen in many ways.
pub(crate) const MOST_ADDS: usize = 4;

/// How many choices are looked at for one sum. Choices of four among the eleven changes that
/// clients' deltas make are a thousand; more than this take a moment, for foreign histories.
const MOST_CHOICES: usize = 200_000;

/// What the search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fewest {
    /// These explain it, and no others that are not more.
    Only(Vec<usize>),
    /// These explain it, and perhaps others that are as many.
    Example(Vec<usize>),
    /// No choice of up to [`MOST_ADDS`] explains it.
    None,
    /// There were too many choices.
    Unknown,
}

/// The fewest of these changes, by their places, that make `sum` of an acceptable one.
pub(super) fn fewest(changes: &[i128], acceptable: &[Range], sum: i128) -> Fewest {
    let mut groups: BTreeMap<i128, Vec<usize>> = BTreeMap::new();
    for (place, change) in changes.iter().enumerate().filter(|(_, change)| **change != 0) {
        groups.entry(*change).or_default().push(place);
    }
    let (Some([least, _]), Some([_, greatest])) = (acceptable.first(), acceptable.last()) else {
        return Fewest::None;
    };
    let mut search = Search {
        groups: groups.into_iter().collect(),
        wanted: [sum.saturating_sub(*greatest), sum.saturating_sub(*least)],
        explains: &|change: i128| {
            sum.checked_sub(change).is_some_and(|sum| contains(acceptable, sum))
        },
        left: MOST_CHOICES,
        chosen: Vec::new(),
        found: None,
        is_only: true,
    };
    for count in 1..=MOST_ADDS {
        let is_complete = search.choose(0, 0, count);
        match search.found.take() {
            Some(places) if is_complete && search.is_only => return Fewest::Only(places),
            Some(places) => return Fewest::Example(places),
            None if is_complete => {}
            None => return Fewest::Unknown,
        }
    }
    Fewest::None
}

struct Search<'a> {
    /// The places of each change, by the change, ascending.
    groups: Vec<(i128, Vec<usize>)>,
    /// The least and the greatest change that could explain the sum.
    wanted: Range,
    explains: &'a dyn Fn(i128) -> bool,
    /// How many more choices may be looked at.
    left: usize,
    /// How many of which group are chosen so far.
    chosen: Vec<(usize, usize)>,
    found: Option<Vec<usize>>,
    is_only: bool,
}

impl Search<'_> {
    /// Chooses so many more from this group and later ones; `false` if it came to no end. It comes
    /// to one as soon as two choices have been found.
    fn choose(&mut self, group: usize, change: i128, count: usize) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        if count == 0 {
            if (self.explains)(change) {
                self.note();
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

    fn note(&mut self) {
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
    fn the_fewest_changes_are_found_and_whether_others_would_do() {
        #[track_caller]
        fn check(changes: &[i128], sum: i128, expected: Fewest) {
            assert_eq!(fewest(changes, &[[100, 100]], sum), expected, "{changes:?}");
        }
        check(&[-1, -2, -4], 98, Fewest::Only(vec![1]));
        check(&[-1, -2, -4], 95, Fewest::Only(vec![0, 2]));
        check(&[-1, -2, -4], 93, Fewest::Only(vec![0, 1, 2]));
        check(&[-1, -2, -4], 92, Fewest::None);
        check(&[-1, -2, -4, -2], 98, Fewest::Example(vec![1]));
        check(&[-2, -2], 96, Fewest::Only(vec![0, 1]));
        check(&[-1, -4, -2, -3], 95, Fewest::Example(vec![0, 1]));
        check(&[0, 3, -3, 5], 105, Fewest::Only(vec![3]));
        check(&[7, -5], 102, Fewest::Only(vec![0, 1]));
        check(&[-1; 5], 95, Fewest::None);
        check(&[], 99, Fewest::None);
        check(&[1], i128::MIN, Fewest::None);
        check(&[-1], i128::MAX, Fewest::None);
    }

    #[test]
    fn adds_in_doubt_may_do_the_rest() {
        let fewest = |sum| fewest(&[-5, -50], &[[100, 100], [103, 103]], sum);
        assert_eq!(fewest(98), Fewest::Only(vec![0]));
        assert_eq!(fewest(95), Fewest::Only(vec![0]));
        assert_eq!(fewest(48), Fewest::Only(vec![0, 1]));
        assert_eq!(fewest(49), Fewest::None);
    }

    #[test]
    fn a_search_that_is_too_long_is_given_up() {
        // Even numbers never make an odd one.
        let changes: Vec<i128> = (0..400).map(|number| 2 * (1 << 40) + 2 * number).collect();
        let sum = 100 + 4 * 2 * (1 << 40) + 801;
        assert_eq!(fewest(&changes, &[[100, 100]], sum), Fewest::Unknown);
    }

    #[test]
    fn whatever_was_added_the_fewest_are_those_of_all_subsets() {
        let mut kinds = [0; 3];
        for seed in 0..400 {
            let mut random = Random::seeded(seed);
            let changes: Vec<i128> =
                (0..random.below(9)).map(|_| i128::from(random.below(19)) - 9).collect();
            let sum = i128::from(random.below(30)) - 15;
            let mut explaining: Vec<Vec<usize>> = (1..1_usize << changes.len())
                .map(|subset| (0..changes.len()).filter(|at| subset >> at & 1 == 1).collect())
                .filter(|places: &Vec<usize>| {
                    places.len() <= MOST_ADDS
                        && places.iter().all(|place| changes[*place] != 0)
                        && places.iter().map(|place| changes[*place]).sum::<i128>() == sum
                })
                .collect();
            let least = explaining.iter().map(Vec::len).min();
            explaining.retain(|places| Some(places.len()) == least);
            let kind = match (fewest(&changes, &[[0, 0]], sum), &explaining[..]) {
                (Fewest::Only(places), [only]) => {
                    assert_eq!(places, *only);
                    0
                }
                (Fewest::Example(places), [_, _, ..]) => {
                    assert!(explaining.contains(&places));
                    1
                }
                (Fewest::None, []) => 2,
                (found, expected) => panic!("{changes:?} for {sum}: {found:?}, not {expected:?}"),
            };
            kinds[kind] += 1;
        }
        assert!(kinds.iter().all(|count| *count > 20), "{kinds:?}");
    }
}
