//! Our reader of EDN beside another one, over many texts that were made up from a seed.
//!
//! The other reader is clojure-reader, which is built in another way: on a stack of its own, with
//! `BTreeMap`s. What both can read has to mean the same to both.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use clojure_reader::edn::{self, Edn};
use eddy::edn::{Map, Value};
use eddy::random::Random;

/// Texts that are made from a value, and texts of which something was then changed.
const TEXTS: usize = 60_000;
const MUTATED: usize = 60_000;

#[test]
fn what_is_written_in_any_way_is_read_as_what_it_is() {
    let random = Random::seeded(23);
    for text in 0..TEXTS {
        let mut made = Made::new(random.fork(&text.to_string()));
        made.value(4);
        let Made { canonical, noisy, .. } = made;
        let value = Value::read_edn(&noisy).unwrap_or_else(|error| panic!("{noisy}: {error}"));
        assert_eq!(value.to_string(), canonical, "from {noisy}");
        let printed = Value::read_edn(&canonical).unwrap();
        assert_eq!(printed.to_string(), canonical);
        assert_eq!(printed, value, "{canonical} and {noisy}");
        // The other reader takes ##Inf for a tag.
        if !noisy.contains("##") {
            let other = edn::read_string(&noisy).unwrap_or_else(|error| panic!("{noisy}: {error}"));
            assert_eq!(of_other(&other), value, "{noisy}");
        }
    }
}

#[test]
fn what_was_changed_is_refused_or_read_by_both() {
    let random = Random::seeded(42);
    let (mut both, mut refused, mut only_here) = (0, 0, 0);
    for text in 0..MUTATED {
        let mut made = Made::new(random.fork(&text.to_string()));
        made.value(3);
        let mutated = mutated(&made.noisy, &mut made.random);
        let (ours, other) = (Value::read_edn(&mutated), read_all(&mutated));
        if let Ok(ours) = &ours {
            let again = Value::read_edn(&ours.to_string());
            assert_eq!(again.as_ref(), Ok(ours), "{mutated} is printed as {ours}");
        }
        match (ours, other) {
            (Ok(ours), Some(other)) if is_common(&mutated, &ours) => {
                both += 1;
                assert_eq!(other, ours, "{mutated}");
            }
            (Ok(_), _) => only_here += 1,
            (Err(_), None) => refused += 1,
            (Err(error), Some(other)) => {
                assert!(is_known_error_of_other(&mutated), "{mutated}: {error}, but {other}");
            }
        }
    }
    // Each of these happened often enough to mean something.
    for (count, what) in [(both, "read by both"), (refused, "refused"), (only_here, "read here")] {
        assert!(count > MUTATED / 20, "{count} texts were {what}");
    }
}

/// The one value of a text for the other reader.
fn read_all(text: &str) -> Option<Value> {
    let (value, rest) = edn::read(text).ok()?;
    // Nothing is left over but blanks, so what is put behind them is what comes next.
    let behind = format!("{rest}\n:end");
    let (next, rest) = edn::read(&behind).ok()?;
    let is_over = of_other(&next) == Value::keyword("end") && rest.is_empty();
    is_over.then(|| of_other(&value))
}

/// Whether a text has only what the other reader takes for the same as Clojure does.
///
/// It knows no metadata, no quotes and no octal numbers, and takes what is opaque here for an error
/// or for a symbol.
fn is_common(text: &str, ours: &Value) -> bool {
    !format!("{ours:?}").contains("Opaque(") && !has_unknown_to_other(text)
}

/// Whether the other reader takes what Clojure refuses.
fn is_known_error_of_other(text: &str) -> bool {
    has_unknown_to_other(text)
}

fn has_unknown_to_other(text: &str) -> bool {
    let is_octal = |token: &str| {
        let digits = token.trim_start_matches(['+', '-']);
        digits.starts_with('0') && digits[1..].starts_with(|c: char| c.is_ascii_digit())
    };
    const ENDS: [char; 12] = [' ', ',', '\n', '\t', '(', ')', '[', ']', '{', '}', '"', ';'];
    text.contains(['^', '\'', '@']) || text.split(ENDS).any(is_octal)
}

