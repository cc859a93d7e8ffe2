//! Seeded generator of lines: messages, damaged messages and noise.

use crate::fuzz::node::FIRST_CALL;

const NUMBERS: [&str; 14] = [
    "0",
    "-0",
    "7",
    "-1",
    "1.0",
    "0.10",
    "1E2",
    "1e400",
    "-1e-400",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890",
    "-9223372036854775809",
    "3e0",
];
const INVALID_JSON: [&str; 16] = [
    "01",
    "-01",
    "1.",
    ".5",
    "+1",
    "0x1",
    "1e",
    "-",
    "NaN",
    "1_000",
    "nul",
    "",
    r#""\u00""#,
    r#""\q""#,
    "\"\u{1}\"",
    r#""\""#,
];
const STRINGS: [&str; 9] = [
    r#""""#,
    r#""c1""#,
    r#""é😀""#,
    r#""\u00e9\ud83d\ude00""#,
    r#""\ud800""#,
    r#""\ude00\ud83d""#,
    r#""\u0000""#,
    r#""\"\\\/\b""#,
    "\"\u{7f}\"",
];
const OTHERS: [&str; 8] = [
    "null",
    "true",
    "{}",
    "[]",
    "[ 1,\t2 ,\r3 ]",
    r#"{"a":1,"a":{"a":[{}]}}"#,
    r#"{"\ud800":1}"#,
    r#"["\ud800", {"z": 1.50}]"#,
];
const TOKENS: [&str; 22] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\u",
    "0",
    "-",
    "null",
    " ",
    "\r",
    "\0",
    "\u{c}",
    r#""src":"c1""#,
    r#""dest":"n1""#,
    r#""body":"#,
    r#""type":"echo""#,
    r#""msg_id":1"#,
    "😀",
];
const KINDS: [&str; 16] = [
    r#""echo""#,
    r#""echo""#,
    r#""echo""#,
    r#""echo""#,
    r#""echo""#,
    r#""\u0065cho""#,
    r#""ask""#,
    r#""ask""#,
    r#""answer""#,
    r#""answer""#,
    r#""refuse""#,
    r#""init""#,
    r#""error""#,
    r#""x""#,
    r#""Echo""#,
    r#""\ud800""#,
];

/// Generator of lines, on top of splitmix64.
pub(crate) struct LineGenerator {
    state: u64,
    /// The last `msg_id`.
    last_id: u64,
    /// Upper limit of the calls that the node has made because of these lines.
    calls: usize,
}

impl LineGenerator {
    pub(crate) fn new(seed: u64) -> Self {
        LineGenerator { state: seed, last_id: 0, calls: 0 }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// A message whose fields may be of any type, absent, null or duplicate.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let kind = self.pick(&KINDS);
        self.calls += usize::from(kind == r#""ask""#);
        self.last_id += 1;
        let (id, value, extra) = (self.last_id.to_string(), self.value(), self.value());
        let mut fields = vec![("type", kind), ("msg_id", &id)];
        let answered = match kind {
            r#""answer""# => (FIRST_CALL - 1 + self.below(self.calls + 3) as u64).to_string(),
            _ => self.value(),
        };
        if kind == r#""answer""# || self.below(16) == 0 {
            fields.push(("in_reply_to", &answered));
        }
        fields.push((if kind == r#""answer""# { "value" } else { "echo" }, &value));
        if kind == r#""init""# && self.below(2) == 0 {
            fields.extend([("node_id", r#""n1""#), ("node_ids", r#"["n1"]"#)]);
        }
        if self.below(8) == 0 {
            fields.push(("extra", &extra));
        }
        let body = self.object(&fields);
        self.object(&[("src", r#""c1""#), ("dest", r#""n1""#), ("body", &body), ("id", "5")])
            .into_bytes()
    }

    /// A message, sometimes truncated, or with one byte inserted, removed or changed.
    pub(crate) fn damaged(&mut self) -> Vec<u8> {
        let mut line = self.message();
        if self.below(4) > 0 {
            return line;
        }
        let at = self.below(line.len());
        let byte = b"{}[]\",:0 \xff\\\0\r\n"[self.below(14)];
        match self.below(4) {
            0 => line.truncate(at),
            1 => drop(line.remove(at)),
            2 => line.insert(at, byte),
            _ => line[at] = byte,
        }
        line
    }

    /// A message, sometimes mixed with another one or with a part of itself.
    pub(crate) fn interleaved(&mut self) -> Vec<u8> {
        let mut line = self.message();
        if self.below(4) > 0 {
            return line;
        }
        let at = self.below(line.len());
        match self.below(4) {
            0 => line.extend_from_within(at..),
            1 => line.splice(at.., *br#","body":{}}"#).for_each(drop),
            2 => line.splice(at..at, self.message()).for_each(drop),
            _ => {
                let other = self.message();
                line.splice(at.., other[self.below(other.len())..].to_vec()).for_each(drop);
            }
        }
        line
    }

    /// A message, or sometimes random bytes, tokens or white space.
    pub(crate) fn noise(&mut self) -> Vec<u8> {
        match self.below(10) {
            0 => (0..self.below(60)).map(|_| self.next().to_le_bytes()[0]).collect(),
            1 => (0..self.below(30)).map(|_| self.pick(&TOKENS)).collect::<String>().into_bytes(),
            2 => self.pick(&["", " ", "\r", "\t\r", "\0", "\u{c}", "null", "7"]).into(),
            _ => self.message(),
        }
    }

    fn value(&mut self) -> String {
        let table: &[&str] = match self.below(40) {
            0 => &INVALID_JSON,
            1..16 => &NUMBERS,
            16..28 => &STRINGS,
            _ => &OTHERS,
        };
        self.pick(table).to_owned()
    }

    /// An object of most of these fields in a random order, some of them duplicate or with another
    /// value.
    fn object(&mut self, fields: &[(&str, &str)]) -> String {
        let mut chosen = Vec::new();
        for (key, value) in fields {
            for _ in 0..self.copies() {
                let space = self.pick(&["", "", "", " ", "\t"]);
                let other = (self.below(32) == 0).then(|| self.value());
                let value = other.as_deref().unwrap_or(value);
                let field = match self.below(32) {
                    0 => format!(r#"{space}"\u{:04x}{}":{value}"#, key.as_bytes()[0], &key[1..]),
                    1 => format!(r#""{key}"{space}:{space}{value}{space}"#),
                    _ => format!(r#"{space}"{key}":{value}"#),
                };
                chosen.insert(self.below(chosen.len() + 1), field);
            }
        }
        format!("{{{}}}", chosen.join(","))
    }

    /// The number of copies of a field.
    fn copies(&mut self) -> usize {
        match self.below(32) {
            0 => 0,
            1 => 2,
            _ => 1,
        }
    }
}
