//! A body is an enum tagged by `type`: how plain enums become bodies, and bodies plain enums.
//!
//! serde's own `#[serde(tag = "type")]` would do for small bodies. But it copies the whole body
//! into a buffer first, which loses [`RawValue`](serde_json::value::RawValue) fields and big
//! numbers, and it reports an unknown tag in words only. Here the type is known before the body is
//! read. So it is offered to the enum as the name of a variant, and the body's text as the
//! variant's fields, straight from the JSON parser; and in the other direction the variant's name
//! is written as one more field.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer as _, EnumAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde::ser::{self, Impossible, Serialize, SerializeMap, Serializer as _};

type JsonReader<'de> = serde_json::Deserializer<serde_json::de::StrRead<'de>>;

/// Why a body is not what the receiver can take.
#[derive(Debug)]
pub(crate) enum Mismatch {
    /// No variant of the enum has this type.
    UnknownType(String),
    /// The type is known, but the fields do not fit it.
    Unfit(String),
}

/// Reads a body of the given type as a `T`: an enum by its variants, anything else by its fields.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    kind: &'de str,
    text: &'de str,
) -> Result<T, Mismatch> {
    T::deserialize(Body { kind, text })
}

/// Writes a body, with the two numbers that the protocol adds to it.
pub(crate) fn write(
    out: &mut Vec<u8>,
    body: &(impl Serialize + ?Sized),
    msg_id: Option<u64>,
    in_reply_to: Option<u64>,
) -> serde_json::Result<()> {
    let mut json = serde_json::Serializer::new(out);
    let mut map = json.serialize_map(None)?;
    body.serialize(Fields(&mut map))?;
    for (key, number) in [("msg_id", msg_id), ("in_reply_to", in_reply_to)] {
        if let Some(number) = number {
            map.serialize_entry(key, &number)?;
        }
    }
    map.end()
}

struct Body<'de> {
    kind: &'de str,
    text: &'de str,
}

impl<'de> Body<'de> {
    fn json(&self) -> JsonReader<'de> {
        serde_json::Deserializer::from_str(self.text)
    }
}

impl<'de> de::Deserializer<'de> for Body<'de> {
    type Error = Mismatch;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        Ok(self.json().deserialize_any(visitor)?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        Ok(self.json().deserialize_struct(name, fields, visitor)?)
    }

    // This is how `RawValue` asks for its text.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        Ok(self.json().deserialize_newtype_struct(name, visitor)?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map identifier
    }
}

impl<'de> EnumAccess<'de> for Body<'de> {
    type Error = Mismatch;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Mismatch> {
        let kind = BorrowedStrDeserializer::<Mismatch>::new(self.kind);
        Ok((seed.deserialize(kind)?, self))
    }
}

impl<'de> VariantAccess<'de> for Body<'de> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Mismatch> {
        Ok(seed.deserialize(&mut self.json())?)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        Ok(self.json().deserialize_struct("", fields, visitor)?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Mismatch> {
        Err(de::Error::custom("a body has named fields, a tuple has none"))
    }
}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Mismatch::Unfit(message.to_string())
    }

    // Only the body's own type is looked up through this type of error: enums within its fields
    // are read by serde_json.
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Mismatch::UnknownType(format!("{variant:?}, expected one of {}", expected.join(", ")))
    }
}

impl From<serde_json::Error> for Mismatch {
    fn from(error: serde_json::Error) -> Self {
        Mismatch::Unfit(error.to_string())
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::UnknownType(text) => write!(f, "unknown type {text}"),
            Mismatch::Unfit(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Mismatch {}

/// Writes the fields of an enum variant, a struct or a map into a map that is open already.
struct Fields<'m, M>(&'m mut M);

fn no_fields<E: ser::Error>(what: &str) -> E {
    E::custom(format!("a body is an enum variant, a struct or a map, not {what}"))
}

macro_rules! refuse {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, _: $type) -> Result<(), M::Error> {
            Err(no_fields(stringify!($type)))
        })*
    };
}

