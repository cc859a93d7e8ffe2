//! A hundred thousand lines that are almost right: no panic, no hang, and exactly one reply to
//! every line that is JSON and says who asked what.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::value::RawValue;

const LINES: u64 = 100_000;
const SEED: u64 = 1;

const INIT: &str = r#"{"src":"c0","dest":"n1","body":{"type":"init","msg_id":0,"node_id":"n1","node_ids":["n1"]}}
"#;

#[test]
fn whatever_comes_is_answered_once_or_not_at_all() {
    let mut random = Random(SEED);
    let deep = "[".repeat(300) + &"]".repeat(300);
    let lines: Vec<_> = (1..=LINES).map(|id| random.line(id, &deep)).collect();
    let mut expected: Vec<_> = lines.iter().filter_map(|line| asker(line)).collect();
    let share = expected.len() as u64 * 100 / LINES;
    assert!((20..80).contains(&share), "{share} % of the lines are requests");

    let mut node = Command::new(env!("CARGO_BIN_EXE_echo"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stdin, mut output) = (node.stdin.take().unwrap(), String::new());
    let writer = std::thread::spawn(move || {
        stdin.write_all(INIT.as_bytes()).unwrap();
        stdin.write_all(&lines.concat()).unwrap();
    });
    node.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    writer.join().unwrap();
    assert!(node.wait().unwrap().success(), "seed {SEED}");

    expected.push(("c0".to_owned(), 0));
    let mut answered: Vec<_> = output.lines().map(answered).collect();
    expected.sort_unstable();
    answered.sort_unstable();
    let difference =
        expected.iter().zip(&answered).find(|(expected, answered)| expected != answered);
    assert_eq!(difference, None, "expected and answered, seed {SEED}");
    assert_eq!(expected.len(), answered.len(), "seed {SEED}");
}

/// Who must get a reply to this line, and under which number.
fn asker(line: &[u8]) -> Option<(String, u64)> {
    let text = String::from_utf8_lossy(line);
    let line: Fields = serde_json::from_str(&text).ok()?;
    let body: Fields = serde_json::from_str(line.get("body")?.get()).ok()?;
    let is_answer = body.get("in_reply_to").is_some_and(|answered| answered.get() != "null");
    let is_error = body.get("type").is_some_and(|kind| kind.get() == "\"error\"");
    let msg_id = serde_json::from_str(body.get("msg_id")?.get()).ok()?;
    let src = serde_json::from_str(line.get("src")?.get()).ok()?;
    (!is_answer && !is_error).then_some((src, msg_id))
}

/// To whom this line replies, and to what.
fn answered(line: &str) -> (String, u64) {
    let line: Fields = serde_json::from_str(line).unwrap();
    let body: Fields = serde_json::from_str(line["body"].get()).unwrap();
    let dest = serde_json::from_str(line["dest"].get()).unwrap();
    (dest, serde_json::from_str(body["in_reply_to"].get()).unwrap())
}

/// The fields of an object, which may be nested deeper than a parser for whole values can follow.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// splitmix64, and what is made of it.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// A message with any of its fields, in any order, some twice; then perhaps damaged.
    fn line(&mut self, id: u64, deep: &str) -> Vec<u8> {
        let msg_id = format!(r#""msg_id":{id}"#);
        let kind = [r#""type":"echo""#, r#""type":"init""#, r#""type":"error""#, r#""type":"x""#];
        let answer =
            ["", "", "", r#""in_reply_to":null"#, r#""in_reply_to":3"#, r#""in_reply_to":{}"#];
        let (kind, answer) = (self.pick(&[&kind[..], &[kind[0]; 3]].concat()), self.pick(&answer));
        let echo = format!(r#""echo":{}"#, self.pick(&["null", "1.50", r#"{"a":[{}]}"#, deep]));
        let body = self.object(&[kind, &msg_id, answer, &echo]);
        let dest = self.pick(&[r#""dest":"n1""#, r#""dest":7"#, r#""dest":"n1""#]);
        let mut line =
            self.object(&[r#""src":"c1""#, dest, &format!(r#""body":{body}"#)]).into_bytes();
        match self.below(8) {
            0 => line.truncate(self.below(line.len())),
            1 => drop(line.remove(self.below(line.len()))),
            2 => line.insert(self.below(line.len()), b"{}[]\",:0 \xff\\"[self.below(11)]),
            3 => line.extend_from_within(self.below(line.len())..),
            4 => line.splice(self.below(line.len()).., *br#","body":{}}"#).for_each(drop),
            _ => {}
        }
        line.retain(|byte| *byte != b'\n');
        line.push(b'\n');
        line
    }

    /// Most of these fields, in a random order.
    fn object(&mut self, fields: &[&str]) -> String {
        let mut chosen = Vec::new();
        for field in fields.iter().filter(|field| !field.is_empty()) {
            let times = [0, 1, 1, 1, 1, 1, 1, 1, 1, 2][self.below(10)];
            for _ in 0..times {
                chosen.insert(self.below(chosen.len() + 1), *field);
            }
        }
        format!("{{{}}}", chosen.join(","))
    }
}
