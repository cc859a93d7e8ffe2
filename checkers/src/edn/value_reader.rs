//! Iteration over the values of a text, whether they are in a collection or in sequence.

use super::{
    ReadError, Value,
    read::{Reader, Result},
};

/// A reader of the values of a text: the elements of a single vector or list, or a sequence of
/// values, on one or several lines.
pub(crate) struct ValueReader<'a> {
    reader: Reader<'a>,
    /// The bracket that ends the values, if they are in a collection.
    close: Option<u8>,
    /// The position of the value that was read last.
    start: usize,
    line: usize,
}

impl<'a> ValueReader<'a> {
    /// A reader of the values of this text.
    pub(crate) fn of(text: &'a str) -> Result<ValueReader<'a>> {
        let mut reader = Reader::new(text);
        reader.skip_blanks()?;
        let close = match reader.peek() {
            Some(b'[') => Some(b']'),
            Some(b'(') => Some(b')'),
            _ => None,
        };
        reader.at += usize::from(close.is_some());
        Ok(ValueReader { reader, close, start: 0, line: 1 })
    }

    /// The next value, with the line on which it begins.
    pub(crate) fn next(&mut self) -> Result<Option<(usize, Value)>> {
        self.reader.skip_blanks()?;
        if self.ends()? {
            return Ok(None);
        }
        self.line += newlines(&self.reader.text[self.start..self.reader.at]);
        self.start = self.reader.at;
        let expected = match self.close {
            Some(b']') => "a value or ]",
            Some(_) => "a value or )",
            None => "a value",
        };
        match self.reader.value(expected) {
            Ok(value) => Ok(Some((self.line, value))),
            Err(error) => Err(self.within_value().unwrap_or(error)),
        }
    }

    fn ends(&mut self) -> Result<bool> {
        match self.close {
            None => Ok(self.reader.peek().is_none()),
            Some(close) if self.reader.closes(close)? => {
                self.reader.skip_blanks()?;
                if self.reader.peek().is_some() {
                    return self.reader.fail("nothing after the collection");
                }
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    /// The error of a value, if it is cut before the next value seems to begin.
    ///
    /// A bracket that is not closed makes all that follows part of the value, so the error would
    /// only be found at the end of the text. The next value begins on a line that is not indented
    /// deeper.
    fn within_value(&self) -> Option<ReadError> {
        let text = self.reader.text;
        let column = self.start - text[..self.start].rfind('\n').map_or(0, |newline| newline + 1);
        let is_next = |at: &usize| {
            let line = &text[at + 1..];
            let content = line.trim_start_matches([' ', '\t']);
            content.starts_with(['{', '#']) && line.len() - content.len() <= column
        };
        let mut newlines = text[self.start..].match_indices('\n').map(|(at, _)| self.start + at);
        let end = newlines.find(is_next)?;
        let mut reader = Reader::new(&text[..end]);
        reader.at = self.start;
        let error = reader.value("a value").err()?;
        let found =
            if error.found == "the end" { "the next value".to_owned() } else { error.found };
        Some(ReadError { found, ..error })
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(usize, String)>> {
        let mut values = ValueReader::of(text)?;
        let mut read = Vec::new();
        while let Some((line, value)) = values.next()? {
            read.push((line, value.to_string()));
        }
        Ok(read)
    }

    #[track_caller]
    fn check(text: &str, expected: &[(usize, &str)]) {
        let read = read(text).unwrap();
        let read: Vec<_> = read.iter().map(|(line, value)| (*line, &**value)).collect();
        assert_eq!(read, expected, "{text}");
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(read(text).unwrap_err().to_string(), expected);
    }

    #[test]
    fn values_stand_in_a_collection_or_one_after_the_other() {
        check("", &[]);
        check(" ; nothing\n", &[]);
        check("1 2\n\n3", &[(1, "1"), (1, "2"), (3, "3")]);
        check("[1\n 2] ; the end", &[(1, "1"), (2, "2")]);
        check("; a list\n(1,\n{:a\n1} 2\n)", &[(2, "1"), (3, "{:a 1}"), (4, "2")]);
        check("[]", &[]);
    }

    #[test]
    fn an_unclosed_bracket_is_reported_before_the_next_value() {
        let place = "line 2, column 6: expected a value or ], found the next value";
        check_error("{:a 1}\n{:b [\n{:c 1}\n{:d 1}", place);
        check_error("[{:a 1}\n {:b [\n {:c 1}]", &place.replace("column 6", "column 7"));
        check_error("({:a 1}\n{:b 1}", "line 2, column 7: expected a value or ), found the end");
        check_error("[1] 2", "line 1, column 5: expected nothing after the collection, found `2`");
        check_error("[1)", "line 1, column 3: expected a value or ], found `)`");
        // A value that continues on a deeper line is not cut.
        check_error(
            "{:a\n  {:b 1}\n :c ]}",
            "line 3, column 5: expected a value for the key, found `]}`",
        );
    }
}