fn of_other(value: &Edn<'_>) -> Value {
    let all = |elements: &[Edn<'_>]| elements.iter().map(of_other).collect::<Vec<_>>();
    match value {
        Edn::Nil => Value::Nil,
        Edn::Bool(value) => Value::Bool(*value),
        Edn::Int(number) => Value::Int(*number),
        Edn::BigInt(number) => Value::read_edn(&format!("{number}N")).unwrap(),
        Edn::Rational((numerator, denominator)) => {
            Value::read_edn(&format!("{numerator}/{denominator}")).unwrap()
        }
        Edn::BigDec(number) => {
            Value::read_edn(&format!("{}M", number.to_scientific_notation())).unwrap()
        }
        Edn::Double(number) => Value::Float(number.0),
        Edn::Char(character) => Value::Char(*character),
        Edn::Str(text) => Value::Str(text.to_string()),
        Edn::Key(name) => Value::keyword(name.to_string()),
        Edn::Symbol(name) => Value::Symbol(name.to_string()),
        Edn::List(elements) => Value::List(all(elements)),
        Edn::Vector(elements) => Value::Vector(all(elements)),
        Edn::Set(elements) => Value::Set(elements.iter().map(of_other).collect()),
        Edn::Map(entries) => {
            map(entries.iter().map(|(key, value)| (of_other(key), of_other(value))))
        }
        Edn::Tagged(tag, value) => match (tag.strip_prefix(':'), of_other(value)) {
            (Some(namespace), Value::Map(entries)) => {
                map(entries.into_iter().map(|(key, value)| (qualified(namespace, key), value)))
            }
            (_, value) => Value::Tagged(tag.to_string(), Box::new(value)),
        },
        other => panic!("{other:?} is new"),
    }
}

fn map(entries: impl Iterator<Item = (Value, Value)>) -> Value {
    Value::Map(entries.collect::<Map>())
}

fn qualified(namespace: &str, key: Value) -> Value {
    match &key {
        Value::Keyword(name) if !name.contains('/') => {
            Value::keyword(format!("{namespace}/{name}"))
        }
        Value::Symbol(name) if !name.contains('/') => Value::Symbol(format!("{namespace}/{name}")),
        _ => key,
    }
}

/// A value as Clojure prints it, and as somebody else may have written it.
struct Made {
    canonical: String,
    noisy: String,
    random: Random,
    /// Makes keys that differ.
    keys: usize,
}

impl Made {
    fn new(random: Random) -> Made {
        Made { canonical: String::new(), noisy: String::new(), random, keys: 0 }
    }

    /// Adds the same to both.
    fn put(&mut self, text: &str) {
        self.put_as(text, text);
    }

    fn put_as(&mut self, canonical: &str, noisy: &str) {
        self.canonical.push_str(canonical);
        self.noisy.push_str(noisy);
    }

    /// Adds a value that nests so deep at most.
    fn value(&mut self, depth: u64) {
        let kinds = if depth == 0 { 12 } else { 19 };
        match self.random.below(kinds) {
            0 => self.choose(&["nil", "true", "false"]),
            1 | 2 => self.integer(),
            3 => self.large(),
            4 => self.ratio(),
            5 => self.decimal(),
            6 => self.double(),
            7 => self.string(),
            8 => self.name(":"),
            9 => self.name(""),
            10 => self.character(),
            11 => self.choose(&["##Inf", "##-Inf", "##NaN", "()", "[]", "{}", "#{}"]),
            12 | 13 => self.elements("[", "]", depth),
            14 => self.elements("(", ")", depth),
            15 => self.set(depth),
            16 => self.tagged(depth),
            17 => self.namespaced(depth),
            _ => self.map(depth),
        }
    }

    fn choose(&mut self, texts: &[&str]) {
        let text = *self.random.choose(texts);
        self.put(text);
    }

    fn integer(&mut self) {
        let number = self.random.bits().cast_signed() >> self.random.below(64);
        let plain = number.to_string();
        let sign = if number < 0 { "-" } else { *self.random.choose(&["", "+"]) };
        let magnitude = number.unsigned_abs();
        // The other reader knows no octal numbers.
        let noisy = match self.random.below(4) {
            0 => format!("{sign}0x{magnitude:x}"),
            1 => format!("{sign}0X{magnitude:X}"),
            2 => format!("{sign}2r{magnitude:b}"),
            _ => format!("{sign}{magnitude}"),
        };
        // Nor the smallest number but in decimal.
        self.put_as(&plain, if number == i64::MIN { &plain } else { &noisy });
    }

    fn large(&mut self) {
        let (high, low) = (self.random.bits() | 1 << 63, self.random.bits());
        let number = i128::from(high.cast_signed() | 1) << 62 | i128::from(low >> 2);
        let suffix = *self.random.choose(&["", "N"]);
        self.put(&format!("{number}{suffix}"));
    }

    fn ratio(&mut self) {
        let (numerator, factor) = (self.random.below(1000), 1 + self.random.below(9));
        // One beyond is never a factor.
        let denominator = numerator + 1;
        if numerator == 0 {
            return self.put("1/2");
        }
        let sign = *self.random.choose(&["", "-"]);
        self.put_as(
            &format!("{sign}{numerator}/{denominator}"),
            &format!("{sign}{}/{}", numerator * factor, denominator * factor),
        );
    }

    fn decimal(&mut self) {
        let sign = *self.random.choose(&["", "-"]);
        let whole = self.random.below(1000);
        let text = match self.random.below(3) {
            0 => format!("{sign}{}M", whole + 1),
            1 => format!("{sign}{whole}.{}M", 1 + self.random.below(100_000)),
            _ => format!("{sign}{}.{}E+{}M", 1 + whole % 9, 1 + whole, 7 + self.random.below(300)),
        };
        self.put(&text);
    }

    fn double(&mut self) {
        let number = f64::from_bits(self.random.bits());
        let number = if number.is_finite() { number } else { self.random.fraction() };
        let canonical = Value::Float(number).to_string();
        let noisy = match self.random.below(3) {
            0 => format!("{number:e}"),
            1 => canonical.replace('E', "e"),
            _ => canonical.clone(),
        };
        let noisy = if noisy.contains(['.', 'e']) { noisy } else { canonical.clone() };
        self.put_as(&canonical, &noisy);
    }

    fn string(&mut self) {
        self.put("\"");
        for _ in 0..self.random.below(8) {
            let (canonical, noisy) = *self.random.choose(&[
                ("a", "a"),
                ("é", "é"),
                ("\u{1f600}", "\u{1f600}"),
                (" ", " "),
                (";", ";"),
                ("]", "]"),
                ("\\\"", "\\\""),
                ("\\\\", "\\\\"),
                // A line may break in a string.
                ("\\n", "\n"),
                ("\\t", "\\t"),
            ]);
            self.put_as(canonical, noisy);
        }
        self.put("\"");
    }

    fn name(&mut self, prefix: &str) {
        let letters = ["a", "b-c", "d?", "é", "x1", "*y*", "<=", "foo->bar", "jepsen.client"];
        let mut name = (*self.random.choose(&letters)).to_owned();
        if self.random.below(3) == 0 {
            name = format!("{name}/{}", self.random.choose(&letters));
        }
        self.put(&format!("{prefix}{name}"));
    }

    fn character(&mut self) {
        let (canonical, noisy) = *self.random.choose(&[
            ("\\a", "\\a"),
            ("\\é", "\\é"),
            ("\\newline", "\\newline"),
            ("\\space", "\\space"),
            ("\\(", "\\("),
            ("\\\\", "\\\\"),
            ("\\\"", "\\\""),
        ]);
        self.put_as(canonical, noisy);
    }

    fn elements(&mut self, open: &str, close: &str, depth: u64) {
        self.put(open);
        for i in 0..self.random.below(5) {
            self.separate(if i == 0 { "" } else { " " });
            self.value(depth - 1);
        }
        self.separate("");
        self.put(close);
    }

    fn set(&mut self, depth: u64) {
        self.put("#{");
        for i in 0..self.random.below(5) {
            self.separate(if i == 0 { "" } else { " " });
            self.key(depth - 1);
        }
        self.separate("");
        self.put("}");
    }

    fn map(&mut self, depth: u64) {
        self.put("{");
        for i in 0..self.random.below(5) {
            self.separate(if i == 0 { "" } else { ", " });
            self.key(depth - 1);
            self.separate(" ");
            self.value(depth - 1);
        }
        self.separate("");
        self.put("}");
    }

    /// Adds a value that is in no collection yet.
    fn key(&mut self, depth: u64) {
        self.keys += 1;
        let key = self.keys;
        match self.random.below(4) {
            0 => self.put(&key.to_string()),
            1 => self.put(&format!(":k{key}")),
            2 => self.put(&format!("\"{key}\"")),
            _ => {
                self.put(&format!("[{key}"));
                self.separate(" ");
                self.value(depth);
                self.put("]");
            }
        }
    }

    fn tagged(&mut self, depth: u64) {
        let tag = *self.random.choose(&["#inst", "#foo/bar", "#jepsen.history.Op", "#x"]);
        self.put(tag);
        if tag == "#jepsen.history.Op" {
            self.separate("");
            return self.map(depth);
        }
        self.separate(" ");
        self.value(depth - 1);
    }

    fn namespaced(&mut self, depth: u64) {
        self.put("#:ns{");
        for i in 0..=self.random.below(3) {
            self.separate(if i == 0 { "" } else { ", " });
            self.keys += 1;
            self.put(&format!(":k{}", self.keys));
            self.separate(" ");
            self.value(depth - 1);
        }
        self.put("}");
    }

    /// Adds this to the canonical text, and to the other whatever means the same.
    fn separate(&mut self, canonical: &str) {
        let blank = *self.random.choose(&[
            " ",
            ",",
            "\n",
            "\t",
            "  ",
            " ; no ]\n",
            " #_[1 {:a}]",
            " #_ #_ a \"b\" ",
        ]);
        let blank = if blank.contains("{:a}") { " #_[1 {:a b}] " } else { blank };
        let noisy = if self.random.below(3) > 0 { canonical } else { blank };
        self.put_as(canonical, noisy);
    }
}

/// The text with a few letters taken out, put in, or moved.
fn mutated(text: &str, random: &mut Random) -> String {
    const LETTERS: [&str; 28] = [
        "(", ")", "[", "]", "{", "}", "#{", "\"", "\\", ";", "#", "#_", "^", "'", "@", ":", "/",
        "0", "7", "N", "M", "e", ".", "-", " ", "\n", "a", "é",
    ];
    let mut letters: Vec<String> = text.chars().map(String::from).collect();
    for _ in 0..=random.below(3) {
        let at = random.index(letters.len() + 1);
        match random.below(3) {
            0 if at < letters.len() => drop(letters.remove(at)),
            1 if at < letters.len() => letters[at] = (*random.choose(&LETTERS)).to_owned(),
            _ => letters.insert(at, (*random.choose(&LETTERS)).to_owned()),
        }
    }
    letters.concat()
}
