//! A body split into its fields: the reserved ones are parsed, the values of the others stay text.
//!
//! The line is scanned once. A value is parsed only when it is read, so unused values cost nothing
//! more.

use std::array;
use std::borrow::Cow;
use std::fmt;
use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::message::Header;

/// Expected number of fields besides the reserved ones. A larger number wastes memory; a smaller
/// one costs a second allocation.
const EXPECTED_FIELDS: usize = 4;

const TYPE: &str = "type";
const MSG_ID: &str = "msg_id";
const IN_REPLY_TO: &str = "in_reply_to";

/// The fields of a JSON object in their order, duplicates included. A duplicate reserved field is
/// an error.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    pub(crate) header: Header<'a>,
    others: Vec<(CowStr<'a>, &'a RawValue)>,
}

/// A string that is deserialized without a copy where possible, as a bare [`Cow`] is not.
#[derive(Debug, serde::Deserialize)]
struct CowStr<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let (mut kind, mut msg_id, mut in_reply_to) = (None, None, None);
        let mut others = Vec::with_capacity(EXPECTED_FIELDS);
        while let Some(CowStr(key)) = map.next_key()? {
            match &*key {
                TYPE => once(&mut kind, TYPE, map.next_value()?)?,
                MSG_ID => once(&mut msg_id, MSG_ID, map.next_value()?)?,
                IN_REPLY_TO => once(&mut in_reply_to, IN_REPLY_TO, map.next_value()?)?,
                _ => others.push((CowStr(key), map.next_value()?)),
            }
        }
        let CowStr(kind) = kind.ok_or_else(|| Error::missing_field(TYPE))?;
        let (msg_id, in_reply_to) = (msg_id.flatten(), in_reply_to.flatten());
        Ok(Fields { header: Header { kind, msg_id, in_reply_to }, others })
    }
}

fn once<T, E: Error>(place: &mut Option<T>, key: &'static str, value: T) -> Result<(), E> {
    if place.replace(value).is_some() { Err(E::duplicate_field(key)) } else { Ok(()) }
}

impl<'a> Fields<'a> {
    /// The fields as serde's [`MapAccess`]. If `wanted` is given, the reserved fields are
    /// restricted to it, because a struct may deny unknown fields.
    pub(crate) fn values(&self, wanted: Option<&[&str]>) -> FieldValues<'_, 'a> {
        let is_wanted = |key| wanted.is_none_or(|wanted| wanted.contains(&key));
        let Header { kind, msg_id, in_reply_to } = &self.header;
        let kind = is_wanted(TYPE).then(|| FieldValue::Reserved(kind.as_ref().into()));
        let number = |key, number: &Option<u64>| {
            number.filter(|_| is_wanted(key)).map(|number| FieldValue::Reserved(number.into()))
        };
        let (msg_id, in_reply_to) = (number(MSG_ID, msg_id), number(IN_REPLY_TO, in_reply_to));
        let reserved = [(TYPE, kind), (MSG_ID, msg_id), (IN_REPLY_TO, in_reply_to)];
        FieldValues { reserved: reserved.into_iter(), others: self.others.iter(), value: None }
    }
}

/// The fields that serde has not read yet.
pub(crate) struct FieldValues<'f, 'a> {
    reserved: array::IntoIter<(&'static str, Option<FieldValue<'a>>), 3>,
    others: slice::Iter<'f, (CowStr<'a>, &'a RawValue)>,
    value: Option<FieldValue<'a>>,
}

enum FieldValue<'a> {
    Reserved(serde_json::Value),
    Other(&'a RawValue),
}

impl<'f, 'a> FieldValues<'f, 'a> {
    fn next(&mut self) -> Option<(&'f str, FieldValue<'a>)> {
        let reserved = self.reserved.find_map(|(key, value)| Some((key, value?)));
        reserved.or_else(|| {
            let (CowStr(key), value) = self.others.next()?;
            Some((key, FieldValue::Other(value)))
        })
    }
}

impl<'de> MapAccess<'de> for FieldValues<'_, 'de> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Self::Error> {
        let Some((key, value)) = self.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Self::Error> {
        match self.value.take().expect("serde asks for a value after its key") {
            FieldValue::Reserved(value) => seed.deserialize(value),
            FieldValue::Other(value) => seed.deserialize(value),
        }
    }
}
