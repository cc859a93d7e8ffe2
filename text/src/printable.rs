//! Escaping of text that nodes wrote, so that it is safe to show. Control characters would be
//! commands to a terminal, and direction overrides would make a line read as another.

use std::borrow::Cow;

/// Escapes control characters and direction overrides, except newlines and tabs.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_dangerous(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped.into()
}

fn is_dangerous(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        // Overrides and isolates of the direction of writing.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        // The last two are not characters; XML, and so SVG, cannot hold them.
        _ => character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}'),
    }
}

/// Maximum length of quoted node output, in characters: a screen of 80 columns and 20 lines. A
/// smaller one would cut off the part of a reply that is wrong; a larger one would push the
/// explanation off the screen.
pub const MAX_SCREEN_CHARS: usize = 1600;

/// The beginning of a line, escaped; if the line is cut, its length in bytes follows.
pub fn excerpt(line: &str, max_chars: usize) -> String {
    let line = line.trim_end();
    match line.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}… ({} bytes)", printable(&line[..end]), line.len()),
        None => printable(line).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
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
