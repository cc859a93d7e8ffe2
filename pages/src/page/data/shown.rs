//! Values and bodies as far as a page shows them.

use std::fmt::{self, Display, Write};

/// How many bytes of a body, or a value, a page has. Most are shorter; a read of a whole set is
/// not, and a thousand of those would make the page too large.
pub(in crate::page) const MOST_BYTES: usize = 1024;

/// A text that takes no more than so many bytes, and remembers that there was more.
struct Cut {
    text: String,
    is_full: bool,
}

/// What a value displays, cut where it is long. What is cut is not even formatted.
pub(in crate::page) fn value(value: &impl Display) -> String {
    let mut cut = Cut { text: String::new(), is_full: false };
    // The only error is that there is no more room.
    let _ = write!(cut, "{value}");
    if cut.is_full {
        cut.text.push('…');
    }
    cut.text
}

/// The beginning of a text, and its whole length where that is not all.
pub(in crate::page) fn beginning(text: &str) -> (String, usize) {
    if text.len() <= MOST_BYTES {
        return (text.to_owned(), 0);
    }
    (text[..boundary(text, MOST_BYTES)].to_owned(), text.len())
}

/// The last place between two letters up to this one.
fn boundary(text: &str, most: usize) -> usize {
    (0..=most.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}

/// A time of the history, in seconds.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(in crate::page) fn seconds(microseconds: i64) -> String {
    format!("{:.3} s", microseconds as f64 / 1e6)
}

impl Write for Cut {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = MOST_BYTES - self.text.len();
        if more.len() <= room {
            self.text.push_str(more);
            return Ok(());
        }
        self.text.push_str(&more[..boundary(more, room)]);
        self.is_full = true;
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_cut_between_letters() {
        assert_eq!(value(&"short"), "short");
        let long = "é".repeat(600);
        let cut = value(&long);
        assert_eq!(cut, format!("{}…", "é".repeat(512)));
        assert_eq!(beginning("short"), ("short".to_owned(), 0));
        assert_eq!(beginning(&format!("x{long}")), (format!("x{}", "é".repeat(511)), 1201));
    }
}
