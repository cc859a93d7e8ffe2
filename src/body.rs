//! Conversion between message bodies and plain enums: the field `type` is the variant's name.
//!
//! serde's own `#[serde(tag = "type")]` suffices for small bodies. But it first copies the whole
//! body into a buffer, which loses [`RawValue`](serde_json::value::RawValue) fields and large
//! numbers, and it reports an unknown tag only as text. Here a body is split into its fields once,
//! and each value stays text. So the type is known before any value is read. serde gets the type as
//! the variant's name, and the values straight from the JSON parser. In the other direction, the
//! variant's name is written as one more field.

mod fields;
mod read;
mod write;

pub(crate) use fields::Fields;
pub(crate) use read::{Body, BodyError};
pub(crate) use write::write;

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;
    use crate::Json;
    use crate::incoming::Incoming;
    use crate::lines::InputLine;

    #[derive(Debug, Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Example {
        Read,
        Echo {
            echo: Json,
        },
        Wrapped(Inner),
        #[serde(rename = "strict")]
        Strict(Strict),
    }

    #[derive(Debug, Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        msg_id: Option<u64>,
        number: u64,
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

    /// Reads a body from a line of its own.
    fn read<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, BodyError> {
        let line = format!(r#"{{"src":"c1","dest":"n1","body":{body}}}"#);
        Incoming::parse(&InputLine::Whole(line.as_bytes())).unwrap().body().read()
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
    fn a_value_without_named_fields_is_no_body() {
        let error = written(&[1, 2]).unwrap_err();
        assert!(error.contains("an enum variant, a struct or a map"), "{error}");
        assert!(written(&"text").is_err());
        assert!(written(&None::<Inner>).is_err());
    }

    #[test]
    fn an_unknown_type_and_invalid_fields_are_different_errors() {
        #[track_caller]
        fn check(body: &str, expected: &str) {
            let outcome = match read::<Example>(body) {
                Ok(example) => format!("{example:?}"),
                Err(BodyError::UnknownType(_)) => "unknown type".to_owned(),
                Err(BodyError::InvalidFields(_)) => "invalid fields".to_owned(),
            };
            assert!(outcome.contains(expected), "{outcome}");
        }
        check(r#"{"type":"read","extra":1}"#, "Read");
        check(r#"{"type":"echo","echo":{"a":18446744073709551616}}"#, "18446744073709551616");
        check(r#"{"number":5,"type":"wrapped"}"#, "number: 5");
        check(r#"{"type":"wrapped","number":-5}"#, "invalid fields");
        check(r#"{"type":"wrapped","number":5,"number":5}"#, "invalid fields");
        check(r#"{"type":"strict","number":5,"in_reply_to":9}"#, "msg_id: None, number: 5");
        check(r#"{"number":5,"type":"strict","msg_id":7}"#, "msg_id: Some(7), number: 5");
        check(r#"{"type":"strict","number":5,"extra":1}"#, "invalid fields");
        check(r#"{"type":"echo"}"#, "invalid fields");
        check(r#"{"type":"write"}"#, "unknown type");
    }

    #[test]
    fn bodies_are_read_into_structs_and_raw_text_too() {
        let text = r#"{"type":"any", "number": 3}"#;
        assert_eq!(read::<Inner>(text).unwrap().number, 3);
        assert_eq!(read::<Box<RawValue>>(text).unwrap().get(), text);
        assert_eq!(read::<Json>(text).unwrap().get(), text);
    }
}
