//! Iteration order of Bifurcan's sets of lists.
//!
//! Where two reads of a key contradict each other at the same length, this order decides which of
//! them Elle takes for the true one. The sets are tries that branch on five bits of a hash per
//! level, as Clojure's do. But the hashes are Java's, and a node's own elements come before those
//! of its children (Steindorfer and Vinju, *Optimizing Hash-Array Mapped Tries for Fast and Lean
//! Immutable JVM Collections*, OOPSLA 2015).

use std::collections::BTreeMap;

use super::java;
use crate::edn::Value;

/// Maximum depth of the trie: a hash of 32 bits has seven groups of up to five bits.
const MAX_LEVELS: usize = 7;

fn branch(hash: u32, level: usize) -> u32 {
    (hash >> (5 * level)) & 31
}

/// Sorts lists into a set's iteration order; `value` gives an element's value.
pub(crate) fn sort_lists<'v, E: Copy>(lists: &mut Vec<Vec<E>>, value: impl Fn(E) -> &'v Value) {
    let hashed = lists.drain(..).map(|list| {
        let hashes = list.iter().map(|element| java::hash(value(*element)));
        (perturbed(java::hash_list(hashes)), list)
    });
    // Groups that still have to be split, each with its level; the next one is at the end.
    let mut groups = vec![(0, hashed.collect::<Vec<_>>())];
    while let Some((level, group)) = groups.pop() {
        if level == MAX_LEVELS || group.len() == 1 {
            lists.extend(group.into_iter().map(|(_, list)| list));
            continue;
        }
        let mut branches: BTreeMap<u32, Vec<_>> = BTreeMap::new();
        for entry in group {
            branches.entry(branch(entry.0, level)).or_default().push(entry);
        }
        let (own, children): (Vec<_>, Vec<_>) =
            branches.into_values().partition(|branch| branch.len() == 1);
        lists.extend(own.into_iter().flatten().map(|(_, list)| list));
        groups.extend(children.into_iter().rev().map(|child| (level + 1, child)));
    }
}

/// Bifurcan's mixing of a hash, which it widens to 64 bits and narrows to 32 again.
fn perturbed(hash: u32) -> u32 {
    let hash = if hash.cast_signed() < 0 { !hash } else { hash };
    let hash = hash ^ (hash >> 20) ^ (hash >> 12);
    hash ^ (hash >> 7) ^ (hash >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_the_order_of_their_java_hashes() {
        #[track_caller]
        fn check(lists: &str, expected: &str) {
            let lists = Value::read_edn(lists).unwrap();
            let lists = lists.as_sequence().unwrap().iter();
            let mut lists: Vec<Vec<&Value>> =
                lists.map(|list| list.as_sequence().unwrap().iter().collect()).collect();
            sort_lists(&mut lists, |element| element);
            let shown: Vec<Value> = lists
                .into_iter()
                .map(|list| list.into_iter().cloned().collect())
                .map(Value::Vector)
                .collect();
            assert_eq!(Value::Vector(shown).to_string(), expected);
        }
        check("[]", "[]");
        check("[[2] [1]]", "[[1] [2]]");
        check("[[5 6] [1] [5]]", "[[1] [5] [5 6]]");
        check("[[1 3] [2 4]]", "[[2 4] [1 3]]");
    }
}
