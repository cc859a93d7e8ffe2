//! What nodes wrote, as it may be shown: a terminal obeys control characters, and should obey
//! nobody but its user; and some letters turn others around, so that a line reads as another.

use std::borrow::Cow;

/// A text with its control characters escaped, all but newlines and tabs.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_dangerous(letter) {
            escaped.extend(letter.escape_default());
        } else {
            escaped.push(letter);
        }
    }
    escaped.into()
}

fn is_dangerous(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        // Overrides and isolates of the direction of writing.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        // The last two are no letters, and XML, so SVG, cannot hold them.
        _ => letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}'),
    }
}

/// How much of what a node wrote is shown where that is the point, in letters: a screen of 80
/// columns and 20 lines. Less would cut a reply where it is wrong; more would push what is said of
/// it off the screen.
pub const SCREEN: usize = 1600;

/// The beginning of a line, printable; tells how long the line is where it is cut.
pub fn excerpt(line: &str, letters: usize) -> String {
    let line = line.trim_end();
    match line.char_indices().nth(letters) {
        Some((end, _)) => format!("{}… ({} bytes)", printable(&line[..end]), line.len()),
        None => printable(line).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing_but_text() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(excerpt(text, 8), expected);
        }
        check("ünïcode\n", "ünïcode");
        check("a\tb", "a\tb");
        check("\x1b[2J\r\0", r"\u{1b}[2J\r\u{0}");
        check("\u{9b}1m\x7f", r"\u{9b}1m\u{7f}");
        check("a\u{202e}b\u{2066}", r"a\u{202e}b\u{2066}");
        check("a\u{fffe}\u{ffff}", r"a\u{fffe}\u{ffff}");
        check("123456789", "12345678… (9 bytes)");
    }
}
