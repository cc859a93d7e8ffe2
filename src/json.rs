//! JSON that stays text: a value as it came, and an array that grows.
//!
//! What a node only passes on is never taken apart. And what it is asked for again and again is not
//! put together again and again: an array is written once, element by element, as they come.

mod canonical;

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value that is only passed on, kept as the text in which it came.
///
/// Two are equal if their texts are: `1` and `1.0` differ, as they do for Maelstrom's checkers.
/// Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Json(Rc<RawValue>);

impl Json {
    /// The value as JSON text, without surrounding white space.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// A text that is the same for all texts of the same value: neither white space nor the order
    /// of an object's keys matters, nor how a string is escaped, and `1.50` is `1.5`. But an
    /// integer is never a float, so `1` is not `1.0`. What is nested deeper than 100 levels is
    /// taken as it stands.
    pub fn canonical(&self) -> String {
        canonical::text(self.get())
    }
}

impl Json {
    /// A value as JSON.
    ///
    /// # Panics
    /// If it does not fit into JSON.
    pub(crate) fn of(value: &impl Serialize) -> Json {
        Json(serde_json::value::to_raw_value(value).expect("a value that fits into JSON").into())
    }

    /// A text that is JSON, or what is wrong with it.
    pub(crate) fn from_text(text: String) -> serde_json::Result<Json> {
        RawValue::from_string(text).map(|text| Json(text.into()))
    }
}

/// How many bytes a value takes as JSON. Text that is JSON already is not looked at.
///
/// # Panics
/// If it does not fit into JSON.
pub(crate) fn length(value: &(impl Serialize + ?Sized)) -> usize {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).expect("a value that fits into JSON");
    length.0
}

/// Counts what is written.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Json {}

impl Hash for Json {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|text| Json(text.into()))
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A JSON array that only grows, kept as text.
///
/// To write one costs no more than to copy its text, however many elements there are. Cloning is
/// cheap; adding to it copies the text if there is a clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonArray(Rc<String>);

impl JsonArray {
    /// Adds an element at the end.
    ///
    /// # Panics
    /// If the element does not fit into JSON.
    pub fn push(&mut self, element: &(impl Serialize + ?Sized)) {
        let element = serde_json::to_string(element).expect("an element that fits into JSON");
        let text = Rc::make_mut(&mut self.0);
        text.pop();
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&element);
        text.push(']');
    }

    /// The array as JSON text.
    pub fn get(&self) -> &str {
        &self.0
    }
}

impl Default for JsonArray {
    fn default() -> Self {
        JsonArray(Rc::new("[]".to_owned()))
    }
}

/// How [`RawValue`] tells `serde_json` that it is text already. A `RawValue` itself cannot grow: to
/// make one, the whole text is parsed.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

impl Serialize for JsonArray {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut raw = serializer.serialize_struct(RAW_VALUE, 1)?;
        raw.serialize_field(RAW_VALUE, self.get())?;
        raw.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_array_is_written_as_its_elements_would_be() {
        let mut array = JsonArray::default();
        let mut elements: Vec<serde_json::Value> = Vec::new();
        for element in [json!(1), json!("a\nb"), json!({"c": [null, 1.5]}), json!([])] {
            assert_eq!(array.get(), json!(elements).to_string());
            let before = array.clone();
            array.push(&element);
            elements.push(element);
            assert_eq!(before.get(), json!(elements[..elements.len() - 1]).to_string());
        }
        // Were `serde_json` to change its way with text, these would show it.
        assert_eq!(serde_json::to_string(&array).unwrap(), array.get());
        assert_eq!(serde_json::to_value(&array).unwrap(), json!(elements));
        assert_eq!(
            serde_json::to_string(&json!({"all": array})).unwrap().len(),
            8 + array.get().len()
        );
    }

    #[test]
    fn a_length_is_that_of_the_text() {
        let value = json!({"a": [1, -2.5, null, true], "b\"\n": "\u{1}é"});
        let raw = Json::of(&value);
        assert_eq!((length(&value), length(&raw)), (raw.get().len(), raw.get().len()));
        assert_eq!(Json::from_text(raw.get().to_owned()).unwrap(), raw);
        assert!(Json::from_text("[1".to_owned()).is_err());
    }

    #[test]
    fn elements_that_are_text_stay_as_they_are() {
        let mut array = JsonArray::default();
        for text in ["18446744073709551616", "1.50", "[1, 2]"] {
            array.push(&serde_json::from_str::<Json>(text).unwrap());
        }
        assert_eq!(array.get(), "[18446744073709551616,1.50,[1, 2]]");
    }
}
