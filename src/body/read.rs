//! Deserialization of a body as an enum.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, Deserialize, DeserializeSeed, EnumAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Fields;
use crate::message::Message;

/// Reason for which a body cannot be read as the receiver's type.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// No variant of the enum has this type.
    UnknownType(String),
    /// The type is known, but its fields are missing or have wrong values.
    InvalidFields(String),
}

/// Deserializer of a body: of an enum by the body's type, of a struct or a map by its fields, and
/// of a [`RawValue`](serde_json::value::RawValue) as text.
#[derive(Clone, Copy)]
pub(crate) struct Body<'b, 'de> {
    pub(crate) fields: &'b Fields<'de>,
    /// The line with the message of this body.
    pub(crate) line: &'de str,
}

impl<'de> Body<'_, 'de> {
    pub(crate) fn read<T: Deserialize<'de>>(self) -> Result<T, BodyError> {
        T::deserialize(self)
    }
}

impl<'de> de::Deserializer<'de> for Body<'_, 'de> {
    type Error = BodyError;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BodyError> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        Ok(visitor.visit_map(self.fields.values(None))?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BodyError> {
        Ok(visitor.visit_map(self.fields.values(Some(fields)))?)
    }

    // `RawValue` requests its text in this way.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, BodyError> {
        let body = Message::parse(self.line.as_bytes())?.body;
        Ok(body.deserialize_newtype_struct(name, visitor)?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map identifier
    }
}

impl<'de> EnumAccess<'de> for Body<'_, 'de> {
    type Error = BodyError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), BodyError> {
        let kind = StrDeserializer::<BodyError>::new(&self.fields.header.kind);
        Ok((seed.deserialize(kind)?, self))
    }
}

impl<'de> VariantAccess<'de> for Body<'_, 'de> {
    type Error = BodyError;

    fn unit_variant(self) -> Result<(), BodyError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, BodyError> {
        seed.deserialize(self)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BodyError> {
        Ok(visitor.visit_map(self.fields.values(Some(fields)))?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, BodyError> {
        Err(de::Error::custom("a body has named fields, a tuple has none"))
    }
}

impl de::Error for BodyError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        BodyError::InvalidFields(message.to_string())
    }

    // Only the variant of the body itself is looked up with this error type: enums in its fields
    // are read by serde_json.
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        BodyError::UnknownType(format!("{variant:?}, expected one of {}", expected.join(", ")))
    }
}

impl From<serde_json::Error> for BodyError {
    fn from(error: serde_json::Error) -> Self {
        BodyError::InvalidFields(error.to_string())
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::UnknownType(text) => write!(f, "unknown type {text}"),
            BodyError::InvalidFields(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for BodyError {}
