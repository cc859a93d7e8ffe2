//! Printing over several lines, with the layout of Jepsen's results.edn.
//!
//! Jepsen prints with fipp, whose rule is simple: a collection whose end stays within 70 columns
//! goes on one line; any other breaks between *all* its elements, which are aligned behind the
//! opening bracket. Text after a collection (a comma, more closing brackets) may extend beyond the
//! margin, and a map's value always starts on its key's line.

use std::fmt::{self, Write};

use super::{
    Value,
    print::{OneLine, PrettyTag},
};

/// Maximum column of a collection on one line; fipp's default.
const MAX_COLUMN: usize = 70;

impl Value {
    /// Prints the value on as many lines as it needs, without a final newline.
    pub fn pretty(&self) -> String {
        let mut printer = PrettyPrinter::default();
        printer.print(self);
        printer.text
    }
}

#[derive(Default)]
struct PrettyPrinter {
    text: String,
    column: usize,
}

impl PrettyPrinter {
    fn print(&mut self, value: &Value) {
        let start = self.text.len();
        let mut line = BoundedLine {
            text: &mut self.text,
            columns_left: MAX_COLUMN.saturating_sub(self.column),
        };
        if write!(line, "{}", OneLine(value)).is_ok() {
            self.column = MAX_COLUMN - line.columns_left;
            return;
        }
        self.text.truncate(start);
        match value {
            Value::List(elements) => self.put_elements("(", elements.iter(), ")"),
            Value::Vector(elements) => self.put_elements("[", elements.iter(), "]"),
            Value::Set(set) => self.put_elements("#{", set.iter(), "}"),
            Value::Map(map) => {
                self.put_aligned("{", map.iter(), ",", "}", |printer, (key, value)| {
                    printer.print(key);
                    printer.put_text(" ");
                    printer.print(value);
                });
            }
            Value::Tagged(tag, value) => {
                self.put_text(&PrettyTag(tag, value).to_string());
                self.print(value);
            }
            atom => self.put_text(&atom.to_string()),
        }
    }

    fn put_elements<'a>(
        &mut self,
        open: &str,
        elements: impl Iterator<Item = &'a Value>,
        close: &str,
    ) {
        self.put_aligned(open, elements, "", close, PrettyPrinter::print);
    }

    fn put_aligned<T>(
        &mut self,
        open: &str,
        items: impl Iterator<Item = T>,
        separator: &str,
        close: &str,
        put_item: impl Fn(&mut PrettyPrinter, T),
    ) {
        self.put_text(open);
        let indent = self.column;
        for (i, item) in items.enumerate() {
            if i > 0 {
                self.text.push_str(separator);
                self.text.push('\n');
                self.text.extend(std::iter::repeat_n(' ', indent));
                self.column = indent;
            }
            put_item(self, item);
        }
        self.put_text(close);
    }

    fn put_text(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += columns(text);
    }
}

/// The rest of a line; writing beyond the margin is an error.
struct BoundedLine<'a> {
    text: &'a mut String,
    columns_left: usize,
}

impl Write for BoundedLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.columns_left = self.columns_left.checked_sub(columns(text)).ok_or(fmt::Error)?;
        self.text.push_str(text);
        Ok(())
    }
}

/// The width of a text as Java counts it.
fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: &str) {
        let value = Value::read_edn(expected).unwrap();
        assert_eq!(value.pretty(), expected);
    }

    #[test]
    fn a_collection_that_ends_at_the_margin_stays_on_one_line() {
        let (fits, too_wide) = ("x".repeat(62), "x".repeat(63));
        check(&format!("{{:k [{fits} 1],\n :b []}}"));
        check(&format!("{{:k [{too_wide}\n     1],\n :b []}}"));
    }

    #[test]
    fn a_record_breaks_behind_its_bracket() {
        let wide = "x".repeat(60);
        check(&format!("({wide}\n #tag{{:a {wide},\n      :b ()}}\n [])"));
    }
}
