//! A body taken apart: its fields by name, their values still text.
//!
//! A line is gone through once, and then each value once more when somebody wants it. What nobody
//! wants costs nothing more.

use std::borrow::Cow;
use std::fmt;
use std::slice;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// How many fields a body has, as a rule. More wastes memory, less costs a second allocation.
const USUALLY: usize = 6;

/// The fields of a JSON object in their order; a key that comes twice is there twice.
#[derive(Debug)]
pub(crate) struct Fields<'a>(Vec<Field<'a>>);

type Field<'a> = (Key<'a>, &'a RawValue);

#[derive(Debug, serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::with_capacity(USUALLY);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl<'a> Fields<'a> {
    /// The fields one by one, as serde wants them.
    pub(crate) fn values<'f>(&'f self) -> Values<'f, 'a> {
        Values { fields: self.0.iter(), value: None }
    }
}

/// What is left of the fields.
pub(crate) struct Values<'f, 'a> {
    fields: slice::Iter<'f, Field<'a>>,
    value: Option<&'a RawValue>,
}

impl<'de> MapAccess<'de> for Values<'_, 'de> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Self::Error> {
        let Some((Key(key), value)) = self.fields.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(de::value::StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Self::Error> {
        let value = self.value.take().expect("serde asks for a value after its key");
        seed.deserialize(value)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}
