//! Truncation of long values and bodies.

use std::fmt::{self, Display, Write};

/// Bytes of a body or value that a page has. Most are shorter; a read of a whole set is not, and a
/// thousand of those would make the page too large.
pub(in crate::page) const MAX_BYTES: usize = 1024;

/// Writer that keeps the first [`MAX_BYTES`] bytes and notes that more came.
struct TruncatingWriter {
    text: String,
    is_full: bool,
}

/// Displayed value, truncated if long. The rest is not even formatted.
pub(in crate::page) fn value(value: &impl Display) -> String {
    let mut writer = TruncatingWriter { text: String::new(), is_full: false };
    // The only error is that the writer is full.
    let _ = write!(writer, "{value}");
    if writer.is_full {
        writer.text.push('…');
    }
    writer.text
}

/// Truncated text, and its whole length, or 0 if it is not truncated.
pub(in crate::page) fn prefix(text: &str) -> (String, usize) {
    if text.len() <= MAX_BYTES {
        return (text.to_owned(), 0);
    }
    (text[..char_boundary(text, MAX_BYTES)].to_owned(), text.len())
}

/// Last character boundary up to `most`.
fn char_boundary(text: &str, most: usize) -> usize {
    (0..=most.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}

/// Time of the history in seconds.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(in crate::page) fn seconds(microseconds: i64) -> String {
    format!("{:.3} s", microseconds as f64 / 1e6)
}

impl Write for TruncatingWriter {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = MAX_BYTES - self.text.len();
        if more.len() <= room {
            self.text.push_str(more);
            return Ok(());
        }
        self.text.push_str(&more[..char_boundary(more, room)]);
        self.is_full = true;
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_truncated_between_characters() {
        assert_eq!(value(&"short"), "short");
        let long = "é".repeat(600);
        let cut = value(&long);
        assert_eq!(cut, format!("{}…", "é".repeat(512)));
        assert_eq!(prefix("short"), ("short".to_owned(), 0));
        assert_eq!(prefix(&format!("x{long}")), (format!("x{}", "é".repeat(511)), 1201));
    }
}
