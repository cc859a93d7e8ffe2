//! Maelstrom's parser of lines, which accepts more than valid messages.
//!
//! It parses the first JSON value of the line and ignores what follows, allows control characters
//! in strings, and takes the last of duplicate keys (Cheshire, with its defaults). A message must
//! have its keys and no others. An empty or absent body counts as `{}`: `process.clj` puts any
//! sequence into a map (`into {}`), and an absent body is nil.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::node_error::NodeMessage;
use crate::client::is_integer;

/// The message that Maelstrom finds in a line, if it does.
pub(super) fn read(line: &str) -> Option<NodeMessage<'static>> {
    let line = with_control_characters_escaped(line);
    let values = serde_json::Deserializer::from_str(&line);
    let mut fields: BTreeMap<String, &RawValue> = values.into_iter().next()?.ok()?;
    let mut name = |key| serde_json::from_str::<String>(fields.remove(key)?.get()).ok();
    let (src, dest) = (name("src")?.into(), name("dest")?.into());
    let body = match fields.remove("body") {
        Some(body) if body.get().starts_with('{') => body.to_owned(),
        Some(body) if !is_empty(body) => return None,
        _ => RawValue::from_string("{}".to_owned()).ok()?,
    };
    let is_id = fields.remove("id").is_none_or(is_integer);
    (is_id && fields.is_empty()).then(|| NodeMessage { src, dest, body: body.into() })
}

fn is_empty(body: &RawValue) -> bool {
    let list = || serde_json::from_str::<Vec<IgnoredAny>>(body.get());
    matches!(body.get(), "null" | "\"\"") || list().is_ok_and(|list| list.is_empty())
}

/// The same JSON in a form that strict parsers accept.
fn with_control_characters_escaped(line: &str) -> Cow<'_, str> {
    if !line.contains(|c| c < ' ') {
        return line.into();
    }
    let (mut is_in_string, mut is_escaped) = (false, false);
    let chars = line.chars().map(|c| {
        let is_wrong = is_in_string && !is_escaped && c < ' ';
        if c == '"' && !is_escaped {
            is_in_string = !is_in_string;
        }
        is_escaped = c == '\\' && !is_escaped;
        if is_wrong { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
    });
    chars.collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maelstrom_accepts_some_invalid_lines_and_rejects_others() {
        #[track_caller]
        fn check(line: &str, expected: Option<&str>) {
            let message =
                read(line).map(|NodeMessage { src, dest, body }| format!("{src} {dest} {body}"));
            assert_eq!(message.as_deref(), expected, "{line}");
        }
        let empty = Some("n0 c1 {}");
        check(r#"{"src":"n0","dest":"c1","body":{}}"#, empty);
        check(r#"{"src":"n0","dest":"c1"}"#, empty);
        for body in ["null", "[ ]", "\"\""] {
            check(&format!(r#"{{"src":"n0","dest":"c1","body":{body}}}"#), empty);
        }
        for body in ["[1]", "\"x\"", "0", "true"] {
            check(&format!(r#"{{"src":"n0","dest":"c1","body":{body}}}"#), None);
        }
        check(r#"{"src":"n0","dest":"c1","body":{}}{"src":"n0","dest":"c2","body":{}}"#, empty);
        check(r#"{"src":"n0","dest":"c1","body":{}} done"#, empty);
        check(r#"{"src":"x","src":"n0","dest":"c1","body":{}}"#, empty);
        check(r#"{"src":"n0","dest":"c1","body":{},"id":99999999999999999999}"#, empty);
        check(r#"{"src":"n0","dest":"c1","body":{},"id":null}"#, None);
        check(r#"{"src":"n0","dest":"c1","body":{},"type":"x"}"#, None);
        check(r#"{"src":null,"dest":"c1","body":{}}"#, None);
        check(r#"{"dest":"c1","body":{}}"#, None);
        check(r#"["n0","c1",{}]"#, None);
        for line in ["", " \r", "starting up", "null", "7", "{", "{'src': 'n0'}"] {
            check(line, None);
        }
    }

    #[test]
    fn control_characters_in_strings_are_accepted() {
        let line =
            "{\"src\":\"n0\",\t\"dest\":\"c1\",\"body\":{\"a\\\"\":\"b\tc\u{1}\",\"d\":\"\\\\\"}}";
        let message = read(line).unwrap();
        assert_eq!(message.body.get(), r#"{"a\"":"b\u0009c\u0001","d":"\\"}"#);
        assert!(read("{\"src\":\"n0\",\"dest\":\"c1\",\"body\":{\"a\":\"\\\t\"}}").is_none());
    }
}
