//! Conversion to JSON, for programs that do not read EDN. Keywords, symbols and keys become
//! strings, lists and sets become arrays, and tags are left out. Different EDN values may become
//! equal.

use std::fmt::{self, Display, Formatter};

use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use super::Value;

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn all<'a, S: Serializer>(
            elements: impl ExactSizeIterator<Item = &'a Value>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            let mut sequence = serializer.serialize_seq(Some(elements.len()))?;
            for element in elements {
                sequence.serialize_element(element)?;
            }
            sequence.end()
        }
        match self {
            Value::Nil => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::BigInt(number) | Value::BigInteger(number) | Value::Decimal(number) => {
                RawValue::from_string(number.to_string())
                    .map_err(S::Error::custom)?
                    .serialize(serializer)
            }
            // JSON has no NaN and no infinities.
            Value::Float(number) if !number.is_finite() => {
                serializer.serialize_str(&self.to_string())
            }
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Str(text) | Value::Symbol(text) => serializer.serialize_str(text),
            Value::Ratio(text) | Value::Opaque(text) => serializer.serialize_str(text),
            Value::Char(character) => serializer.serialize_char(*character),
            Value::Keyword(name) => serializer.serialize_str(name),
            Value::List(elements) | Value::Vector(elements) => all(elements.iter(), serializer),
            Value::Set(set) => all(set.iter(), serializer),
            Value::Map(map) => {
                let mut entries = serializer.serialize_map(Some(map.len()))?;
                for (key, value) in map.iter() {
                    entries.serialize_entry(&name(key), value)?;
                }
                entries.end()
            }
            Value::Tagged(_, value) => value.serialize(serializer),
        }
    }
}

impl Value {
    /// The value as JSON on one line, as nodes write it; sentences for people quote values so.
    pub(crate) fn json(&self) -> impl Display {
        AsJson(self)
    }
}

struct AsJson<'a>(&'a Value);

impl Display for AsJson<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

fn name(key: &Value) -> String {
    match key {
        Value::Str(text) | Value::Symbol(text) => text.clone(),
        Value::Keyword(name) => name.to_string(),
        Value::Char(character) => character.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(edn: &str, json: &str) {
        let value = Value::read_edn(edn).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap().replace('"', "'"), json);
    }

    #[test]
    fn values_without_a_json_equivalent_become_the_nearest_one() {
        check("{:a? true, :b (1 2), 0.5 [], nil nil}", "{'a?':true,'b':[1,2],'0.5':[],'nil':null}");
        check("#{:a}", "['a']");
        check("#jepsen.history.Op{:f :read, :value \"\\n\"}", "{'f':'read','value':'\\n'}");
        check("[123456789012345678901N 2.5]", "[123456789012345678901,2.5]");
        check("[0.50M 1E+3M 12N 1/3 {\\a \\b}]", "[0.50,1E+3,12,'1/3',{'a':'b'}]");
        check("[#object[Foo 0x6f] 10.0.0.1]", "['#object[Foo 0x6f]','10.0.0.1']");
        assert_eq!(
            Value::read_edn("{:a [\"b\" nil 7N]}").unwrap().json().to_string(),
            "{\"a\":[\"b\",null,7]}"
        );
        let nan = serde_json::to_string(&Value::Float(f64::NAN)).unwrap();
        assert_eq!(nan, format!("{:?}", Value::Float(f64::NAN).to_string()));
    }
}
