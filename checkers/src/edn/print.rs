//! Printing on one line, as Clojure's `prn` and `print` do.

use std::fmt::{self, Display, Formatter, Write};

use super::{Map, Value, order::namespace_and_name};

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_value(f, self, PrintStyle::Readable)
    }
}

impl Value {
    /// The value as Clojure's `print` shows it: strings without quotes or escapes.
    pub fn plain(&self) -> impl Display {
        Plain(self)
    }
}

struct Plain<'a>(&'a Value);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_value(f, self.0, PrintStyle::Plain)
    }
}

/// The value on one line, as [`Value::pretty`] prints it if it is short enough.
pub(super) struct OneLine<'a>(pub(super) &'a Value);

impl Display for OneLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_value(f, self.0, PrintStyle::Pretty)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum PrintStyle {
    /// As `pr` does.
    Readable,
    /// As `print` does.
    Plain,
    /// As fipp does.
    Pretty,
}

fn write_value(out: &mut impl Write, value: &Value, style: PrintStyle) -> fmt::Result {
    match value {
        Value::Nil => out.write_str("nil"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(number) => write!(out, "{number}"),
        Value::BigInt(digits) => write!(out, "{digits}N"),
        Value::Decimal(number) => write!(out, "{number}M"),
        Value::BigInteger(text) | Value::Ratio(text) | Value::Opaque(text) => out.write_str(text),
        Value::Float(number) => write_float(out, *number),
        Value::Char(character) if style == PrintStyle::Plain => out.write_char(*character),
        Value::Char(character) => write_character(out, *character),
        Value::Str(text) if style == PrintStyle::Plain => out.write_str(text),
        Value::Str(text) => write_string(out, text),
        Value::Symbol(name) => out.write_str(name),
        Value::Keyword(name) => write!(out, ":{name}"),
        Value::List(elements) => write_elements(out, "(", elements.iter(), ")", style),
        Value::Vector(elements) => write_elements(out, "[", elements.iter(), "]", style),
        Value::Set(set) => write_elements(out, "#{", set.iter(), "}", style),
        Value::Map(map) => write_map(out, map, style),
        Value::Tagged(tag, value) => {
            let separator = if style == PrintStyle::Pretty {
                PrettyTag(tag, value).separator()
            } else {
                separator(tag, value)
            };
            write!(out, "#{tag}{separator}")?;
            write_value(out, value, style)
        }
    }
}

fn write_map(out: &mut impl Write, map: &Map, style: PrintStyle) -> fmt::Result {
    let namespace = map.namespace().filter(|_| style != PrintStyle::Pretty);
    match namespace {
        Some(namespace) => write!(out, "#:{namespace}{{")?,
        None => out.write_char('{')?,
    }
    for (i, (key, value)) in map.iter().enumerate() {
        out.write_str(if i == 0 { "" } else { ", " })?;
        match (namespace.and_then(|_| namespace_and_name(key)), key) {
            (Some((_, name)), Value::Keyword(_)) => write!(out, ":{name}")?,
            (Some((_, name)), _) => out.write_str(name)?,
            (None, _) => write_value(out, key, style)?,
        }
        out.write_char(' ')?;
        write_value(out, value, style)?;
    }
    out.write_char('}')
}

fn write_elements<'a>(
    out: &mut impl Write,
    open: &str,
    elements: impl Iterator<Item = &'a Value>,
    close: &str,
    style: PrintStyle,
) -> fmt::Result {
    out.write_str(open)?;
    for (i, element) in elements.enumerate() {
        out.write_str(if i == 0 { "" } else { " " })?;
        write_value(out, element, style)?;
    }
    out.write_str(close)
}

/// The separator that `pr` writes between a tag and its value: none between a record's class name
/// and its map, else a space.
fn separator(tag: &str, value: &Value) -> &'static str {
    let is_class = tag.contains('.') && !tag.contains('/');
    let is_plain_map = matches!(value, Value::Map(map) if map.namespace().is_none());
    if is_plain_map && is_class { "" } else { " " }
}

/// The prefix that fipp writes before a tagged value: no space between a tag and a bracket.
pub(super) struct PrettyTag<'a>(pub(super) &'a str, pub(super) &'a Value);

impl PrettyTag<'_> {
    fn separator(&self) -> &'static str {
        match self.1 {
            Value::List(_) | Value::Vector(_) | Value::Set(_) | Value::Map(_) => "",
            _ => " ",
        }
    }
}

impl Display for PrettyTag<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "#{}{}", self.0, self.separator())
    }
}

fn write_character(out: &mut impl Write, character: char) -> fmt::Result {
    match NAMED_CHARACTERS.iter().find(|(_, known)| *known == character) {
        Some((name, _)) => write!(out, "\\{name}"),
        None => write!(out, "\\{character}"),
    }
}

