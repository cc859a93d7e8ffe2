//! Reading of strings and their escapes.

use super::{Reader, Result};

const ESCAPE: &str = "an escape such as \\n or \\u00e9";

impl Reader<'_> {
    /// Reads a string from its opening quote to its closing one.
    pub(super) fn string(&mut self) -> Result<String> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(['"', '\\']) else {
                return self.fail_at(start, "a string that is closed");
            };
            text.push_str(&rest[..end]);
            self.at += end + 1;
            if rest.as_bytes()[end] == b'"' {
                return Ok(text);
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char> {
        let backslash = self.at - 1;
        let escaped = match self.peek() {
            Some(b'n') => Some('\n'),
            Some(b't') => Some('\t'),
            Some(b'r') => Some('\r'),
            Some(b'f') => Some('\u{c}'),
            Some(b'b') => Some('\u{8}'),
            Some(b @ (b'"' | b'\\')) => Some(char::from(b)),
            Some(b'u') => return self.unicode_escape(),
            Some(b'0'..=b'7') => return self.octal_escape(),
            _ => None,
        };
        self.at += 1;
        escaped.map_or_else(|| self.fail_at(backslash, ESCAPE), Ok)
    }

    /// Reads up to three octal digits.
    fn octal_escape(&mut self) -> Result<char> {
        let backslash = self.at - 1;
        let rest = self.rest().as_bytes();
        let length = rest.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        let code = rest[..length].iter().fold(0, |code, digit| 8 * code + u32::from(digit - b'0'));
        self.at += length;
        match u8::try_from(code) {
            Ok(code) => Ok(char::from(code)),
            Err(_) => self.fail_at(backslash, ESCAPE),
        }
    }

    /// Reads `u` and four digits, and the next escape if both form a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char> {
        let backslash = self.at - 1;
        let unit = |at| code_unit(self.text.get(at..at + 6)?);
        let units = unit(backslash).into_iter().chain(unit(backslash + 6));
        match char::decode_utf16(units).next() {
            Some(Ok(character)) => {
                self.at = backslash + 6 * character.len_utf16();
                Ok(character)
            }
            _ => self.fail_at(backslash, ESCAPE),
        }
    }
}

fn code_unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?;
    let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| hexadecimal)
}

#[cfg(test)]
mod tests {
    use crate::edn::Value;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(Value::read_edn(text).ok(), expected.map(Value::from), "{text}");
    }

    #[test]
    fn an_escape_is_complete_or_refused() {
        check(r#""\\\"\n\t\r\f\b""#, Some("\\\"\n\t\r\u{c}\u{8}"));
        check(r#""\u00e9\ud83d\ude00\u0041b""#, Some("é😀Ab"));
        check(r#""\101\7\0608""#, Some("A\u{7}08"));
        check(r#""\400""#, None);
        check(r#""\8""#, None);
        check(r#""\u+0e9""#, None);
        check(r#""\u00""#, None);
        check(r#""\ud83d, \ude00""#, None);
        check(r#""\ude00""#, None);
        check(r#""\é""#, None);
        check(r#""\"#, None);
    }
}
