//! In which order upstream iterates over its hash maps and hash sets.
//!
//! Where two reads of a key contradict each other at the same length, that order decides which of
//! them is taken for the true one. So a verdict that should agree on a broken history needs it.
//! Keys are in a map of Clojure's, a trie that branches on five bits of a Murmur 3 hash at a time,
//! the lowest first. Lists are in a set of the library Bifurcan, a trie as well, but of Java's
//! hashes, in which a node's own elements come before those of its children (Steindorfer and
//! Vinju, *Optimizing Hash-Array Mapped Tries for Fast and Lean Immutable JVM Collections*, OOPSLA
//! 2015).

use std::collections::BTreeMap;

use crate::edn::Value;

/// What to sort keys by to get the order of a map: the hash's groups of bits, lowest first.
pub(super) fn position(value: &Value) -> [u32; LEVELS] {
    let hash = hash(value);
    std::array::from_fn(|level| branch(hash, level))
}

/// How many branchings a hash of 32 bits is good for.
const LEVELS: usize = 7;

fn branch(hash: u32, level: usize) -> u32 {
    (hash >> (5 * level)) & 31
}

/// Puts lists in the order of a set; `value` tells what an element is.
pub(super) fn sort_lists<'v, E: Copy>(lists: &mut Vec<Vec<E>>, value: impl Fn(E) -> &'v Value) {
    let hashed = lists.drain(..).map(|list| {
        let hashes = list.iter().map(|element| java_hash(value(*element)));
        (perturbed(java_ordered(hashes)), list)
    });
    // What is to be told apart at which level; the next is at the end.
    let mut open = vec![(0, hashed.collect::<Vec<_>>())];
    while let Some((level, group)) = open.pop() {
        if level == LEVELS || group.len() == 1 {
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
        open.extend(children.into_iter().rev().map(|child| (level + 1, child)));
    }
}

/// Java's hash, where upstream's values have one that does not depend on the machine.
fn java_hash(value: &Value) -> u32 {
    match value {
        Value::Bool(_) => hash(value),
        Value::Int(number) => fold(number.cast_unsigned()),
        Value::Float(number) => fold(number.to_bits()),
        Value::Str(text) => java_text(text),
        Value::List(elements) | Value::Vector(elements) => {
            java_ordered(elements.iter().map(java_hash))
        }
        Value::Map(map) => map
            .iter()
            .map(|(key, value)| java_hash(key) ^ java_hash(value))
            .fold(0, u32::wrapping_add),
        Value::Set(set) => set.iter().map(java_hash).fold(0, u32::wrapping_add),
        _ => 0,
    }
}

fn java_ordered(hashes: impl Iterator<Item = u32>) -> u32 {
    hashes.fold(1, |hash, element| hash.wrapping_mul(31).wrapping_add(element))
}

fn java_text(text: &str) -> u32 {
    let units = text.encode_utf16();
    units.fold(0, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

/// How Bifurcan spreads a hash, of which it first makes 64 bits and then 32 again.
fn perturbed(hash: u32) -> u32 {
    let hash = if hash.cast_signed() < 0 { !hash } else { hash };
    let hash = hash ^ (hash >> 20) ^ (hash >> 12);
    hash ^ (hash >> 7) ^ (hash >> 4)
}

/// The hash of a value. Those of keywords, symbols, records and integers beyond 64 bits are none
/// of Clojure's: no workload has them for keys.
fn hash(value: &Value) -> u32 {
    match value {
        Value::Nil | Value::Keyword(_) | Value::Symbol(_) | Value::BigInt(_) => 0,
        Value::Bool(true) => 1231,
        Value::Bool(false) => 1237,
        Value::Int(number) => hash_long(number.cast_unsigned()),
        Value::Float(number) if *number == 0.0 => 0,
        Value::Float(number) => fold(number.to_bits()),
        Value::Str(text) => hash_text(text),
        Value::List(elements) | Value::Vector(elements) => hash_ordered(elements.iter().map(hash)),
        Value::Map(map) => hash_unordered(
            map.iter().map(|(key, value)| hash_ordered([hash(key), hash(value)].into_iter())),
        ),
        Value::Set(set) => hash_unordered(set.iter().map(hash)),
        Value::Tagged(_, value) => hash(value),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
fn fold(bits: u64) -> u32 {
    (bits ^ (bits >> 32)) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
fn hash_long(bits: u64) -> u32 {
    if bits == 0 { 0 } else { finish(mix(mix(0, bits as u32), (bits >> 32) as u32), 8) }
}

fn hash_text(text: &str) -> u32 {
    let java = java_text(text);
    if java == 0 { 0 } else { finish(mix(0, java), 4) }
}

fn hash_ordered(hashes: impl Iterator<Item = u32>) -> u32 {
    let (hash, count) = hashes.fold((1_u32, 0), |(hash, count), element| {
        (hash.wrapping_mul(31).wrapping_add(element), count + 1)
    });
    finish(mix(0, hash), count)
}

fn hash_unordered(hashes: impl Iterator<Item = u32>) -> u32 {
    let (hash, count) =
        hashes.fold((0_u32, 0), |(hash, count), element| (hash.wrapping_add(element), count + 1));
    finish(mix(0, hash), count)
}

/// A step of Murmur 3.
fn mix(hash: u32, block: u32) -> u32 {
    let block = block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    (hash ^ block).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
}

/// The end of Murmur 3.
fn finish(hash: u32, len: u32) -> u32 {
    let hash = hash ^ len;
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hashed_as_clojure_hashes_them() {
        #[track_caller]
        fn check(text: &str, expected: i32) {
            let value = Value::read_edn(text).unwrap();
            assert_eq!(hash(&value).cast_signed(), expected, "{text}");
        }
        check("0", 0);
        check("1", 1_392_991_556);
        check("-1", 1_651_860_712);
        check("\"\"", 0);
        check("[]", -2_017_569_654);
        check("[1 2 3]", 736_442_005);
        check("{}", -15_128_758);
    }

    #[test]
    fn keys_come_in_the_order_that_clojure_users_know() {
        let mut numbers: Vec<Value> = (0..10).map(Value::Int).collect();
        numbers.sort_by_key(position);
        let shown: Vec<String> = numbers.iter().map(Value::to_string).collect();
        assert_eq!(shown.join(" "), "0 7 1 4 6 3 2 9 5 8");
    }

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
