//! Values that come back as something else: 0 as `"0"`, as `0.0`, as `[0]` or as `{"message": 0}`.
//!
//! To a checker such a value is lost, and another one came from nowhere. To whoever wrote the node
//! it is the same value, and hard to see in a list of both.

use crate::edn::Value;

/// The form in which a value comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Disguise {
    /// `"0"`
    Text,
    /// `0.0`
    Fraction,
    /// `0`, which was a string.
    Number,
    /// `[0]`, or `[0, 0]`.
    Array,
    /// `{"message": 0}`
    Object,
}

impl Disguise {
    /// The values that another one may stand for, each with its form.
    pub(crate) fn origins(found: &Value) -> Vec<(Disguise, Value)> {
        let mut origins = Vec::new();
        match found {
            Value::Str(text) => {
                let json = serde_json::from_str(text).ok();
                let inner = json.and_then(|json: Box<_>| Value::from_json(&json).ok());
                origins.extend(inner.map(|inner| (Disguise::Text, inner)));
            }
            Value::Float(number) => {
                let whole = Value::read_edn(&format!("{number:.0}")).ok();
                let whole = whole.filter(|_| number.fract() == 0.0);
                origins.extend(whole.map(|whole| (Disguise::Fraction, whole)));
            }
            Value::Int(_) | Value::BigInt(_) | Value::BigInteger(_) => {
                let text = found.json().to_string();
                origins.push((Disguise::Number, Value::Str(text)));
            }
            Value::List(elements) | Value::Vector(elements) => {
                let first = elements.first();
                let first = first.filter(|first| elements.iter().all(|other| other == *first));
                origins.extend(first.map(|first| (Disguise::Array, first.clone())));
            }
            Value::Map(map) if map.len() == 1 => {
                origins.extend(map.iter().map(|(_, inner)| (Disguise::Object, inner.clone())));
            }
            _ => {}
        }
        origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_again_in_disguise() {
        #[track_caller]
        fn check(found: &str, expected: &[(Disguise, &str)]) {
            let read = |edn: &str| Value::read_edn(edn).unwrap();
            let expected: Vec<_> = expected.iter().map(|(how, edn)| (*how, read(edn))).collect();
            assert_eq!(Disguise::origins(&read(found)), expected, "{found}");
        }
        check("\"0\"", &[(Disguise::Text, "0")]);
        check("\"123456789012345678901\"", &[(Disguise::Text, "123456789012345678901N")]);
        check("\"zero\"", &[]);
        check("7.0", &[(Disguise::Fraction, "7")]);
        check("7.5", &[]);
        check("7", &[(Disguise::Number, "\"7\"")]);
        let large = "123456789012345678901";
        check(large, &[(Disguise::Number, "\"123456789012345678901\"")]);
        check("[3]", &[(Disguise::Array, "3")]);
        check("[3 3]", &[(Disguise::Array, "3")]);
        check("[3 4]", &[]);
        check("[]", &[]);
        check("{\"message\" 3}", &[(Disguise::Object, "3")]);
        check("{\"a\" 3, \"b\" 3}", &[]);
        check("nil", &[]);
    }
}