impl<M: SerializeMap> ser::Serializer for Fields<'_, M> {
    type Ok = ();
    type Error = M::Error;
    type SerializeSeq = Impossible<(), M::Error>;
    type SerializeTuple = Impossible<(), M::Error>;
    type SerializeTupleStruct = Impossible<(), M::Error>;
    type SerializeTupleVariant = Impossible<(), M::Error>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), M::Error> {
        self.0.serialize_entry("type", variant)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), M::Error> {
        self.0.serialize_entry("type", variant)?;
        value.serialize(self)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Self, M::Error> {
        self.0.serialize_entry("type", variant)?;
        Ok(self)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self, M::Error> {
        Ok(self)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self, M::Error> {
        Ok(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), M::Error> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), M::Error> {
        value.serialize(self)
    }

    refuse! {
        serialize_bool(bool); serialize_char(char); serialize_str(&str); serialize_bytes(&[u8]);
        serialize_i8(i8); serialize_i16(i16); serialize_i32(i32); serialize_i64(i64);
        serialize_u8(u8); serialize_u16(u16); serialize_u32(u32); serialize_u64(u64);
        serialize_f32(f32); serialize_f64(f64); serialize_unit_struct(&'static str);
    }

    fn serialize_none(self) -> Result<(), M::Error> {
        Err(no_fields("None"))
    }

    fn serialize_unit(self) -> Result<(), M::Error> {
        Err(no_fields("()"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, M::Error> {
        Err(no_fields("a sequence"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, M::Error> {
        Err(no_fields("a tuple"))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, M::Error> {
        Err(no_fields(name))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, M::Error> {
        Err(no_fields(variant))
    }
}

impl<M: SerializeMap> ser::SerializeMap for Fields<'_, M> {
    type Ok = ();
    type Error = M::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), M::Error> {
        self.0.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), M::Error> {
        self.0.serialize_value(value)
    }

    fn end(self) -> Result<(), M::Error> {
        Ok(())
    }
}

impl<M: SerializeMap> ser::SerializeStruct for Fields<'_, M> {
    type Ok = ();
    type Error = M::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), M::Error> {
        self.0.serialize_entry(key, value)
    }

    fn end(self) -> Result<(), M::Error> {
        Ok(())
    }
}

impl<M: SerializeMap> ser::SerializeStructVariant for Fields<'_, M> {
    type Ok = ();
    type Error = M::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), M::Error> {
        self.0.serialize_entry(key, value)
    }

    fn end(self) -> Result<(), M::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;
    use crate::Json;

    #[derive(Debug, Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Example {
        Read,
        Echo { echo: Json },
        Wrapped(Inner),
    }

    #[derive(Debug, Serialize, serde::Deserialize)]
    struct Inner {
        number: u64,
    }

    fn written(body: &impl Serialize) -> Result<String, String> {
        let mut out = Vec::new();
        write(&mut out, body, Some(1), Some(2)).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_kind_of_body_is_written_with_its_type_and_numbers() {
        #[track_caller]
        fn check(body: &impl Serialize, expected: &str) {
            assert_eq!(written(body).as_deref(), Ok(expected));
        }
        let raw = serde_json::from_str("[1e300, {}]").unwrap();
        check(&Example::Read, r#"{"type":"read","msg_id":1,"in_reply_to":2}"#);
        check(
            &Example::Echo { echo: raw },
            r#"{"type":"echo","echo":[1e300, {}],"msg_id":1,"in_reply_to":2}"#,
        );
        check(
            &Example::Wrapped(Inner { number: u64::MAX }),
            r#"{"type":"wrapped","number":18446744073709551615,"msg_id":1,"in_reply_to":2}"#,
        );
        check(&json!({"type": "x"}), r#"{"type":"x","msg_id":1,"in_reply_to":2}"#);
        check(&Some(&Inner { number: 7 }), r#"{"number":7,"msg_id":1,"in_reply_to":2}"#);
    }

    #[test]
    fn what_has_no_named_fields_is_no_body() {
        let error = written(&[1, 2]).unwrap_err();
        assert!(error.contains("an enum variant, a struct or a map"), "{error}");
        assert!(written(&"text").is_err());
        assert!(written(&None::<Inner>).is_err());
    }

    #[test]
    fn an_unknown_type_and_unfit_fields_are_told_apart() {
        #[track_caller]
        fn check(kind: &str, text: &str, expected: &str) {
            let outcome = match read::<Example>(kind, text) {
                Ok(example) => format!("{example:?}"),
                Err(Mismatch::UnknownType(_)) => "unknown type".to_owned(),
                Err(Mismatch::Unfit(_)) => "unfit".to_owned(),
            };
            assert!(outcome.contains(expected), "{outcome}");
        }
        check("read", r#"{"type":"read","extra":1}"#, "Read");
        check("echo", r#"{"echo":{"a":18446744073709551616}}"#, "18446744073709551616");
        check("wrapped", r#"{"number":5}"#, "number: 5");
        check("wrapped", r#"{"number":-5}"#, "unfit");
        check("echo", "{}", "unfit");
        check("write", "{}", "unknown type");
    }

    #[test]
    fn bodies_are_read_into_structs_and_raw_text_too() {
        assert_eq!(read::<Inner>("any", r#"{"type":"any","number":3}"#).unwrap().number, 3);
        assert_eq!(read::<Box<RawValue>>("any", r#"{"a": 1.50}"#).unwrap().get(), r#"{"a": 1.50}"#);
    }
}
