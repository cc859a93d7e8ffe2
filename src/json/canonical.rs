//! One text for all texts of a value.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// How deep arrays and objects are looked into. More would take more of the stack.
const DEEPEST: usize = 100;

pub(super) fn text(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    // What is no JSON, and there should be nothing of the kind, is its own text.
    if push(&mut out, json, DEEPEST).is_err() {
        json.clone_into(&mut out);
    }
    out
}

fn push(out: &mut String, json: &str, depth: usize) -> serde_json::Result<()> {
    match json.as_bytes().first() {
        Some(b'"') => out.push_str(&serde_json::to_string(&serde_json::from_str::<String>(json)?)?),
        Some(b'[') if depth > 0 => {
            let elements: Vec<&RawValue> = serde_json::from_str(json)?;
            out.push('[');
            for (place, element) in elements.into_iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                push(out, element.get(), depth - 1)?;
            }
            out.push(']');
        }
        Some(b'{') if depth > 0 => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json)?;
            out.push('{');
            for (place, (key, value)) in fields.into_iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                out.push_str(&serde_json::to_string(&key)?);
                out.push(':');
                push(out, value.get(), depth - 1)?;
            }
            out.push('}');
        }
        Some(b'-' | b'0'..=b'9') => push_number(out, json)?,
        _ => out.push_str(json),
    }
    Ok(())
}

/// An integer of any length, or the nearest float.
fn push_number(out: &mut String, json: &str) -> serde_json::Result<()> {
    if json.contains(['.', 'e', 'E']) {
        out.push_str(&serde_json::to_string(&serde_json::from_str::<f64>(json)?)?);
    } else {
        out.push_str(if json == "-0" { "0" } else { json });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_one_value_are_one_text() {
        #[track_caller]
        fn check(one: &str, other: &str, are_equal: bool) {
            assert_eq!(text(one) == text(other), are_equal, "{} {}", text(one), text(other));
        }
        check("1.50", "1.5", true);
        check("1", "1.0", false);
        check("100", "1e2", false);
        check("-0", "0", true);
        check("18446744073709551616", "18446744073709551617", false);
        check(r#""a""#, r#""\u0061""#, true);
        check(r#""1""#, "1", false);
        check("[1, 2]", "[1,2]", true);
        check("[1, 2]", "[2, 1]", false);
        check("[]", "[[]]", false);
        check(r#"{"a": 1, "b": [2.0]}"#, r#"{"b":[2.00],"a":1}"#, true);
        check(r#"{"a": 1}"#, r#"{"a": 2}"#, false);
        check("null", "false", false);
        let deep = |inner: &str| "[".repeat(100_000) + inner + &"]".repeat(100_000);
        check(&deep("1"), &deep("1"), true);
        check(&deep("1"), &deep("2"), false);
    }
}
