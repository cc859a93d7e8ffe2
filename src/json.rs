//! JSON kept as text: [`Json`], a value as it was received, and [`JsonArray`], which grows.
//!
//! A value that a node only passes on is never parsed. An array that is read often is not
//! serialized for each read: its text grows by each element as it is added.

mod canonical;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value, kept as the text that was received.
///
/// Two are equal if Maelstrom cannot distinguish their values. White space, the order of an
/// object's keys and the escapes of a string do not matter, and `1.50` is `1.5`. But an integer is
/// never equal to a float, so `1` is not `1.0`. `Eq`, `Hash` and `Ord` agree on this, so a `Json`
/// can be the key of any map. The order is arbitrary, but the same on all nodes. Values nested
/// deeper than 100 levels are compared as text.
///
/// Clones are cheap. So are comparisons of values without nesting, escapes and fractions.
#[derive(Debug, Clone)]
pub struct Json(Rc<RawValue>);

impl Json {
    /// The JSON text, without surrounding white space. One value has many texts, so compare the
    /// `Json`s instead.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The canonical text, which is the same for all texts of a value.
    pub fn canonical(&self) -> String {
        self.canonical_text().into_owned()
    }

    fn canonical_text(&self) -> Cow<'_, str> {
        canonical::text(self.get())
    }
}

impl Json {
    /// A value as JSON.
    ///
    /// # Panics
    /// If it cannot be written as JSON.
    pub(crate) fn from_value(value: &impl Serialize) -> Json {
        Json(serde_json::value::to_raw_value(value).expect("a value that fits into JSON").into())
    }

    /// Checks that a text is JSON.
    pub(crate) fn from_text(text: String) -> serde_json::Result<Json> {
        RawValue::from_string(text).map(|text| Json(text.into()))
    }
}

/// Length of a value as JSON, in bytes. Text that is JSON already is not parsed.
///
/// # Panics
/// If the value cannot be written as JSON.
pub(crate) fn encoded_len(value: &(impl Serialize + ?Sized)) -> usize {
    let mut counter = ByteCounter(0);
    serde_json::to_writer(&mut counter, value).expect("a value that fits into JSON");
    counter.0
}

/// Writer that only counts bytes.
struct ByteCounter(usize);

impl std::io::Write for ByteCounter {
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
        self.get() == other.get() || self.canonical_text() == other.canonical_text()
    }
}

impl Eq for Json {}

impl Hash for Json {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical_text().hash(state);
    }
}

impl Ord for Json {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical_text().cmp(&other.canonical_text())
    }
}

impl PartialOrd for Json {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
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

/// An append-only JSON array, kept as text.
///
/// To serialize it is to copy its text. Clones are cheap, but `push` copies the text while there is
/// a clone.
#[derive(Debug, Clone)]
pub struct JsonArray(Rc<String>);

impl JsonArray {
    /// Adds an element at the end.
    ///
    /// # Panics
    /// If the element cannot be written as JSON.
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

/// Name by which [`RawValue`] tells `serde_json` that it is JSON text. A `RawValue` itself cannot
/// grow: to construct one is to parse the whole text.
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
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_maelstrom_cannot_distinguish_are_equal() {
        #[track_caller]
        fn check(one: &str, other: &str, are_equal: bool) {
            let [one, other]: [Json; 2] =
                [one, other].map(|json| serde_json::from_str(json).unwrap());
            assert_eq!(one == other, are_equal);
            assert_eq!(one.cmp(&other).is_eq(), are_equal);
            assert_eq!(one.canonical() == other.canonical(), are_equal);
            assert_eq!(HashSet::from([one, other]).len() == 1, are_equal, "as keys");
        }
        check("1", "1.0", false);
        check("100", "1e2", false);
        check("1.50", "1.5", true);
        check("0.1", "0.10000000000000001", true);
        check("0", "-0", true);
        check("0.0", "-0.0", true);
        check("0", "0.0", false);
        check("18446744073709551616", "18446744073709551617", false);
        check("123456789012345678901234567890", "1.2345678901234568e29", false);
        check("1e400", "1e401", true);
        check("1e400", "-1e400", false);
        check(r#""1""#, "1", false);
        check(r#""ü""#, r#""\u00fc""#, true);
        check(r#""/""#, r#""\/""#, true);
        check(r#""\n""#, r#""\u000a""#, true);
        check(r#""\ud83d\ude00""#, r#""😀""#, true);
        check(r#""\ud800""#, r#""\uD800""#, true);
        check(r#""\ud800""#, r#""\ud801""#, false);
        check(r#""\\u00fc""#, r#""ü""#, false);
        // Composed or not, Java's strings differ.
        check(r#""ü""#, r#""u\u0308""#, false);
        check("[1, 2]", "[1,2]", true);
        check("[1, 2]", "[2, 1]", false);
        check("[]", "[[]]", false);
        check("[]", "{}", false);
        check(r#"{"a": 1, "b": [2.0]}"#, r#"{"b":[2.00],"a":1}"#, true);
        check(r#"{"a": 1}"#, r#"{"a": 2}"#, false);
        check(r#"{"a": 1}"#, r#"{"a":1,"b":null}"#, false);
        check(r#"{"a": 1, "a": 2}"#, r#"{"a": 2}"#, true);
        check(r#"{"a": 1, "\u0061": 2}"#, r#"{"a": 1}"#, false);
        check(r#"{"\ud800": 1, "b": 2}"#, r#"{"b": 2, "\uD800": 1}"#, true);
        check("null", "false", false);
        let deep = |inner: &str| "[".repeat(100_000) + inner + &"]".repeat(100_000);
        check(&deep("1"), &deep("1"), true);
        check(&deep("1"), &deep("2"), false);
    }

    #[test]
    fn an_array_is_serialized_like_a_list_of_its_elements() {
        let mut array = JsonArray::default();
        let mut elements: Vec<serde_json::Value> = Vec::new();
        for element in [json!(1), json!("a\nb"), json!({"c": [null, 1.5]}), json!([])] {
            assert_eq!(array.get(), json!(elements).to_string());
            let before = array.clone();
            array.push(&element);
            elements.push(element);
            assert_eq!(before.get(), json!(elements[..elements.len() - 1]).to_string());
        }
        // These fail if `serde_json` changes its convention for raw text.
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
        let raw = Json::from_value(&value);
        assert_eq!((encoded_len(&value), encoded_len(&raw)), (raw.get().len(), raw.get().len()));
        assert_eq!(Json::from_text(raw.get().to_owned()).unwrap(), raw);
        assert!(Json::from_text("[1".to_owned()).is_err());
    }

    #[test]
    fn elements_kept_as_text_stay_unchanged() {
        let mut array = JsonArray::default();
        for text in ["18446744073709551616", "1.50", "[1, 2]"] {
            array.push(&serde_json::from_str::<Json>(text).unwrap());
        }
        assert_eq!(array.get(), "[18446744073709551616,1.50,[1, 2]]");
    }
}