/// The characters that have names.
pub(super) const NAMED_CHARACTERS: [(&str, char); 6] = [
    ("newline", '\n'),
    ("space", ' '),
    ("tab", '\t'),
    ("return", '\r'),
    ("formfeed", '\u{c}'),
    ("backspace", '\u{8}'),
];

fn write_string(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\', '\n', '\t', '\r', '\u{c}', '\u{8}']) {
        out.write_str(&rest[..at])?;
        out.write_str(match rest.as_bytes()[at] {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\t' => "\\t",
            b'\r' => "\\r",
            0xc => "\\f",
            _ => "\\b",
        })?;
        rest = &rest[at + 1..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}

/// Writes the shortest digits that give the number back, laid out as Java's `Double.toString`.
fn write_float(out: &mut impl Write, number: f64) -> fmt::Result {
    if !number.is_finite() {
        return out.write_str(match number {
            f64::INFINITY => "##Inf",
            f64::NEG_INFINITY => "##-Inf",
            _ => "##NaN",
        });
    }
    if number == 0.0 || (1e-3..1e7).contains(&number.abs()) {
        return write!(out, "{number:?}");
    }
    let scientific = format!("{number:E}");
    match scientific.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => write!(out, "{digits}.0E{exponent}"),
        _ => out.write_str(&scientific),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Map, Set},
        *,
    };

    #[track_caller]
    fn check(value: impl Into<Value>, readable: &str, plain: &str) {
        let value = value.into();
        assert_eq!(value.to_string(), readable);
        assert_eq!(value.plain().to_string(), plain);
    }

    #[test]
    fn numbers_look_as_java_prints_them() {
        check(1.0, "1.0", "1.0");
        check(-0.0, "-0.0", "-0.0");
        check(0.001, "0.001", "0.001");
        check(0.000_25, "2.5E-4", "2.5E-4");
        check(1e-5, "1.0E-5", "1.0E-5");
        check(9_999_999.5, "9999999.5", "9999999.5");
        check(1e7, "1.0E7", "1.0E7");
        check(f64::NEG_INFINITY, "##-Inf", "##-Inf");
        check(u64::MAX, "18446744073709551615N", "18446744073709551615N");
        check(Value::Decimal("1E+3".into()), "1E+3M", "1E+3M");
        check(Value::Ratio("-1/3".into()), "-1/3", "-1/3");
        check(Value::float32(106.0 / 52.0), "2.0384614", "2.0384614");
        check(Value::float32(1.0), "1.0", "1.0");
    }

    #[test]
    fn strings_are_escaped_only_for_the_reader() {
        check("a \"b\"\\\n\té\u{1}", "\"a \\\"b\\\"\\\\\\n\\té\u{1}\"", "a \"b\"\\\n\té\u{1}");
        let error = vec![Value::keyword("abort"), "no".into(), Value::Nil];
        check(error, "[:abort \"no\" nil]", "[:abort no nil]");
    }

    #[test]
    fn invisible_characters_are_printed_by_name() {
        check(Value::Char('a'), "\\a", "a");
        check(Value::Char('('), "\\(", "(");
        check(Value::Char('\n'), "\\newline", "\n");
        check(vec![Value::Char(' '), Value::Char('\u{8}')], "[\\space \\backspace]", "[  \u{8}]");
    }

    #[test]
    fn collections_look_as_clojure_prints_them() {
        let map = Map::new().with("valid?", true).with("errors", Value::List(Vec::new()));
        check(map.clone(), "{:valid? true, :errors ()}", "{:valid? true, :errors ()}");
        let record = Value::Tagged("jepsen.history.Op".into(), Box::new(map.into()));
        assert_eq!(record.to_string(), "#jepsen.history.Op{:valid? true, :errors ()}");
        let literal = Value::Tagged("foo/bar.baz".into(), Box::new(Map::new().with("a", 1).into()));
        assert_eq!(literal.to_string(), "#foo/bar.baz {:a 1}");
        assert_eq!(literal.pretty(), "#foo/bar.baz{:a 1}");
        check(Map::new().with("a/b", 1).lifted(), "#:a{:b 1}", "#:a{:b 1}");
        check(Map::new().with("a/b", 1).with("b", 1).lifted(), "{:a/b 1, :b 1}", "{:a/b 1, :b 1}");
        let instant = Value::Tagged("inst".into(), Box::new("2024".into()));
        check(instant, "#inst \"2024\"", "#inst 2024");
        check([Value::from(2), Value::from(1)].into_iter().collect::<Set>(), "#{2 1}", "#{2 1}");
    }
}
