//! Text in a picture: estimated width, formatted numbers, and XML escapes.

/// Estimated width of a text in pixels, in the widest of the usual sans-serif fonts.
///
/// A smaller estimate would let labels overlap; a larger one only moves them apart.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let ems = text.chars().map(|c| match c {
        'i' | 'j' | 'l' | 'I' | '\'' | '.' | ',' | ':' | ';' | '|' | '!' | ' ' => 0.33,
        'f' | 'r' | 't' | '(' | ')' | '/' | '-' => 0.41,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.97,
        'A'..='Z' | '<' | '>' | '=' | '+' => 0.76,
        // Chinese, Japanese and Korean characters are as wide as they are high.
        '\u{1100}'.. => 1.0,
        _ => 0.63,
    });
    ems.sum::<f64>() * size
}

/// Number as people write it: 0.5, 20,000, and with an exponent only for very many zeros.
pub(super) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-5..1e12).contains(&magnitude) {
        return format!("{value:e}");
    }
    let written = value.to_string();
    let (whole, rest) = written.split_at(written.find('.').unwrap_or(written.len()));
    // A number of four digits, like a year, needs no comma.
    if magnitude < 10_000.0 {
        return written;
    }
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// Text escaped for XML. Characters that XML does not allow become replacement characters.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        for (value, written) in [
            (0.0, "0"),
            (0.1, "0.1"),
            (0.005, "0.005"),
            (-2.5, "-2.5"),
            (20.0, "20"),
            (2_000.0, "2000"),
            (10_000.0, "10,000"),
            (-100_000.0, "-100,000"),
            (1_234_567.5, "1,234,567.5"),
            (2e12, "2e12"),
            (5e-6, "5e-6"),
        ] {
            assert_eq!(number(value), written);
        }
    }

    #[test]
    fn markup_and_control_characters_are_escaped() {
        assert_eq!(
            escaped("a < b && \"c\" > 'd'\n\0…"),
            "a &lt; b &amp;&amp; &quot;c&quot; &gt; &apos;d&apos; \u{fffd}…"
        );
    }

    #[test]
    fn a_longer_text_is_wider() {
        assert!(width("ill", 12.0) < width("low", 12.0));
        assert!((width("mm", 24.0) - 2.0 * width("mm", 12.0)).abs() < 1e-9);
    }
}
