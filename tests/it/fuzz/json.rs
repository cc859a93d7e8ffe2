//! Independent JSON parser for the oracle: small, slow, and without the parser under test.
//!
//! It follows the grammar of RFC 8259. It is not recursive, so no nesting is too deep.

/// The text of the single value in `text`, without surrounding white space.
pub(crate) fn value(text: &str) -> Option<&str> {
    let mut scanner = Scanner { text, at: 0 };
    let value = scanner.value()?;
    scanner.end().then_some(value)
}

/// The fields of an object in their order, duplicates included; `None` if this is no object, or if
/// a key is no Unicode.
pub(crate) fn fields(text: &str) -> Option<Vec<(String, &str)>> {
    let (mut scanner, mut fields) = (Scanner { text, at: 0 }, Vec::new());
    let mut ends = scanner.next_is(b'{').then(|| scanner.next_is(b'}'))?;
    while !ends {
        scanner.space();
        let start = scanner.at;
        scanner.quoted()?;
        let key = string(&text[start..scanner.at])?;
        scanner.next_is(b':').then_some(())?;
        fields.push((key, scanner.value()?));
        ends = scanner.next_is(b'}') || scanner.next_is(b',').then_some(false)?;
    }
    scanner.end().then_some(fields)
}

/// The items of an array.
pub(crate) fn items(text: &str) -> Option<Vec<&str>> {
    let (mut scanner, mut items) = (Scanner { text, at: 0 }, Vec::new());
    let mut ends = scanner.next_is(b'[').then(|| scanner.next_is(b']'))?;
    while !ends {
        items.push(scanner.value()?);
        ends = scanner.next_is(b']') || scanner.next_is(b',').then_some(false)?;
    }
    scanner.end().then_some(items)
}

/// The characters of a string; `None` if it contains half of a surrogate pair.
pub(crate) fn string(text: &str) -> Option<String> {
    let inner = value(text)?.strip_prefix('"')?.strip_suffix('"')?;
    let (mut units, mut chars) = (Vec::new(), inner.chars());
    while let Some(char) = chars.next() {
        let char = match char {
            '\\' => match chars.next()? {
                'u' => {
                    let digits: String = chars.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).ok()?);
                    continue;
                }
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                itself => itself,
            },
            plain => plain,
        };
        units.extend_from_slice(char.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).ok()
}

/// A number below 2^64 without sign, fraction and exponent.
pub(crate) fn natural(text: &str) -> Option<u64> {
    let text = value(text)?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn value(&mut self) -> Option<&'a str> {
        self.space();
        let (start, mut open) = (self.at, Vec::new());
        loop {
            self.space();
            match self.peek()? {
                b'{' | b'[' => {
                    let close = if self.peek()? == b'{' { b'}' } else { b']' };
                    self.at += 1;
                    if !self.next_is(close) {
                        open.push(close);
                        if close == b'}' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'"' => self.quoted()?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => self.word()?,
            }
            while open.last().is_some_and(|close| self.next_is(*close)) {
                open.pop();
            }
            match open.last() {
                None => return Some(&self.text[start..self.at]),
                Some(b'}') => self.next_is(b',').then(|| self.key())??,
                Some(_) => self.next_is(b',').then_some(())?,
            }
        }
    }

    fn key(&mut self) -> Option<()> {
        self.space();
        self.quoted()?;
        self.next_is(b':').then_some(())
    }

    fn quoted(&mut self) -> Option<()> {
        self.take(b'"').then_some(())?;
        while !self.take(b'"') {
            let byte = self.peek().filter(|byte| *byte >= b' ')?;
            self.at += 1;
            if byte != b'\\' {
                continue;
            }
            let escaped = self.peek().filter(|byte| br#""\/bfnrtu"#.contains(byte))?;
            self.at += 1;
            if escaped == b'u' {
                let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                self.at += 4;
            }
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn word(&mut self) -> Option<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let word =
            ["null", "true", "false"].iter().find(|word| rest.starts_with(word.as_bytes()))?;
        self.at += word.len();
        Some(())
    }

    fn end(&mut self) -> bool {
        self.space();
        self.at == self.text.len()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| b" \t\r\n".contains(&byte)) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Consumes this byte if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let is_here = self.peek() == Some(byte);
        self.at += usize::from(is_here);
        is_here
    }

    /// Consumes white space, and then this byte if it is next.
    fn next_is(&mut self, byte: u8) -> bool {
        self.space();
        self.take(byte)
    }
}

#[test]
fn the_independent_parser_agrees_with_serde_json_on_the_grammar() {
    #[track_caller]
    fn check(text: &str, is_json: bool) {
        assert_eq!(value(text).is_some(), is_json);
        let theirs: Result<&serde_json::value::RawValue, _> = serde_json::from_str(text);
        assert_eq!(theirs.is_ok(), is_json, "serde_json says {theirs:?}");
    }
    for good in ["0", "-0", "1e400", "1E2", "0.10", " [ ] ", "{}", r#"{"a":[{"b":"\ud800"}]}"#] {
        check(good, true);
    }
    for bad in ["", "01", "-", "1.", ".1", "+1", "1e", "[1,]", "[", "]", "{1:2}", r#"{"a"}"#] {
        check(bad, false);
    }
    for bad in [r#""\x""#, r#""\u12g4""#, "\"\t\"", "\u{c}1", "tru", "1 2", "[1]]", "\u{feff}1"] {
        check(bad, false);
    }
    assert_eq!(string(r#""\ud83d\ude00\n""#).as_deref(), Some("😀\n"));
    assert_eq!(string(r#""\ude00""#), None);
    assert_eq!(fields(r#" {"a" : 1 ,"a":[2 ]} "#).unwrap()[1], ("a".to_owned(), "[2 ]"));
    assert_eq!(items("[ 1, {} ]"), Some(vec!["1", "{}"]));
    assert_eq!(
        (natural("18446744073709551615"), natural("18446744073709551616")),
        (Some(u64::MAX), None)
    );
}
