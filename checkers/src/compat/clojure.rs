//! Iteration order of Clojure's maps and sets.
//!
//! A map of up to eight entries keeps the order of insertion. A larger one, and any set, is a trie
//! over the bits of the hashes (Bagwell, *Ideal Hash Trees*, 2001): five bits per level, the lowest
//! first. Iteration follows the order of these bits. The hashes are Murmur3's.

use super::java::{hash_bits, hash_digits, hash_text, low};
use crate::edn::Value;

/// Maximum number of entries of a map that keeps the order of insertion.
const MAX_ARRAY_MAP: usize = 8;

/// The position of a value in the iteration order of a large map or a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TriePosition(u64);

impl TriePosition {
    /// The position of a value.
    pub(crate) fn of(value: &Value) -> TriePosition {
        let hash = u64::from(hash(value));
        TriePosition((0..7).fold(0, |place, level| place << 5 | hash >> (5 * level) & 31))
    }
}

/// Sorts the entries of a map from order of insertion into iteration order.
pub(crate) fn order_map<T>(entries: &mut [T], place: impl Fn(&T) -> TriePosition) {
    if entries.len() > MAX_ARRAY_MAP {
        order_set(entries, place);
    }
}

/// Sorts the elements of a set into iteration order.
pub(crate) fn order_set<T>(elements: &mut [T], place: impl Fn(&T) -> TriePosition) {
    elements.sort_by_cached_key(place);
}

/// Clojure's `hash`, for keys and values that JSON can express; symbols, tagged values and other
/// types give 0.
fn hash(value: &Value) -> u32 {
    match value {
        Value::Nil
        | Value::Symbol(_)
        | Value::Tagged(..)
        | Value::Ratio(_)
        | Value::Decimal(_)
        | Value::Opaque(_) => 0,
        Value::Bool(true) => 1231,
        Value::Bool(false) => 1237,
        Value::Int(number) => hash_words(number.cast_unsigned(), 8),
        Value::BigInt(digits) | Value::BigInteger(digits) => match digits.parse::<i64>() {
            Ok(number) => hash_words(number.cast_unsigned(), 8),
            Err(_) => hash_digits(digits),
        },
        Value::Char(character) => (*character).into(),
        Value::Float(number) if *number == 0.0 => 0,
        Value::Float(number) => hash_bits(number.to_bits()),
        Value::Str(text) => match hash_text(text) {
            0 => 0,
            hash => finish(mix(0, hash), 4),
        },
        Value::Keyword(name) => hash_name(name).wrapping_add(GOLDEN),
        Value::List(elements) | Value::Vector(elements) => {
            let ordered = |sum: u32, element| sum.wrapping_mul(31).wrapping_add(hash(element));
            hash_collection(elements.iter().fold(1, ordered), elements.len())
        }
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| {
                let pair = 31_u32.wrapping_add(hash(key)).wrapping_mul(31);
                hash_collection(pair.wrapping_add(hash(value)), 2)
            });
            hash_collection(entries.fold(0, u32::wrapping_add), map.len())
        }
        Value::Set(set) => {
            hash_collection(set.iter().map(hash).fold(0, u32::wrapping_add), set.len())
        }
    }
}

/// The constant that Clojure adds to the hash of a keyword's name.
const GOLDEN: u32 = 0x9e37_79b9;

fn hash_words(words: u64, bytes: u32) -> u32 {
    match words {
        0 => 0,
        _ => finish(mix(mix(0, low(words)), low(words >> 32)), bytes),
    }
}

/// The hash of a symbol without a namespace.
fn hash_name(name: &str) -> u32 {
    let units: Vec<u32> = name.encode_utf16().map(u32::from).collect();
    let (pairs, rest) = units.as_chunks::<2>();
    let mut hash = pairs.iter().fold(0, |hash, [first, second]| mix(hash, first | second << 16));
    for unit in rest {
        hash ^= scramble(*unit);
    }
    let hash = finish(hash, size(2 * units.len()));
    let shifted = (hash.cast_signed() >> 2).cast_unsigned();
    hash ^ GOLDEN.wrapping_add(hash << 6).wrapping_add(shifted)
}

fn hash_collection(sum: u32, len: usize) -> u32 {
    finish(mix(0, sum), size(len))
}

/// A length as a hash uses it.
fn size(len: usize) -> u32 {
    low(len as u64)
}

fn scramble(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

fn mix(hash: u32, word: u32) -> u32 {
    (hash ^ scramble(word)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
}

fn finish(hash: u32, len: u32) -> u32 {
    let mut hash = hash ^ len;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: u32) {
        assert_eq!(hash(&Value::read_edn(text).unwrap()), expected, "{text}");
    }

    /// Checks hashes that Clojure prints for `(hash …)`.
    #[test]
    fn hashes_are_those_of_clojure() {
        check("nil", 0);
        check("0", 0);
        check("1", 1_392_991_556);
        check("-1", 1_651_860_712);
        check("12N", 916_721_908);
        check("123456789012345678901234567890", 1_915_528_825);
        check("\\a", 97);
        check("\"\"", 0);
        check("\"a\"", 1_455_541_201);
        check(":a", (-2_123_407_586_i32).cast_unsigned());
        check("[]", (-2_017_569_654_i32).cast_unsigned());
        check("[1 2 3]", 736_442_005);
        check("{}", (-15_128_758_i32).cast_unsigned());
    }

    #[test]
    fn keys_come_in_the_order_that_clojure_users_know() {
        let mut numbers: Vec<Value> = (0..10).map(Value::Int).collect();
        order_map(&mut numbers, TriePosition::of);
        let shown: Vec<String> = numbers.iter().map(Value::to_string).collect();
        assert_eq!(shown.join(" "), "0 7 1 4 6 3 2 9 5 8");
    }

    #[test]
    fn only_a_large_map_leaves_the_order_of_insertion() {
        let mut keys: Vec<Value> =
            ["58", "88", "108", "9", "93", "83", "3", "51"].map(Value::from).into();
        keys.reverse();
        let inserted = keys.clone();
        order_map(&mut keys, TriePosition::of);
        assert_eq!(keys, inserted);
        keys.push("50".into());
        order_map(&mut keys, TriePosition::of);
        let walked = ["58", "88", "108", "9", "93", "83", "3", "51", "50"].map(Value::from);
        assert_eq!(keys, walked);
    }
}
