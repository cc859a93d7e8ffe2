//! Reading EDN.
//!
//! A reader of our own, because no crate reads these files back as they were written:
//! clojure-reader sorts maps and sets and knows five string escapes, edn-format sorts too, and
//! edn-rs is deprecated. What no history or result holds (characters, ratios, decimals) is refused.

mod string;

use std::{
    borrow::Cow,
    fmt::{self, Display, Formatter},
};

use super::{MAX_DEPTH, Map, Set, Value};

/// Where a text stops being EDN, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: Cow<'static, str>,
}

impl Display for ReadError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ReadError { line, column, found, expected } = self;
        write!(f, "line {line}, column {column}: expected {expected}, found {found}")
    }
}

impl std::error::Error for ReadError {}

type Result<T> = std::result::Result<T, ReadError>;

impl Value {
    /// Reads the one value that `text` holds.
    pub fn read_edn(text: &str) -> Result<Value> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        let value = reader.value("a value")?;
        reader.skip_blanks()?;
        match reader.peek() {
            None => Ok(value),
            Some(_) => reader.fail("nothing after the value"),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, expected: &'static str) -> Result<Value> {
        self.skip_blanks()?;
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.nested(1, |reader| reader.map().map(Value::Map)),
            Some(b'[') => self.nested(1, |reader| reader.elements(b']').map(Value::Vector)),
            Some(b'(') => self.nested(1, |reader| reader.elements(b')').map(Value::List)),
            Some(b'"') => self.string().map(Value::Str),
            Some(b'#') => match self.rest().as_bytes().get(1) {
                Some(b'{') => self.nested(2, |reader| reader.set().map(Value::Set)),
                Some(b'#') => self.symbolic_float(),
                _ => self.nested(1, Reader::tagged),
            },
            Some(b']' | b')' | b'}' | b'\\') | None => self.fail(expected),
            Some(_) => match atom(self.token()) {
                Ok(value) => Ok(value),
                Err(expected) => self.fail_at(start, expected),
            },
        }
    }

    /// Reads what is one level deeper, behind a bracket (or a sign) of `width` bytes.
    fn nested(&mut self, width: usize, read: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        if self.depth == MAX_DEPTH {
            return self.fail(format!("at most {MAX_DEPTH} nested levels"));
        }
        self.at += width;
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn elements(&mut self, close: u8) -> Result<Vec<Value>> {
        let mut elements = Vec::new();
        while !self.closes(close)? {
            elements.push(self.value(if close == b']' {
                "a value or ]"
            } else {
                "a value or )"
            })?);
        }
        Ok(elements)
    }

    fn set(&mut self) -> Result<Set> {
        let mut set = Set::new();
        while !self.closes(b'}')? {
            let start = self.at;
            if !set.insert(self.value("a value or }")?) {
                return self.fail_at(start, "elements that differ");
            }
        }
        Ok(set)
    }

    fn map(&mut self) -> Result<Map> {
        let mut map = Map::new();
        while !self.closes(b'}')? {
            let start = self.at;
            let key = self.value("a key or }")?;
            let value = self.value("a value for the key")?;
            if map.insert(key, value).is_some() {
                return self.fail_at(start, "keys that differ");
            }
        }
        Ok(map)
    }

    fn tagged(&mut self) -> Result<Value> {
        let start = self.at;
        let tag = self.token().to_owned();
        if !tag.starts_with(char::is_alphabetic) {
            return self.fail_at(start, "a tag");
        }
        Ok(Value::Tagged(tag, Box::new(self.value("a value for the tag")?)))
    }

    fn symbolic_float(&mut self) -> Result<Value> {
        let start = self.at;
        self.at += 2;
        Ok(Value::Float(match self.token() {
            "Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            "NaN" => f64::NAN,
            _ => return self.fail_at(start, "##Inf, ##-Inf or ##NaN"),
        }))
    }

    /// Takes everything up to the next blank or bracket.
    fn token(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.bytes().position(ends_token).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn closes(&mut self, close: u8) -> Result<bool> {
        self.skip_blanks()?;
        let closes = self.peek() == Some(close);
        self.at += usize::from(closes);
        Ok(closes)
    }

    /// Skips white space, commas, comments and discarded values.
    fn skip_blanks(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            self.at += rest.bytes().position(|b| !is_blank(b)).unwrap_or(rest.len());
            let rest = self.rest();
            if rest.starts_with(';') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("#_") {
                self.nested(2, |reader| reader.value("a value to discard"))?;
            } else {
                return Ok(());
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, expected: impl Into<Cow<'static, str>>) -> Result<T> {
        self.fail_at(self.at, expected)
    }

    fn fail_at<T>(&self, at: usize, expected: impl Into<Cow<'static, str>>) -> Result<T> {
        let (before, rest) = self.text.split_at(at);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let excerpt: String = rest.lines().next().unwrap_or_default().chars().take(24).collect();
        Err(ReadError {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            found: if rest.is_empty() { "the end".into() } else { format!("`{excerpt}`") },
            expected: expected.into(),
        })
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b','
}

fn ends_token(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';')
}

/// What a token without brackets or quotes means, or what was expected in its place.
fn atom(token: &str) -> std::result::Result<Value, &'static str> {
    let unsigned = token.strip_prefix(['+', '-']).unwrap_or(token);
    match token {
        "nil" => Ok(Value::Nil),
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        ":" => Err("a name for the keyword"),
        _ if token.starts_with(':') => Ok(Value::keyword(token[1..].to_owned())),
        _ if unsigned.starts_with(|c: char| c.is_ascii_digit()) => {
            let integer = Value::integer(token.strip_suffix('N').unwrap_or(token));
            let number = integer.or_else(|| token.parse().ok().map(Value::Float));
            number.ok_or("an integer or a double")
        }
        _ => Ok(Value::Symbol(token.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, printed: &str) {
        assert_eq!(Value::read_edn(text).unwrap().to_string(), printed);
    }

    #[track_caller]
    fn check_error(text: &str, message: &str) {
        assert_eq!(Value::read_edn(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn every_kind_of_value_is_read() {
        check("[nil true false]", "[nil true false]");
        check(
            "[-12, +7 123456789012345678901N 12N 1e3 1.5 ##-Inf]",
            "[-12 7 123456789012345678901N 12 1000.0 1.5 ##-Inf]",
        );
        check("{:final? true :a/b-c #{\"n2\" \"n1\"}}", "{:final? true, :a/b-c #{\"n2\" \"n1\"}}");
        check("#jepsen.history.Op{:index 5} ; the end", "#jepsen.history.Op{:index 5}");
        check("(a - + ... #_(no) #inst \"2024\")", "(a - + ... #inst \"2024\")");
        check(r#""\"\\\n\u00e9\ud83d\ude00é""#, r#""\"\\\né😀é""#);
    }

    #[test]
    fn errors_say_where_and_what_and_what_instead() {
        check_error("", "line 1, column 1: expected a value, found the end");
        check_error("{:a\n é [1}", "line 2, column 6: expected a value or ], found `}`");
        check_error("{:a 1 :b}", "line 1, column 9: expected a value for the key, found `}`");
        check_error("{:a 1 :a 2}", "line 1, column 7: expected keys that differ, found `:a 2}`");
        check_error("1 2", "line 1, column 3: expected nothing after the value, found `2`");
        check_error("1/2", "line 1, column 1: expected an integer or a double, found `1/2`");
        check_error("[\"abc", "line 1, column 2: expected a string that is closed, found `\"abc`");
        check_error(
            r#""a\x""#,
            "line 1, column 3: expected an escape such as \\n or \\u00e9, found `\\x\"`",
        );
        let deep = "[".repeat(1_000_000);
        assert!(Value::read_edn(&deep).unwrap_err().to_string().contains("nested levels"));
    }
}
