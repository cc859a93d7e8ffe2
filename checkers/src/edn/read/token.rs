//! Reading of tokens without brackets: numbers, names and characters.

use super::{Reader, Result, ends_token};
use crate::edn::{Value, number, print::NAMED_CHARACTERS};

/// The value that a token denotes.
pub(super) fn atom(token: &str) -> Value {
    let unsigned = token.strip_prefix(['+', '-']).unwrap_or(token);
    match token {
        "nil" => Value::Nil,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if token.starts_with(':') => Value::keyword(token[1..].to_owned()),
        _ if unsigned.starts_with(|c: char| c.is_ascii_digit()) => {
            number::read(token).unwrap_or_else(|| Value::Opaque(token.into()))
        }
        _ => Value::Symbol(token.to_owned()),
    }
}

impl Reader<'_> {
    /// Reads a character literal; any character may follow the backslash.
    pub(super) fn character(&mut self) -> Result<Value> {
        let start = self.at;
        let rest = &self.rest()[1..];
        let Some(first) = rest.chars().next() else {
            return self.fail("a character");
        };
        let more = &rest.as_bytes()[first.len_utf8()..];
        let ends = |byte: &u8| ends_token(*byte) || *byte == b'\\';
        let length = first.len_utf8() + more.iter().position(ends).unwrap_or(more.len());
        self.at += 1 + length;
        Ok(named_character(&rest[..length]).map_or_else(|| self.opaque(start), Value::Char))
    }
}

/// The character of a name, such as `a`, `newline`, `u00e9` or `o101`.
fn named_character(name: &str) -> Option<char> {
    let mut characters = name.chars();
    if let (Some(only), None) = (characters.next(), characters.next()) {
        return Some(only);
    }
    if let Some((_, known)) = NAMED_CHARACTERS.iter().find(|(known, _)| *known == name) {
        return Some(*known);
    }
    let (digits, radix) = match (name.strip_prefix('u'), name.strip_prefix('o')) {
        (Some(digits), _) if digits.len() == 4 => (digits, 16),
        (_, Some(digits)) if digits.len() <= 3 => (digits, 8),
        _ => return None,
    };
    let all_digits = digits.chars().all(|digit| digit.is_digit(radix));
    let code = u32::from_str_radix(digits, radix).ok().filter(|_| all_digits)?;
    char::from_u32(code).filter(|_| radix == 16 || code <= 0o377)
}
