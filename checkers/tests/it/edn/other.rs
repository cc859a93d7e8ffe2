//! The results of the other reader, converted to our values.

use clojure_reader::edn::{self, Edn};
use eddy_checkers::edn::{Map, Value};

/// The value that the other reader finds in a text; `None` unless there is exactly one.
pub(super) fn read_all(text: &str) -> Option<Value> {
    let (value, rest) = edn::read(text).ok()?;
    // If only blanks are left over, then a value that is appended is the next one.
    let behind = format!("{rest}\n:end");
    let (next, rest) = edn::read(&behind).ok()?;
    let is_over = from_other(&next) == Value::keyword("end") && rest.is_empty();
    is_over.then(|| from_other(&value))
}

/// True if the other reader interprets everything in a text as Clojure does.
///
/// It does not support metadata, quotes and octal numbers, and takes what is opaque here for an
/// error or a symbol.
pub(super) fn is_common(text: &str, ours: &Value) -> bool {
    !format!("{ours:?}").contains("Opaque(") && !has_unsupported(text)
}

/// True if a text has syntax that the other reader misinterprets, or accepts where Clojure does
/// not.
pub(super) fn has_unsupported(text: &str) -> bool {
    let is_octal = |token: &str| {
        let digits = token.trim_start_matches(['+', '-']);
        digits.starts_with('0') && digits[1..].starts_with(|c: char| c.is_ascii_digit())
    };

    text.contains(['^', '\'', '@'])
        || text.split([' ', ',', '\n', '\t', '(', ')', '[', ']', '{', '}', '"', ';']).any(is_octal)
}

/// Converts a value of the other reader.
pub(super) fn from_other(value: &Edn<'_>) -> Value {
    let all = |elements: &[Edn<'_>]| elements.iter().map(from_other).collect::<Vec<_>>();
    match value {
        Edn::Nil => Value::Nil,
        Edn::Bool(value) => Value::Bool(*value),
        Edn::Int(number) => Value::Int(*number),
        Edn::BigInt(number) => Value::read_edn(&format!("{number}N")).unwrap(),
        Edn::Rational((numerator, denominator)) => {
            Value::read_edn(&format!("{numerator}/{denominator}")).unwrap()
        }
        Edn::BigDec(number) => {
            Value::read_edn(&format!("{}M", number.to_scientific_notation())).unwrap()
        }
        Edn::Double(number) => Value::Float(number.0),
        Edn::Char(character) => Value::Char(*character),
        Edn::Str(text) => Value::Str(text.to_string()),
        Edn::Key(name) => Value::keyword(name.to_string()),
        Edn::Symbol(name) => Value::Symbol(name.to_string()),
        Edn::List(elements) => Value::List(all(elements)),
        Edn::Vector(elements) => Value::Vector(all(elements)),
        Edn::Set(elements) => Value::Set(elements.iter().map(from_other).collect()),
        Edn::Map(entries) => {
            map(entries.iter().map(|(key, value)| (from_other(key), from_other(value))))
        }
        Edn::Tagged(tag, value) => match (tag.strip_prefix(':'), from_other(value)) {
            (Some(namespace), Value::Map(entries)) => {
                map(entries.into_iter().map(|(key, value)| (qualified(namespace, key), value)))
            }
            (_, value) => Value::Tagged(tag.to_string(), Box::new(value)),
        },
        other => panic!("{other:?} is new"),
    }
}

fn map(entries: impl Iterator<Item = (Value, Value)>) -> Value {
    Value::Map(entries.collect::<Map>())
}

fn qualified(namespace: &str, key: Value) -> Value {
    match &key {
        Value::Keyword(name) if !name.contains('/') => {
            Value::keyword(format!("{namespace}/{name}"))
        }
        Value::Symbol(name) if !name.contains('/') => Value::Symbol(format!("{namespace}/{name}")),
        _ => key,
    }
}
