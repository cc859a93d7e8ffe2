//! Equality and order of values.
//!
//! The order is Clojure's `compare` where that is defined: numbers by size across their types,
//! strings by their UTF-16, shorter sequences before longer ones. Where upstream would throw, the
//! order is by type of value, so that a node's odd values cannot crash a checker. Numbers of
//! different types are never equal; if they have the same size, they are ordered by type.

use std::{
    cmp::Ordering,
    hash::{Hash, Hasher},
};

use indexmap::Equivalent;

use super::{Map, Set, Value, decimal::Scientific};

impl Value {
    /// The rank of this type among the others; equal values have equal ranks.
    fn rank(&self) -> u8 {
        match self {
            Value::Nil => 0,
            Value::Bool(_) => 1,
            Value::Int(_)
            | Value::BigInt(_)
            | Value::BigInteger(_)
            | Value::Ratio(_)
            | Value::Decimal(_)
            | Value::Float(_) => 2,
            Value::Str(_) => 3,
            Value::Keyword(_) => KEYWORD_RANK,
            Value::Symbol(_) => 5,
            Value::List(_) | Value::Vector(_) => 6,
            Value::Map(_) => 7,
            Value::Set(_) => 8,
            Value::Tagged(..) => 9,
            Value::Char(_) => 10,
            Value::Opaque(_) => 11,
        }
    }

    /// The number rounded to a double. Rounding is monotonic, so different results decide a
    /// comparison.
    fn rounded(&self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "ties are decided exactly")]
            Value::Int(number) => *number as f64,
            Value::BigInt(text) | Value::BigInteger(text) | Value::Decimal(text) => {
                text.parse().unwrap_or(f64::NAN)
            }
            Value::Ratio(text) => {
                let part = |text: &str| text.parse().unwrap_or(f64::NAN);
                text.split_once('/').map_or(f64::NAN, |(n, d)| part(n) / part(d))
            }
            // The two zeros are equal.
            Value::Float(number) => *number + 0.0,
            _ => f64::NAN,
        }
    }

    /// The rank of a type of number among numbers of the same size; Clojure calls it a category.
    fn category(&self) -> u8 {
        match self {
            Value::Decimal(_) => 1,
            Value::Ratio(_) => 2,
            Value::Float(_) => 3,
            _ => 0,
        }
    }

    /// The exact value of an integer or a decimal.
    fn exact(&self) -> Option<Scientific> {
        match self {
            Value::Int(number) => Some(Scientific::of(&number.to_string())),
            Value::BigInt(text) | Value::BigInteger(text) | Value::Decimal(text) => {
                Some(Scientific::of(text))
            }
            _ => None,
        }
    }
}

const KEYWORD_RANK: u8 = 4;

impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Str(a), Value::Str(b)) => compare_texts(a, b),
            (Value::Keyword(a), Value::Keyword(b)) if a == b => Ordering::Equal,
            (Value::Keyword(a), Value::Keyword(b)) => self.compare_names(a, other, b),
            (Value::Symbol(a), Value::Symbol(b)) => self.compare_names(a, other, b),
            (Value::Char(a), Value::Char(b)) => a.cmp(b),
            (Value::Opaque(a), Value::Opaque(b)) => a.cmp(b),
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

impl Value {
    /// Compares two keywords or symbols: those without a namespace come first.
    fn compare_names(&self, name: &str, other: &Value, other_name: &str) -> Ordering {
        match (namespace_and_name(self), namespace_and_name(other)) {
            (Some((a, x)), Some((b, y))) => compare_texts(a, b).then_with(|| compare_texts(x, y)),
            (a, b) => a.is_some().cmp(&b.is_some()).then_with(|| compare_texts(name, other_name)),
        }
    }
}

/// Compares texts as Java does, by their UTF-16.
///
/// That is the order of their UTF-8 with one exception: characters of two UTF-16 units come before
/// U+E000.
fn compare_texts(a: &str, b: &str) -> Ordering {
    let differing = a.bytes().zip(b.bytes()).find(|(a, b)| a != b);
    match differing {
        Some((0xf0.., 0xee | 0xef)) => Ordering::Less,
        Some((0xee | 0xef, 0xf0..)) => Ordering::Greater,
        Some((a, b)) => a.cmp(&b),
        None => a.len().cmp(&b.len()),
    }
}

