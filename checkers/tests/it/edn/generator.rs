//! A generator of EDN texts: a value as Clojure prints it, and in another valid notation.

use eddy_checkers::edn::Value;
use eddy_checkers::random::Random;

/// A generated text in two notations: as Clojure prints it, and with varied notation and blanks.
pub(super) struct GeneratedText {
    pub(super) canonical: String,
    pub(super) noisy: String,
    pub(super) random: Random,
    /// The number of keys so far, which makes them distinct.
    keys: usize,
}

impl GeneratedText {
    /// An empty text.
    pub(super) fn new(random: Random) -> GeneratedText {
        GeneratedText { canonical: String::new(), noisy: String::new(), random, keys: 0 }
    }

    /// Appends the same to both texts.
    fn put(&mut self, text: &str) {
        self.put_as(text, text);
    }

    fn put_as(&mut self, canonical: &str, noisy: &str) {
        self.canonical.push_str(canonical);
        self.noisy.push_str(noisy);
    }

    /// Appends a value with at most this depth of nesting.
    pub(super) fn value(&mut self, depth: u64) {
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
        // The other reader does not support octal numbers.
        let noisy = match self.random.below(4) {
            0 => format!("{sign}0x{magnitude:x}"),
            1 => format!("{sign}0X{magnitude:X}"),
            2 => format!("{sign}2r{magnitude:b}"),
            _ => format!("{sign}{magnitude}"),
        };
        // It supports the smallest number only in decimal.
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
        // Successive numbers have no common factor.
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

    /// Appends a value that is distinct from all earlier keys.
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

    /// Appends this to the canonical text, and an equivalent separator to the other.
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

/// The text with a few characters removed, replaced or inserted.
pub(super) fn mutated(text: &str, random: &mut Random) -> String {
    const LETTERS: [&str; 28] = [
        "(", ")", "[", "]", "{", "}", "#{", "\"", "\\", ";", "#", "#_", "^", "'", "@", ":", "/",
        "0", "7", "N", "M", "e", ".", "-", " ", "\n", "a", "é",
    ];
    let mut letters: Vec<String> = text.chars().map(String::from).collect();
    for _ in 0..=random.below(3) {
        let at = random.index(letters.len() + 1);
        match random.below(3) {
            0 if at < letters.len() => drop(letters.remove(at)),
            1 if at < letters.len() => letters[at] = String::from(*random.choose(&LETTERS)),
            _ => letters.insert(at, (*random.choose(&LETTERS)).to_owned()),
        }
    }
    letters.concat()
}
