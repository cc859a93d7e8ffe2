//! Reading of EDN and of everything else that Clojure prints.
//!
//! This reader exists because no crate reads these files back as they were written: clojure-reader
//! sorts maps and sets and knows five string escapes, edn-format sorts too, and edn-rs is
//! deprecated.
//!
//! Histories may contain exceptions and objects, and one of them must not make a history
//! unreadable. So an error is only reported if the end of a value is unknown, such as for a bracket
//! that is not closed. Text with an end but no meaning is [opaque](Value::Opaque): malformed
//! numbers, `#object[…]`, regular expressions, quoted forms. Metadata is skipped, as comments are:
//! it is not part of a value.

mod dispatch;
mod string;
mod token;

use std::{
    borrow::Cow,
    fmt::{self, Display, Formatter},
};

use eddy_text::printable::printable;

use super::{MAX_DEPTH, Map, Set, Value};

/// The first position at which a text is not EDN, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The text at this position.
    pub found: String,
    /// A description of the text that was expected.
    pub expected: Cow<'static, str>,
}

impl Display for ReadError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ReadError { line, column, found, expected } = self;
        write!(f, "line {line}, column {column}: expected {expected}, found {found}")
    }
}

impl std::error::Error for ReadError {}

pub(super) type Result<T> = std::result::Result<T, ReadError>;

impl Value {
    /// Reads a text that consists of a single value.
    pub fn read_edn(text: &str) -> Result<Value> {
        let mut reader = Reader::new(text);
        let value = reader.value("a value")?;
        reader.skip_blanks()?;
        match reader.peek() {
            None => Ok(value),
            Some(_) => reader.fail("nothing after the value"),
        }
    }
}

/// A cursor in a text, from which values are read.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of a text.
    pub(super) fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0, depth: 0 }
    }

    /// Reads the next value.
    pub(super) fn value(&mut self, expected: &'static str) -> Result<Value> {
        self.skip_blanks()?;
        match self.peek() {
            Some(b'{') => self.nested(1, |reader| reader.map(reader.at - 1)),
            Some(b'[') => self.nested(1, |reader| reader.elements(b']').map(Value::Vector)),
            Some(b'(') => self.nested(1, |reader| reader.elements(b')').map(Value::List)),
            Some(b'"') => self.string().map(Value::Str),
            Some(b'#') => self.dispatch(),
            Some(b'\\') => self.character(),
            Some(b'\'' | b'`' | b'~' | b'@') => self.quoted(),
            Some(b']' | b')' | b'}') | None => self.fail(expected),
            Some(_) => Ok(token::atom(self.token())),
        }
    }

    /// Reads a value one level deeper, behind a bracket (or a sign) of `width` bytes.
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

    /// Reads the rest of a set that begins at `start`.
    fn set(&mut self, start: usize) -> Result<Value> {
        let (mut set, mut is_opaque) = (Set::new(), false);
        while !self.closes(b'}')? {
            let at = self.at;
            let element = self.value("a value or }")?;
            let may_repeat = may_repeat(&element);
            if !set.insert(element) {
                if !may_repeat {
                    return self.fail_at(at, "elements that differ");
                }
                is_opaque = true;
            }
        }
        Ok(if is_opaque { self.opaque(start) } else { Value::Set(set) })
    }

    /// Reads the rest of a map that begins at `start`.
    fn map(&mut self, start: usize) -> Result<Value> {
        let (mut map, mut is_opaque) = (Map::new(), false);
        while !self.closes(b'}')? {
            let at = self.at;
            let key = self.value("a key or }")?;
            let value = self.value("a value for the key")?;
            let may_repeat = may_repeat(&key);
            if map.insert(key, value).is_some() {
                if !may_repeat {
                    return self.fail_at(at, "keys that differ");
                }
                is_opaque = true;
            }
        }
        Ok(if is_opaque { self.opaque(start) } else { Value::Map(map) })
    }

    /// The text since `start`, as an opaque value.
    fn opaque(&self, start: usize) -> Value {
        Value::Opaque(self.text[start..self.at].into())
    }

    /// Reads up to the next blank or bracket.
    fn token(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.bytes().position(ends_token).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(super) fn closes(&mut self, close: u8) -> Result<bool> {
        self.skip_blanks()?;
        let closes = self.peek() == Some(close);
        self.at += usize::from(closes);
        Ok(closes)
    }

    /// Skips white space, commas, comments, metadata and discarded values.
    pub(super) fn skip_blanks(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            self.at += rest.bytes().position(|b| !is_blank(b)).unwrap_or(rest.len());
            let rest = self.rest();
            if rest.starts_with(';') {
                self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
            } else if rest.starts_with("#_") {
                self.nested(2, |reader| reader.value("a value to discard"))?;
            } else if rest.starts_with('^') {
                self.nested(1, |reader| reader.value("metadata"))?;
            } else if rest.starts_with("#^") {
                self.nested(2, |reader| reader.value("metadata"))?;
            } else {
                return Ok(());
            }
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn fail<T>(&self, expected: impl Into<Cow<'static, str>>) -> Result<T> {
        self.fail_at(self.at, expected)
    }

    pub(super) fn fail_at<T>(
        &self,
        at: usize,
        expected: impl Into<Cow<'static, str>>,
    ) -> Result<T> {
        let (before, rest) = self.text.split_at(at);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let excerpt: String = rest.lines().next().unwrap_or_default().chars().take(24).collect();
        let excerpt = printable(&excerpt);
        Err(ReadError {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            found: if rest.is_empty() { "the end".into() } else { format!("`{excerpt}`") },
            expected: expected.into(),
        })
    }
}

/// True if Clojure may print two different keys of one map alike: NaN, a float that looks like a
/// double, and opaque text.
fn may_repeat(key: &Value) -> bool {
    matches!(key, Value::Float(_) | Value::Opaque(_))
}

/// True if a byte is white space for Java, or a comma.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r' | 0x1c..=0x1f | b',')
}

