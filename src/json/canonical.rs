//! Canonical text of a JSON value: the same for all texts that Maelstrom reads as equal values.
//!
//! Maelstrom reads JSON by Cheshire and compares by Clojure's `=`. The canonical text is made in
//! one pass over the text, because values are compared more often than they are received.
//! `serde_json` is no help here: it rounds large integers to floats, and rejects floats beyond 64
//! bits and halves of surrogate pairs, which Java accepts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Levels of nesting that are made canonical. More would take more of the stack.
const MAX_DEPTH: usize = 100;

/// Characters between two tokens. In valid JSON, the order of the tokens makes them redundant.
const SEPARATORS: [char; 6] = [' ', '\t', '\n', '\r', ',', ':'];

/// The canonical text of a valid JSON text. Integers and most strings are canonical already.
pub(super) fn text(json: &str) -> Cow<'_, str> {
    if is_canonical(json) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    Canonicalizer { rest: json }.value(&mut out, MAX_DEPTH);
    Cow::Owned(out)
}

/// True for texts that are surely canonical: integers, strings without escapes, and words.
fn is_canonical(json: &str) -> bool {
    match json.as_bytes() {
        [b'"', ..] => !json.contains('\\'),
        [b'-' | b'0'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit) && json != "-0",
        [b'n' | b't' | b'f', ..] => true,
        _ => false,
    }
}

/// Reader of JSON text, with the part that is still to be read.
struct Canonicalizer<'a> {
    rest: &'a str,
}

impl<'a> Canonicalizer<'a> {
    /// Reads one value, and appends its canonical text.
    fn value(&mut self, out: &mut String, depth: usize) {
        match self.next_byte() {
            Some(b'"') => push_string(out, self.string()),
            Some(b'[') if depth > 0 => self.array(out, depth - 1),
            Some(b'{') if depth > 0 => self.object(out, depth - 1),
            Some(b'[' | b'{') => out.push_str(self.nested()),
            Some(_) => push_scalar(out, self.scalar()),
            None => {}
        }
    }

    fn array(&mut self, out: &mut String, depth: usize) {
        self.take(1);
        out.push('[');
        let mut separator = "";
        while !self.take_end(b']') {
            out.push_str(std::mem::replace(&mut separator, ","));
            self.value(out, depth);
        }
        out.push(']');
    }

    /// Reads an object. The last of duplicate keys counts.
    fn object(&mut self, out: &mut String, depth: usize) {
        self.take(1);
        let mut fields = BTreeMap::new();
        while !self.take_end(b'}') {
            let [mut key, mut value] = [String::new(), String::new()];
            push_string(&mut key, self.string());
            self.value(&mut value, depth);
            fields.insert(key, value);
        }
        out.push('{');
        let mut separator = "";
        for (key, value) in fields {
            out.push_str(std::mem::replace(&mut separator, ","));
            out.push_str(&key);
            out.push(':');
            out.push_str(&value);
        }
        out.push('}');
    }

    /// Reads a string and returns the text between its quotes.
    fn string(&mut self) -> &'a str {
        let length = string_length(self.rest);
        let string = self.take(length);
        string.get(1..string.len() - 1).unwrap_or_default()
    }

    /// Reads a number, `true`, `false` or `null`.
    fn scalar(&mut self) -> &'a str {
        let is_end = |char| SEPARATORS.contains(&char) || matches!(char, ']' | '}');
        self.take(self.rest.find(is_end).unwrap_or(self.rest.len()))
    }

    /// Reads an array or an object without making it canonical.
    fn nested(&mut self) -> &'a str {
        let (bytes, mut end, mut depth) = (self.rest.as_bytes(), 0, 0);
        while end < bytes.len() {
            match bytes[end] {
                b'"' => end += string_length(&self.rest[end..]) - 1,
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            end += 1;
            if depth == 0 {
                break;
            }
        }
        self.take(end)
    }

    /// Reads the end of an array or an object, and returns false if there is another token.
    fn take_end(&mut self, end: u8) -> bool {
        let ends = self.next_byte().is_none_or(|next| next == end);
        if ends {
            self.take(1);
        }
        ends
    }

    /// The first byte of the next token.
    fn next_byte(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches(SEPARATORS);
        self.rest.bytes().next()
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

/// Length of the string at the beginning of a text, with its quotes.
fn string_length(json: &str) -> usize {
    let mut is_escaped = false;
    let is_end = |byte: &u8| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    };
    let end = json.as_bytes()[1..].iter().position(is_end);
    end.map_or(json.len(), |end| end + 2)
}