fn compare_numbers(a: &Value, b: &Value) -> Ordering {
    a.rounded().total_cmp(&b.rounded()).then_with(|| match (a, b) {
        (Value::Ratio(a), Value::Ratio(b)) => compare_ratios(a, b),
        (a, b) => match (a.exact(), b.exact()) {
            (Some(x), Some(y)) => x.cmp(&y).then_with(|| a.category().cmp(&b.category())),
            _ => a.category().cmp(&b.category()),
        },
    })
}

/// Compares ratios that round to the same double, by size if their parts fit in 64 bits.
fn compare_ratios(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| {
        let (numerator, denominator) = text.split_once('/')?;
        let fits = |part: &str| part.parse::<i64>().ok().map(i128::from);
        Some((fits(numerator)?, fits(denominator)?))
    };
    match (parts(a), parts(b)) {
        (Some((numerator, denominator)), Some((other_numerator, other_denominator))) => {
            (numerator * other_denominator).cmp(&(other_numerator * denominator))
        }
        (this, other) => other.is_some().cmp(&this.is_some()).then_with(|| a.cmp(b)),
    }
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
            Value::Float(_) => self.rounded().to_bits().hash(state),
            Value::BigInt(text) | Value::BigInteger(text) => match text.parse::<i64>() {
                Ok(number) => number.hash(state),
                Err(_) => text.hash(state),
            },
            Value::Decimal(text) => Scientific::of(text).hash(state),
            Value::Ratio(text) | Value::Opaque(text) => text.hash(state),
            Value::Char(character) => character.hash(state),
            Value::Str(text) | Value::Symbol(text) => text.hash(state),
            Value::Keyword(name) => name.hash(state),
            Value::List(elements) | Value::Vector(elements) => elements.hash(state),
            Value::Map(map) => map.sorted().hash(state),
            Value::Set(set) => set.sorted().hash(state),
            Value::Tagged(tag, value) => (tag, value).hash(state),
        }
    }
}

/// A borrowed keyword, for lookups.
pub(super) struct Keyword<'a>(pub(super) &'a str);

impl Hash for Keyword<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(KEYWORD_RANK);
        self.0.hash(state);
    }
}

impl Equivalent<Value> for Keyword<'_> {
    fn equivalent(&self, key: &Value) -> bool {
        matches!(key, Value::Keyword(name) if name == self.0)
    }
}

/// The namespace and the name of a keyword or a symbol, if it has a namespace.
pub(super) fn namespace_and_name(key: &Value) -> Option<(&str, &str)> {
    let name = match key {
        Value::Keyword(name) => &**name,
        Value::Symbol(name) => name,
        _ => return None,
    };
    name.split_once('/').filter(|(namespace, name)| !namespace.is_empty() && !name.contains('/'))
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
        check("0.3M", "1/3");
        check("1/3", "0.34");
        check("0.5M", "1/2");
        check("1/2", "0.5");
        check("9007199254740992.5M", "9007199254740993");
        check("1", "1M");
        check("1/3", "1/2");
        check("3002399751580331/9007199254740993", "3002399751580332/9007199254740993");
        check("-1/2", "-1/3");
        check("1E+1000M", "1E+1001M");
        check("\\a", "\\b");
        check(":b", ":a/a");
        check(":a/b", ":b/a");
        check("\"\u{1f600}\"", "\"\u{e000}\"");
        check("[9]", "[1 2]");
        check("[1 2]", "(1 3)");
        check("\"n0-1\"", "\"n2-999\"");
        check("12", "\"1\"");
        check("{:a 1, :b 1}", "{:b 2, :a 1}");
    }

    #[test]
    fn maps_and_sets_ignore_order_and_lists_equal_vectors() {
        for (a, b) in [
            ("{:a 1, :b 2}", "{:b 2, :a 1}"),
            ("#{1 2 3}", "#{3 1 2}"),
            ("(1 2)", "[1 2]"),
            ("{[1] #{1 2}}", "{(1) #{2 1}}"),
            ("#:a{:b 1}", "{:a/b 1}"),
            ("1", "1N"),
            ("123456789012345678901", "123456789012345678901N"),
            ("1.0M", "1.00M"),
            ("0.0", "-0.0"),
            ("2/4", "1/2"),
            ("##NaN", "##NaN"),
        ] {
            let hash = |text| FxBuildHasher.hash_one(value(text));
            assert_eq!(value(a), value(b));
            assert_eq!(hash(a), hash(b), "{a} and {b}");
        }
    }
}
