//! Test helpers: small histories in a short notation, and their check.

use super::KafkaResults;
use crate::{history::History, testing};

/// Parses a script. Each line is an operation from invocation to completion: `0 send a 1 0`
/// (process, key, message, offset; instead of the offset `?` for an indeterminate send and `!` for
/// a failed one), `0 poll a 0:1 1:2 b 0:7`, `0 assign a b`, or `0 txn` and its micro-operations in
/// EDN. Every line takes 20 ms.
#[track_caller]
fn parse(text: &str) -> History {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let ops = lines.map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let (kind, begun, ended) = match words[1..] {
            ["send", key, message, end] => {
                let begun = format!("[[:send \"{key}\" {message}]]");
                match end {
                    "?" => ("info", begun.clone(), begun),
                    "!" => ("fail", begun.clone(), begun),
                    _ => ("ok", begun, format!("[[:send \"{key}\" [{end} {message}]]]")),
                }
            }
            ["assign", ref keys @ ..] => {
                let keys: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
                let keys = format!("[{}]", keys.join(" "));
                ("ok", keys.clone(), keys)
            }
            ["poll", ref polled @ ..] => ("ok", "[[:poll]]".to_owned(), polls(polled)),
            ["txn", ..] => {
                let value = words[2..].join(" ");
                ("ok", value.clone(), value)
            }
            _ => panic!("no operation: {line}"),
        };
        let (process, f) = (words[0], words[1]);
        format!("{process} invoke {f} {begun}\n{process} {kind} {f} {ended}\n")
    });
    testing::history(&ops.collect::<String>())
}

/// Checks a script. The history is leaked, because the result borrows from it.
#[track_caller]
pub(crate) fn check(text: &str) -> KafkaResults<'static> {
    super::check(Box::leak(Box::new(parse(text))))
}

/// The value of a poll: each word is a key, or an offset and a message of the last key.
fn polls(words: &[&str]) -> String {
    let mut polled: Vec<String> = Vec::new();
    for word in words {
        match (word.split_once(':'), polled.last_mut()) {
            (Some((offset, message)), Some(last)) => {
                last.push_str(&["[", offset, " ", message, "] "].concat());
            }
            _ => polled.push(format!("\"{word}\" [")),
        }
    }
    format!("[[:poll {{{}}}]]", polled.join("], ") + if polled.is_empty() { "" } else { "]" })
}