/// Appends a string with as few escapes as possible. Strings are UTF-16, as in Java: an escape may
/// be half of a surrogate pair, and stays an escape unless the other half follows.
fn push_string(out: &mut String, string: &str) {
    out.push('"');
    let mut units: Vec<u16> = Vec::new();
    let mut rest = string;
    while let Some((plain, escape)) = rest.split_once('\\') {
        let (unit, length) = unescape(escape);
        units.extend(plain.encode_utf16().chain([unit]));
        rest = &escape[length..];
    }
    if units.is_empty() {
        out.push_str(string);
    } else {
        units.extend(rest.encode_utf16());
        char::decode_utf16(units).for_each(|char| match char {
            Ok(char @ ('"' | '\\')) => out.extend(['\\', char]),
            Ok(char @ ..' ') => push_escape(out, u32::from(char)),
            Ok(char) => out.push(char),
            Err(half) => push_escape(out, u32::from(half.unpaired_surrogate())),
        });
    }
    out.push('"');
}

/// The UTF-16 unit of an escape, and the length of the escape without its backslash.
fn unescape(escape: &str) -> (u16, usize) {
    match escape.as_bytes().first().copied().unwrap_or_default() {
        b'b' => (0x08, 1),
        b't' => (0x09, 1),
        b'n' => (0x0a, 1),
        b'f' => (0x0c, 1),
        b'r' => (0x0d, 1),
        b'u' => (u16::from_str_radix(&escape[1..5], 16).unwrap_or_default(), 5),
        itself => (u16::from(itself), 1),
    }
}

fn push_escape(out: &mut String, unit: u32) {
    // Writing to a string does not fail.
    let _ = write!(out, "\\u{unit:04x}");
}

/// Appends a word or an integer unchanged, and a float as the shortest text that parses to the same
/// 64 bits. As in Clojure, an integer is never equal to a float, and `-0.0` equals `0.0`.
fn push_scalar(out: &mut String, scalar: &str) {
    let is_float = scalar.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        && scalar.contains(['.', 'e', 'E']);
    match scalar.parse::<f64>() {
        Ok(f64::INFINITY) if is_float => out.push_str("1e999"),
        Ok(f64::NEG_INFINITY) if is_float => out.push_str("-1e999"),
        Ok(float) if is_float => {
            let _ = write!(out, "{:?}", float + 0.0);
        }
        _ => out.push_str(if scalar == "-0" { "0" } else { scalar }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_canonical_text_which_is_canonical_itself() {
        #[track_caller]
        fn check(json: &str, expected: &str) {
            assert_eq!(text(json), expected);
            assert_eq!(text(expected), expected, "of the canonical text");
            assert!(serde_json::from_str::<serde::de::IgnoredAny>(expected).is_ok());
        }
        check("12", "12");
        check("-0", "0");
        check("18446744073709551616", "18446744073709551616");
        check("1.50", "1.5");
        check("1e2", "100.0");
        check("1E+2", "100.0");
        check("-0.0", "0.0");
        check("-0e5", "0.0");
        check("0.10000000000000001", "0.1");
        check("1e400", "1e999");
        check("-1e400", "-1e999");
        check("1e-400", "0.0");
        check("5e-324", "5e-324");
        check("true", "true");
        check(r#""""#, r#""""#);
        check(r#""plain é""#, r#""plain é""#);
        check(r#""\u00fC\/\ud83d\ude00""#, r#""ü/😀""#);
        check(r#""\"\\\n\u000A\u007f""#, "\"\\\"\\\\\\u000a\\u000a\u{7f}\"");
        check(r#""a\uD83Db""#, r#""a\ud83db""#);
        check("[ ]", "[]");
        check("[1 , [2,\n3.00]\t,\"a,]\\\"\"]", r#"[1,[2,3.0],"a,]\""]"#);
        check("{ }", "{}");
        check(r#"{"b":{"d":1,"c":[]}, "a" : null}"#, r#"{"a":null,"b":{"c":[],"d":1}}"#);
        check(r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"a":3,"b":2}"#);
        check(r#"{"\"}":"{"}"#, r#"{"\"}":"{"}"#);
    }

    #[test]
    fn values_nested_deeper_than_the_limit_stay_unchanged() {
        #[track_caller]
        fn check(levels: usize, inner: &str, expected: &str) {
            let nested = |inner: &str| "[".repeat(levels) + inner + &"]".repeat(levels);
            assert_eq!(text(&nested(inner)), nested(expected));
        }
        check(99, "[1.50, \"]\"]", "[1.5,\"]\"]");
        check(100, "[1.50, \"]\"], 2.50", "[1.50, \"]\"],2.5");
        check(100_000, "1.50", "1.50");
    }
}
