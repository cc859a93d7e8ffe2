//! EDN values, the single data type of histories and results: everything that Clojure reads and
//! prints.
//!
//! Maelstrom records in EDN, and its users read, diff and post-process those files. So a value
//! keeps all distinctions of EDN (keyword and string, list and vector, the order in which a map was
//! written), and both directions are exact: a recorded file that is read and printed again gives
//! the same bytes. Text that Clojure prints but cannot read back, such as an object's address, has
//! no meaning here either and is kept verbatim.

mod decimal;
mod json;
mod map;
mod number;
mod order;
mod pretty;
mod print;
mod read;
mod serialize;
mod value_reader;

use std::borrow::Cow;

pub(crate) use self::value_reader::ValueReader;
pub use self::{
    json::JsonError,
    map::{Map, Set},
    read::ReadError,
};

/// Maximum nesting depth of values. Real results reach about twenty levels, so a smaller limit
/// could reject them; each level of a larger one costs stack whenever a value is read, compared or
/// printed.
pub const MAX_DEPTH: usize = 128;

/// An EDN value.
///
/// Equality is Clojure's: `1` and `1.0` differ, a list equals a vector of the same elements, and
/// maps and sets ignore order. The order is total, and is Clojure's `compare` wherever that is
/// defined.
#[derive(Debug, Clone)]
pub enum Value {
    /// `nil`
    Nil,
    /// `true` or `false`
    Bool(bool),
    /// An integer that fits in 64 bits.
    Int(i64),
    /// The decimal digits of an integer that is written with an `N`, with `-` if negative: any that
    /// exceeds `i64`, and a smaller one if it was written so.
    BigInt(Box<str>),
    /// The decimal digits of an integer that exceeds `i64` and is written without an `N`, as those
    /// of Java are.
    BigInteger(Box<str>),
    /// A ratio in lowest terms, such as `1/3`.
    Ratio(Box<str>),
    /// A decimal as Java's `BigDecimal` prints it, without the `M` behind it.
    Decimal(Box<str>),
    /// A double.
    Float(f64),
    /// A character.
    Char(char),
    /// A string.
    Str(String),
    /// A keyword, without its colon.
    Keyword(Cow<'static, str>),
    /// A symbol.
    Symbol(String),
    /// `(1 2 3)`
    List(Vec<Value>),
    /// `[1 2 3]`
    Vector(Vec<Value>),
    /// `{:a 1, :b 2}`
    Map(Map),
    /// `#{1 2}`
    Set(Set),
    /// `#tag value`: records are tagged maps.
    Tagged(String, Box<Value>),
    /// Text without further meaning, such as `#object[Foo 0x6f "…"]` or `10.0.0.1`.
    Opaque(Box<str>),
}

impl Value {
    /// The keyword of this name, which is given without a colon.
    pub fn keyword(name: impl Into<Cow<'static, str>>) -> Value {
        Value::Keyword(name.into())
    }

    /// A number that upstream computes in 32 bits, as the double that prints like `number`:
    /// `2.0384614`, not `2.0384614467620850`.
    pub fn float32(number: f32) -> Value {
        Value::Float(number.to_string().parse().unwrap_or(f64::from(number)))
    }

    /// The value of a map (or a record) under the keyword `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(map) => map.keyword(key),
            Value::Tagged(_, value) => value.get(key),
            _ => None,
        }
    }

    /// The value of nested maps under a path of keywords, such as `["net", "servers",
    /// "msgs-per-op"]`.
    pub fn get_in(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The elements, if this is a list or a vector.
    pub fn as_sequence(&self) -> Option<&[Value]> {
        match self {
            Value::List(elements) | Value::Vector(elements) => Some(elements),
            _ => None,
        }
    }

    /// The elements of a list, a vector or a set.
    pub fn elements(&self) -> Option<Vec<&Value>> {
        match self {
            Value::Set(set) => Some(set.iter().collect()),
            _ => self.as_sequence().map(|elements| elements.iter().collect()),
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is an integer that fits in 64 bits.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            Value::BigInt(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// An integer of any size from its decimal digits; `None` if `digits` is anything else.
    fn integer(digits: &str) -> Option<Value> {
        if let Ok(number) = digits.parse() {
            return Some(Value::Int(number));
        }
        let digits = digits.strip_prefix('+').unwrap_or(digits);
        let magnitude = digits.strip_prefix('-').unwrap_or(digits);
        let all_digits = magnitude.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits || magnitude.is_empty() {
            return None;
        }
        let sign = &digits[..digits.len() - magnitude.len()];
        let canonical = format!("{sign}{}", magnitude.trim_start_matches('0'));
        Some(Value::BigInteger(canonical.into()))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Value {
        Value::Int(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        match i64::try_from(number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::BigInt(number.to_string().into()),
        }
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::from(number as u64)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(elements: Vec<Value>) -> Value {
        Value::Vector(elements)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Value {
        Value::Map(map)
    }
}

impl From<Set> for Value {
    fn from(set: Set) -> Value {
        Value::Set(set)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Nil, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_through_maps_and_records() {
        let results = Value::read_edn("{:net #net.Stats{:servers {:msgs-per-op 0.5}}}").unwrap();
        assert_eq!(results.get_in(&["net", "servers", "msgs-per-op"]), Some(&0.5.into()));
        assert_eq!(results.get_in(&["net", "clients", "msgs-per-op"]), None);
    }

    #[test]
    fn equal_integers_are_equal_however_they_are_written() {
        let digits = "123456789012345678901234567890";
        assert_eq!(Value::integer(&format!("00{digits}")), Value::integer(digits));
        assert_eq!(Value::integer("007"), Some(Value::Int(7)));
        assert_eq!(Value::from(u64::MAX), Value::integer("18446744073709551615").unwrap());
    }
}
