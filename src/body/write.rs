//! Serialization of an enum as a body.

use serde::ser::{self, Impossible, Serialize};
use serde_json::{Error, Result, Value, to_writer};

/// Writes a body with the protocol's fields `msg_id` and `in_reply_to`.
pub(crate) fn write(
    out: &mut Vec<u8>,
    body: &(impl Serialize + ?Sized),
    msg_id: Option<u64>,
    in_reply_to: Option<u64>,
) -> Result<()> {
    out.push(b'{');
    let mut fields = FieldWriter { out, key: None };
    body.serialize(&mut fields)?;
    for (key, number) in [(r#""msg_id":"#, msg_id), (r#""in_reply_to":"#, in_reply_to)] {
        if let Some(number) = number {
            fields.begin(key);
            to_writer(&mut *fields.out, &number)?;
        }
    }
    out.push(b'}');
    Ok(())
}

/// Serializer of the fields of an enum variant, a struct or a map, into an object that is open.
struct FieldWriter<'o> {
    out: &'o mut Vec<u8>,
    /// The key of a map entry whose value has not been written yet.
    key: Option<String>,
}

impl FieldWriter<'_> {
    /// Begins a field. The key is JSON text that includes the colon.
    fn begin(&mut self, key: &str) {
        // No value ends in `{`, so this is the first field.
        if !self.out.ends_with(b"{") {
            self.out.push(b',');
        }
        self.out.extend_from_slice(key.as_bytes());
    }

    fn write_type(&mut self, variant: &str) -> Result<()> {
        self.begin(r#""type":"#);
        to_writer(&mut *self.out, variant)
    }

    fn write_field(&mut self, key: &str, value: &(impl Serialize + ?Sized)) -> Result<()> {
        self.begin("");
        to_writer(&mut *self.out, key)?;
        self.out.push(b':');
        to_writer(&mut *self.out, value)
    }
}

fn not_a_body(what: &str) -> Error {
    ser::Error::custom(format!("a body is an enum variant, a struct or a map, not {what}"))
}

macro_rules! refuse {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, _: $type) -> Result<()> {
            Err(not_a_body(stringify!($type)))
        })*
    };
}

impl ser::Serializer for &mut FieldWriter<'_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<()> {
        self.write_type(variant)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.write_type(variant)?;
        value.serialize(self)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Self> {
        self.write_type(variant)?;
        Ok(self)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self> {
        Ok(self)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self> {
        Ok(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    refuse! {
        serialize_bool(bool); serialize_char(char); serialize_str(&str); serialize_bytes(&[u8]);
        serialize_i8(i8); serialize_i16(i16); serialize_i32(i32); serialize_i64(i64);
        serialize_u8(u8); serialize_u16(u16); serialize_u32(u32); serialize_u64(u64);
        serialize_f32(f32); serialize_f64(f64); serialize_unit_struct(&'static str);
    }

    fn serialize_none(self) -> Result<()> {
        Err(not_a_body("None"))
    }

    fn serialize_unit(self) -> Result<()> {
        Err(not_a_body("()"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        Err(not_a_body("a sequence"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
        Err(not_a_body("a tuple"))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        Err(not_a_body(name))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        Err(not_a_body(variant))
    }
}

impl ser::SerializeMap for &mut FieldWriter<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.key = Some(match serde_json::to_value(key)? {
            Value::String(text) => text,
            number @ Value::Number(_) => number.to_string(),
            other => return Err(ser::Error::custom(format!("{other} is no valid key of a body"))),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let key = self.key.take().expect("serde gives a key before its value");
        self.write_field(&key, value)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

impl ser::SerializeStruct for &mut FieldWriter<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<()> {
        self.write_field(key, value)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

impl ser::SerializeStructVariant for &mut FieldWriter<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<()> {
        self.write_field(key, value)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}
