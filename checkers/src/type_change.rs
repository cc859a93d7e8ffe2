//! Values that return with another type: 0 as `"0"`, as `0.0`, as `[0]` or as `{"message": 0}`.
//!
//! To a checker, the original value is lost and the new one is unexpected. To the author of the
//! node they look like the same value, and the difference is hard to see in a list of both.

use crate::edn::Value;

/// A change of type, named after the new type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TypeChange {
    /// `"0"`
    Text,
    /// `0.0`
    Float,
    /// `0`, which was a string.
    Number,
    /// `[0]`, or `[0, 0]`.
    Array,
    /// `{"message": 0}`
    Object,
}

impl TypeChange {
    /// The values that `found` may have been before, each with its type change.
    pub(crate) fn originals(found: &Value) -> Vec<(TypeChange, Value)> {
        let mut originals = Vec::new();
        match found {
            Value::Str(text) => {
                let json = serde_json::from_str(text).ok();
                let inner = json.and_then(|json: Box<_>| Value::from_json(&json).ok());
                originals.extend(inner.map(|inner| (TypeChange::Text, inner)));
            }
            Value::Float(number) => {
                let whole = Value::read_edn(&format!("{number:.0}")).ok();
                let whole = whole.filter(|_| number.fract() == 0.0);
                originals.extend(whole.map(|whole| (TypeChange::Float, whole)));
            }
            Value::Int(_) | Value::BigInt(_) | Value::BigInteger(_) => {
                let text = found.json().to_string();
                originals.push((TypeChange::Number, Value::Str(text)));
            }
            Value::List(elements) | Value::Vector(elements) => {
                let first = elements.first();
                let first = first.filter(|first| elements.iter().all(|other| other == *first));
                originals.extend(first.map(|first| (TypeChange::Array, first.clone())));
            }
            Value::Map(map) if map.len() == 1 => {
                originals.extend(map.iter().map(|(_, inner)| (TypeChange::Object, inner.clone())));
            }
            _ => {}
        }
        originals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_recognized_with_another_type() {
        #[track_caller]
        fn check(found: &str, expected: &[(TypeChange, &str)]) {
            let read = |edn: &str| Value::read_edn(edn).unwrap();
            let expected: Vec<_> = expected.iter().map(|(how, edn)| (*how, read(edn))).collect();
            assert_eq!(TypeChange::originals(&read(found)), expected, "{found}");
        }
        check("\"0\"", &[(TypeChange::Text, "0")]);
        check("\"123456789012345678901\"", &[(TypeChange::Text, "123456789012345678901N")]);
        check("\"zero\"", &[]);
        check("7.0", &[(TypeChange::Float, "7")]);
        check("7.5", &[]);
        check("7", &[(TypeChange::Number, "\"7\"")]);
        let large = "123456789012345678901";
        check(large, &[(TypeChange::Number, "\"123456789012345678901\"")]);
        check("[3]", &[(TypeChange::Array, "3")]);
        check("[3 3]", &[(TypeChange::Array, "3")]);
        check("[3 4]", &[]);
        check("[]", &[]);
        check("{\"message\" 3}", &[(TypeChange::Object, "3")]);
        check("{\"a\" 3, \"b\" 3}", &[]);
        check("nil", &[]);
    }
}
