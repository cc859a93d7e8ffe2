//! When two values are equal, and which comes first.
//!
//! The order is Clojure's `compare` where that is defined (numbers by size across their types,
//! shorter sequences before longer ones) and goes on by kind of value where upstream would throw,
//! so that a node that answers with odd values cannot bring a checker down.

use std::{
    cmp::Ordering,
    hash::{Hash, Hasher},
};

use super::{Map, Set, Value};

impl Value {
    /// The place of this kind of value among the others; equal values have equal ranks.
    fn rank(&self) -> u8 {
        match self {
            Value::Nil => 0,
            Value::Bool(_) => 1,
            Value::Int(_) | Value::BigInt(_) | Value::Float(_) => 2,
            Value::Str(_) => 3,
            Value::Keyword(_) => KEYWORD_RANK,
            Value::Symbol(_) => 5,
            Value::List(_) | Value::Vector(_) => 6,
            Value::Map(_) => 7,
            Value::Set(_) => 8,
            Value::Tagged(..) => 9,
        }
    }

    /// The number as a double, rounded: monotonic, so it may decide a comparison unless it is a
    /// tie.
    fn rounded(&self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "ties are decided exactly")]
            Value::Int(number) => *number as f64,
            Value::BigInt(digits) => digits.parse().unwrap_or(f64::NAN),
            Value::Float(number) => *number,
            _ => f64::NAN,
        }
    }
}

const KEYWORD_RANK: u8 = 4;

impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Str(a), Value::Str(b)) | (Value::Symbol(a), Value::Symbol(b)) => a.cmp(b),
            (Value::Keyword(a), Value::Keyword(b)) => a.cmp(b),
            (Value::List(a) | Value::Vector(a), Value::List(b) | Value::Vector(b)) => {
                a.len().cmp(&b.len()).then_with(|| a.cmp(b))
            }
            (Value::Map(a), Value::Map(b)) => a.cmp(b),
            (Value::Set(a), Value::Set(b)) => a.cmp(b),
            (Value::Tagged(a, x), Value::Tagged(b, y)) => a.cmp(b).then_with(|| x.cmp(y)),
            (a, b) if a.rank() == 2 && b.rank() == 2 => compare_numbers(a, b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

fn compare_numbers(a: &Value, b: &Value) -> Ordering {
    a.rounded().total_cmp(&b.rounded()).then_with(|| match (a, b) {
        (Value::Float(_), Value::Float(_)) => Ordering::Equal,
        (_, Value::Float(_)) => Ordering::Less,
        (Value::Float(_), _) => Ordering::Greater,
        (a, b) => compare_integers(a, b),
    })
}

/// Compares exactly what rounds to the same double, and so has the same sign.
fn compare_integers(a: &Value, b: &Value) -> Ordering {
    let (a, b) = (a.to_string(), b.to_string());
    let magnitudes = a.len().cmp(&b.len()).then_with(|| a.cmp(&b));
    if a.starts_with('-') { magnitudes.reverse() } else { magnitudes }
}

impl Ord for Map {
    fn cmp(&self, other: &Map) -> Ordering {
        self.len().cmp(&other.len()).then_with(|| self.sorted().cmp(&other.sorted()))
    }
}

impl Map {
    fn sorted(&self) -> Vec<(&Value, &Value)> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_unstable();
        entries
    }
}

impl Ord for Set {
    fn cmp(&self, other: &Set) -> Ordering {
        self.len().cmp(&other.len()).then_with(|| self.sorted().cmp(&other.sorted()))
    }
}

impl Set {
    fn sorted(&self) -> Vec<&Value> {
        let mut elements: Vec<_> = self.iter().collect();
        elements.sort_unstable();
        elements
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.rank());
        match self {
            Value::Nil => {}
            Value::Bool(value) => value.hash(state),
            Value::Int(number) => number.hash(state),
            Value::Float(number) => number.to_bits().hash(state),
            Value::BigInt(text) => text.hash(state),
            Value::Str(text) | Value::Symbol(text) => text.hash(state),
            Value::Keyword(name) => name.hash(state),
            Value::List(elements) | Value::Vector(elements) => elements.hash(state),
            Value::Map(map) => map.sorted().hash(state),
            Value::Set(set) => set.sorted().hash(state),
            Value::Tagged(tag, value) => (tag, value).hash(state),
        }
    }
}

/// Hashes a name as the keyword of that name is hashed.
pub(super) fn hash_keyword<H: Hasher>(name: &str, state: &mut H) {
    state.write_u8(KEYWORD_RANK);
    name.hash(state);
}

macro_rules! equality_from_order {
    ($($type:ty),*) => {$(
        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &$type) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &$type) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Eq for $type {}
    )*};
}

equality_from_order!(Value, Map, Set);

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use rustc_hash::FxBuildHasher;

    use super::*;

    fn value(text: &str) -> Value {
        Value::read_edn(text).unwrap()
    }

    #[track_caller]
    fn check(smaller: &str, larger: &str) {
        let (a, b) = (value(smaller), value(larger));
        assert_eq!(a.cmp(&b), Ordering::Less, "{a} before {b}");
        assert_eq!(b.cmp(&a), Ordering::Greater, "{b} after {a}");
        assert_ne!(a, b);
    }

    #[test]
    fn values_are_ordered_as_clojure_compares_them() {
        check("nil", "false");
        check("1", "2");
        check("1", "1.5");
        check("1", "1.0");
        check("9223372036854775807", "9223372036854775808");
        check("-9223372036854775809", "-9223372036854775808");
        check("100000000000000000000000000001", "100000000000000000000000000002");
        check("-100000000000000000000000000002", "-100000000000000000000000000001");
        check("[9]", "[1 2]");
        check("[1 2]", "(1 3)");
        check("\"n0-1\"", "\"n2-999\"");
        check("12", "\"1\"");
        check("{:a 1, :b 1}", "{:b 2, :a 1}");
    }

    #[test]
    fn maps_and_sets_disregard_order_and_lists_equal_vectors() {
        for (a, b) in [
            ("{:a 1, :b 2}", "{:b 2, :a 1}"),
            ("#{1 2 3}", "#{3 1 2}"),
            ("(1 2)", "[1 2]"),
            ("{[1] #{1 2}}", "{(1) #{2 1}}"),
        ] {
            let hash = |text| FxBuildHasher.hash_one(value(text));
            assert_eq!(value(a), value(b));
            assert_eq!(hash(a), hash(b), "{a} and {b}");
        }
    }
}
