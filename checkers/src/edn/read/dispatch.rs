//! Reading of forms that begin with `#` or with a quote.

use super::{Reader, Result};
use crate::edn::{Map, Value, order::namespace_and_name};

/// Tags of objects that Clojure cannot read back. Their text is kept: it may have addresses in
/// hexadecimal, and an exception is laid out over several lines.
const UNREADABLE_TAGS: [&str; 2] = ["object", "error"];

impl Reader<'_> {
    /// Reads a form that begins with `#`.
    pub(super) fn dispatch(&mut self) -> Result<Value> {
        let start = self.at;
        let rest = &self.rest()[1..];
        match rest.bytes().next() {
            Some(b'{') => self.nested(2, |reader| reader.set(reader.at - 2)),
            Some(b'"') => self.pattern(),
            Some(b'<') => self.unreadable(),
            Some(b':') if rest[1..].starts_with(char::is_alphabetic) => {
                self.nested(2, Reader::namespaced)
            }
            _ if rest.starts_with(char::is_alphabetic) => self.nested(1, Reader::tagged),
            _ => match self.token_and_collection()? {
                "##Inf" => Ok(Value::Float(f64::INFINITY)),
                "##-Inf" => Ok(Value::Float(f64::NEG_INFINITY)),
                "##NaN" => Ok(Value::Float(f64::NAN)),
                _ => Ok(self.opaque(start)),
            },
        }
    }

    /// Reads a form that begins with `'`, `` ` ``, `~` or `@`: a quoted form, or a name with such a
    /// sign.
    pub(super) fn quoted(&mut self) -> Result<Value> {
        let start = self.at;
        let token = self.token();
        let is_name = token.len() == self.text[start..].len() || !self.opens();
        self.at = start;
        let text = self.token_and_collection()?;
        Ok(if is_name { Value::Symbol(text.to_owned()) } else { Value::Opaque(text.into()) })
    }

    /// Reads a token, and the collection directly behind it, if there is one.
    fn token_and_collection(&mut self) -> Result<&str> {
        let start = self.at;
        let token = self.token();
        if self.opens() {
            // The last sign may belong to what follows: '#{1}.
            self.at -= usize::from(token.len() > 1 && token.ends_with('#'));
            self.nested(0, |reader| reader.value("a value"))?;
        }
        Ok(&self.text[start..self.at])
    }

    /// True if a collection or a string begins here.
    fn opens(&self) -> bool {
        matches!(self.peek(), Some(b'(' | b'[' | b'{' | b'"'))
    }

    fn tagged(&mut self) -> Result<Value> {
        let start = self.at - 1;
        let tag = self.token().to_owned();
        let value = self.value("a value for the tag")?;
        if UNREADABLE_TAGS.contains(&&*tag) {
            return Ok(self.opaque(start));
        }
        Ok(Value::Tagged(tag, Box::new(value)))
    }

    /// Reads a map whose keys have a namespace that is written once: `#:a{:b 1}`.
    fn namespaced(&mut self) -> Result<Value> {
        let namespace = self.token().to_owned();
        self.skip_blanks()?;
        if self.peek() != Some(b'{') {
            return self.fail("a map of the namespace");
        }
        let map = match self.value("a map of the namespace")? {
            Value::Map(map) => map,
            opaque => return Ok(opaque),
        };
        let qualified = |key: Value| {
            let name = match namespace_and_name(&key) {
                Some(("_", name)) => name.to_owned(),
                Some(_) => return key,
                None => match &key {
                    Value::Keyword(name) if !name.contains('/') => format!("{namespace}/{name}"),
                    Value::Symbol(name) if !name.contains('/') => format!("{namespace}/{name}"),
                    _ => return key,
                },
            };
            if matches!(key, Value::Keyword(_)) {
                Value::keyword(name)
            } else {
                Value::Symbol(name)
            }
        };
        let entries = map.into_iter().map(|(key, value)| (qualified(key), value));
        Ok(Value::Map(entries.collect::<Map>().lifted()))
    }

    /// Reads a regular expression, whose escapes are not those of a string.
    fn pattern(&mut self) -> Result<Value> {
        let start = self.at;
        let mut escaped = false;
        let closes = |&(_, byte): &(usize, u8)| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        };
        match self.rest().bytes().enumerate().skip(2).find(closes) {
            Some((quote, _)) => {
                self.at += quote + 1;
                Ok(self.opaque(start))
            }
            None => self.fail("a pattern that is closed"),
        }
    }

    /// Reads an object as Clojure up to 1.6 printed it: `#<Atom@1f: {:a #<Foo foo>}>`.
    fn unreadable(&mut self) -> Result<Value> {
        let (start, mut depth, mut before) = (self.at, 0, b' ');
        for (at, byte) in self.rest().bytes().enumerate() {
            match (before, byte) {
                (b'#', b'<') => depth += 1,
                // An arrow is part of a name.
                (b'-' | b'=', b'>') => {}
                (_, b'>') => depth -= 1,
                _ => {}
            }
            before = byte;
            if byte == b'>' && depth == 0 {
                self.at += at + 1;
                return Ok(self.opaque(start));
            }
        }
        self.fail("a > that closes #<")
    }
}