fn ends_token(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';')
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
            "[-12 7 123456789012345678901N 12N 1000.0 1.5 ##-Inf]",
        );
        check("{:final? true :a/b-c #{\"n2\" \"n1\"}}", "{:final? true, :a/b-c #{\"n2\" \"n1\"}}");
        check("#jepsen.history.Op{:index 5} ; the end", "#jepsen.history.Op{:index 5}");
        check("(a - + ... #_(no) #inst \"2024\")", "(a - + ... #inst \"2024\")");
        check(r#""\"\\\n\u00e9\ud83d\ude00é""#, r#""\"\\\né😀é""#);
    }

    #[test]
    fn errors_have_a_position_the_found_and_the_expected_text() {
        check_error("", "line 1, column 1: expected a value, found the end");
        check_error("[1 \u{1b}[2J}", "line 1, column 8: expected a value or ], found `}`");
        check_error("}\u{1b}", "line 1, column 1: expected a value, found `}\\u{1b}`");
        check_error("{:a\n é [1}", "line 2, column 6: expected a value or ], found `}`");
        check_error("{:a 1 :b}", "line 1, column 9: expected a value for the key, found `}`");
        check_error("{:a 1 :a 2}", "line 1, column 7: expected keys that differ, found `:a 2}`");
        check_error("1 2", "line 1, column 3: expected nothing after the value, found `2`");
        check_error("[\"abc", "line 1, column 2: expected a string that is closed, found `\"abc`");
        check_error(
            r#""a\x""#,
            "line 1, column 3: expected an escape such as \\n or \\u00e9, found `\\x\"`",
        );
        check_error("#{1 1N}", "line 1, column 5: expected elements that differ, found `1N}`");
        check_error("[\\", "line 1, column 2: expected a character, found `\\`");
        check_error("#foo", "line 1, column 5: expected a value for the tag, found the end");
        check_error("[#<Foo", "line 1, column 2: expected a > that closes #<, found `#<Foo`");
        check_error("[#\"a", "line 1, column 2: expected a pattern that is closed, found `#\"a`");
        check_error("#:a[1]", "line 1, column 4: expected a map of the namespace, found `[1]`");
        check_error("[^:a", "line 1, column 5: expected a value or ], found the end");
        for deep in ["[", "#_", "^", "#a ", "'[", "#'["] {
            let error = Value::read_edn(&deep.repeat(1_000_000)).unwrap_err();
            assert!(error.to_string().contains("nested levels"), "{deep}: {error}");
        }
    }

    /// Checks text that Clojure 1.11 prints for all kinds of objects, and text that people write.
    #[test]
    fn everything_that_clojure_prints_is_printed_back_unchanged() {
        for text in [
            "[1 1N 123456789012345678901 1/3 -0.50M 1E+3M 1.0E-5 ##NaN -0.0]",
            "(\\a \\newline \\space \\é \\( \\\\ \\\" \\; [\\]])",
            "#user.Foo{:a 1, :b #inst \"2020-01-01T00:00:00.000-00:00\"}",
            "#uuid \"f81d4fae-7dec-11d0-a765-00a0c91e6bf6\"",
            "{:re #\"a\\\"b\\d\", :var #'clojure.core/+}",
            "#:foo{:a 1, b 2}",
            "[user$eval12 Foo. foo->bar a' 'x % a#b clojure.core/+ / <= *ns* ..]",
            "#object[java.net.SocketException 0x6f2958e \"java.net.SocketException: reset\"]",
            "#object[\"[B\" 0x7ea4d397 \"[B@7ea4d397\"]",
            "#object[clojure.lang.Atom 0x77e80a5e {:status :ready, :val #object[A 0x1 \"]\"]}]",
            "{:error #error {\n :cause \"x\"\n :via\n [{:type Foo\n   :at [a b \"c\" 5]}]\n :trace\n []}}",
            "[#<Object java.lang.Object@1f> #<Atom@1: {:a #<B c->d>}> 1]",
            "[1 2 ... #]",
            "#foo/bar [1]",
            "#foo #bar {:a 1}",
            "#foo x",
            "[10.0.0.1 1_000 08 0x 1/0 0xfoo:bar 2020-01-01T00:00:00Z]",
            "('(a b) `(c ~d ~@(e)) @(f) '\"g\" '#{1} #(+ % 1) #=(h) #?(:clj 1) #?@(:cljs [2]) #::a{:b 1} ##Foo)",
            "[: :a/b/c ::a :1 :a@b :a\\b]",
            "{##NaN 1, ##NaN 2}",
            "#{0.1 0.1}",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn different_notations_mean_the_same() {
        check("[0x6f 017 2r101 4/2 012.50M 1e3M]", "[111 15 5 2 12.50M 1E+3M]");
        check("[\\u00e9 \\o101 \\u0020\\tab\\a]", "[\\é \\A \\space \\tab \\a]");
        check("[\\ud800 \\o400 \\foo \\u41 \\éa]", "[\\ud800 \\o400 \\foo \\u41 \\éa]");
        check("#:a {:b 1 :_/c 2 :d/e 3 \"s\" 4}", "{:a/b 1, :c 2, :d/e 3, \"s\" 4}");
        check("#:a{:b {:c 1}}", "#:a{:b {:c 1}}");
        check("^{:line 1} [^String a #^:b c]", "[a c]");
        check("#jepsen.history.Op {:a 1}", "#jepsen.history.Op{:a 1}");
        check("#foo{:a 1}", "#foo {:a 1}");
        check("#_ #_ 1 2 3 ; a\r#_4", "3");
    }
}
