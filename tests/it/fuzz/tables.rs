//! Exhaustive cases: all combinations of the reserved fields, every kind of number, and lines that
//! are long or deeply nested.

use crate::fuzz::child;
use crate::fuzz::node::{check, message};

/// A field with this value, or nothing for `absent`.
fn field(key: &str, value: &str) -> String {
    if value == "absent" { String::new() } else { format!(r#","{key}":{value}"#) }
}

fn check_all(lines: impl IntoIterator<Item = String>) -> usize {
    let mut input = message("c0", crate::fuzz::INIT);
    for line in lines {
        input.push('\n');
        input.push_str(&line);
    }
    let counts = check(input.as_bytes(), crate::fuzz::seed(), 10_000);
    counts.unwrap_or_else(|difference| panic!("{difference}")).reported
}

#[test]
fn every_combination_of_the_reserved_fields_is_answered_as_the_oracle_says() {
    let test = "tables::every_combination_of_the_reserved_fields_is_answered_as_the_oracle_says";
    let sources = ["absent", "null", r#""c1""#, "7", r#"["c1"]"#, r#""\ud800""#];
    let destinations = ["absent", "null", r#""n1""#, "7"];
    let kinds =
        ["absent", "null", r#""echo""#, r#""ask""#, r#""error""#, r#""init""#, r#""x""#, "7", "{}"];
    let numbers = [
        "absent",
        "null",
        "1",
        "0",
        "-1",
        "1.0",
        r#""1""#,
        "{}",
        "true",
        "18446744073709551615",
        "18446744073709551616",
    ];
    let mut bodies: Vec<_> = ["absent", "null", "[]", r#""echo""#, "1"].map(str::to_owned).into();
    for kind in kinds {
        for msg_id in numbers {
            for answered in numbers {
                let fields = field("type", kind) + &field("msg_id", msg_id);
                let fields = fields + &field("in_reply_to", answered);
                bodies.push(format!(r#"{{"echo":1{fields}}}"#));
            }
        }
    }
    child::run(test, || {
        let mut told = 0;
        for src in sources {
            for dest in destinations {
                let ends = field("src", src) + &field("dest", dest);
                let line = |body: &String| format!(r#"{{"id":1{ends}{}}}"#, field("body", body));
                told += check_all(bodies.iter().map(line));
            }
        }
        told
    });
}

#[test]
fn every_kind_of_number_is_taken_as_the_oracle_says() {
    let test = "tables::every_kind_of_number_is_taken_as_the_oracle_says";
    let integers = ["0", "-0", "7", "-7", "007", "-01", "+1", "00", "18446744073709551615"];
    let large = ["18446744073709551616", "-9223372036854775809", "123456789012345678901234567890"];
    let fractions = ["", ".0", ".10", ".", ".1.2", "."];
    let exponents = ["", "e0", "E2", "e+2", "e-2", "e400", "E-400", "e", "e+", "e1.5"];
    child::run(test, || {
        let mut lines = Vec::new();
        for integer in integers.iter().chain(&large) {
            for fraction in fractions {
                for exponent in exponents {
                    let number = format!("{integer}{fraction}{exponent}");
                    let body = |fields: String| message("c1", &format!(r#"{{"type":{fields}}}"#));
                    lines.push(body(format!(r#""echo","msg_id":1,"echo":{number}"#)));
                    lines.push(body(format!(r#""echo","msg_id":1,"echo":[{number} ]"#)));
                    lines.push(body(format!(r#""echo","echo":1,"msg_id":{number}"#)));
                    lines.push(body(format!(r#""answer","value":{number},"in_reply_to":1"#)));
                    lines.push(body(format!(r#""x","msg_id":1,"in_reply_to":{number}"#)));
                }
            }
        }
        check_all(lines)
    });
}

#[test]
fn deep_and_long_lines_are_answered_as_the_oracle_says() {
    let test = "tables::deep_and_long_lines_are_answered_as_the_oracle_says";
    child::run(test, || {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let objects = r#"{"a":"#.repeat(100_000) + "1" + &"}".repeat(100_000);
        let long = format!("\"{}\"", "x".repeat(10 << 20));
        let wide = format!("[{}]", vec!["1.50"; 2_000_000].join(","));
        let mut lines = Vec::new();
        for value in [&deep, &objects, &long, &wide] {
            lines.push(message("c1", &format!(r#"{{"type":"echo","echo":{value},"msg_id":1}}"#)));
        }
        for value in [&deep, &objects] {
            // As an unknown field, as a number, as a type, with a wrong bracket, and truncated.
            lines.push(message(
                "c1",
                &format!(r#"{{"x":{value},"type":"echo","echo":1,"msg_id":2}}"#),
            ));
            lines.push(message("c1", &format!(r#"{{"type":"echo","echo":1,"msg_id":{value}}}"#)));
            lines.push(message("c1", &format!(r#"{{"type":{value},"echo":1,"msg_id":3}}"#)));
            lines.push(message("c1", &format!(r#"{{"type":"echo","echo":{value}],"msg_id":4}}"#)));
            lines.push(message("c1", value));
            lines.push(value.clone());
            lines.push(value[..value.len() / 2].to_owned());
        }
        check_all(lines)
    });
}
