//! Wording of verdicts: common parts of sentences.

use eddy_text::printable;

use crate::edn::Value;
use crate::history::{History, Op};

/// Maximum number of items that a sentence names. A broken node makes many errors; more items hide
/// the pattern, fewer do not show it.
pub(crate) const MAX_NAMED: usize = 8;

/// Maximum length of a quoted error, in characters: enough for its code and its beginning, which
/// say most.
const MAX_ERROR_CHARS: usize = 120;

/// Error codes of Maelstrom's protocol, with their names in histories. A test of eddy compares them
/// with those of glomers.
const ERROR_CODES: [(u8, &str); 11] = [
    (0, "timeout"),
    (1, "node-not-found"),
    (10, "not-supported"),
    (11, "temporarily-unavailable"),
    (12, "malformed-request"),
    (13, "crash"),
    (14, "abort"),
    (20, "key-does-not-exist"),
    (21, "key-already-exists"),
    (22, "precondition-failed"),
    (30, "txn-conflict"),
];

/// A count with its noun: `1 message`, `2 messages`.
pub fn counted<N: PartialEq + From<u8> + std::fmt::Display>(count: N, what: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// A time of nanoseconds in seconds: `0.421 s`.
pub(crate) fn seconds(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000;
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}

/// The time of an entry: `0.421 s`.
pub fn time(op: &Op) -> String {
    seconds(op.time)
}

/// A warning that durations are meaningless, for a history without times.
pub(crate) fn missing_times_warning(history: &History) -> Option<String> {
    history.lacks_time().then(|| {
        "some operations have no time; their order was used instead, so latencies and lags mean \
         nothing"
            .to_owned()
    })
}

/// The error of a completion, as the end of a sentence: `: timed out`.
pub(super) fn error_clause(end: &Op) -> String {
    end.error.as_ref().map_or(String::new(), |why| format!(": {}", error(why)))
}

/// The error of an operation in words: `timed out`, `error 20, key does not exist: "not found"`.
pub fn error(error: &Value) -> String {
    let (name, text) = match error {
        Value::Keyword(name) => (name, None),
        Value::Str(text) => return printable::excerpt(text, MAX_ERROR_CHARS),
        Value::List(parts) | Value::Vector(parts) => match &parts[..] {
            [Value::Keyword(name), rest @ ..] => (name, rest.first()),
            _ => return quoted(error),
        },
        _ => return quoted(error),
    };
    let number = ERROR_CODES.iter().find(|(_, known)| known == name).map(|(number, _)| number);
    let words = match (&**name, number) {
        ("net-timeout", _) => "timed out".to_owned(),
        ("unknown", None) => "an error with an unknown code".to_owned(),
        (name, None) => name.replace('-', " "),
        (name, Some(number)) => format!("error {number}, {}", name.replace('-', " ")),
    };
    match text.filter(|text| **text != Value::Nil) {
        Some(text) => format!("{words}: {}", quoted(text)),
        None => words,
    }
}

fn quoted(value: &Value) -> String {
    printable::excerpt(&value.json().to_string(), MAX_ERROR_CHARS)
}

/// The first few elements as JSON, and the number of others.
pub(super) fn list_first<'a>(elements: impl IntoIterator<Item = &'a Value>) -> String {
    let mut elements = elements.into_iter();
    let few: Vec<String> =
        elements.by_ref().take(MAX_NAMED).map(|each| each.json().to_string()).collect();
    match elements.count() {
        0 => few.join(", "),
        rest => format!("{} and {rest} more", few.join(", ")),
    }
}

/// Joins words: `a`, `a and b`, `a, b and c`; the first few and the number of others, if there are
/// many.
pub fn join_and(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if all.len() <= MAX_NAMED => format!("{} and {last}", first.join(", ")),
        many => format!("{} and {} more", many[..MAX_NAMED].join(", "), many.len() - MAX_NAMED),
    }
}

/// Folds similar sentences about different things into one: the first, and the number of others.
pub(super) fn first_and_count(
    mut sentences: impl Iterator<Item = String>,
    what: &str,
) -> Option<String> {
    let first = sentences.next()?;
    Some(match sentences.count() {
        0 => first,
        1 => format!("{first}; and one more like it"),
        rest => format!("{first}; and {rest} more {what}"),
    })
}

/// The first few sentences, and a line about the others: `and 7 more elements`.
pub(super) fn first_few(mut sentences: impl Iterator<Item = String>, what: &str) -> Vec<String> {
    let mut few: Vec<String> = sentences.by_ref().take(MAX_NAMED).collect();
    match sentences.count() {
        0 => {}
        1 => few.push("and one more".to_owned()),
        rest => few.push(format!("and {rest} more {what}")),
    }
    few
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_a_plural() {
        assert_eq!(counted(1_u64, "message"), "1 message");
        assert_eq!([0, 2].map(|count: u64| counted(count, "node")), ["0 nodes", "2 nodes"]);
    }

    #[test]
    fn an_error_is_described_in_words() {
        #[track_caller]
        fn check(edn: &str, expected: &str) {
            assert_eq!(error(&Value::read_edn(edn).unwrap()), expected);
        }
        check(":net-timeout", "timed out");
        check("[:key-does-not-exist \"not found\"]", "error 20, key does not exist: \"not found\"");
        check("[:timeout nil]", "error 0, timeout");
        check("[:unknown {\"a\" nil}]", "an error with an unknown code: {\"a\":null}");
        check("[:unknown nil]", "an error with an unknown code");
        check("\"indeterminate: Malformed reply: …\"", "indeterminate: Malformed reply: …");
        check(":no-such-server", "no such server");
        check("{:a 1}", "{\"a\":1}");
    }

    #[test]
    fn similar_sentences_are_folded_into_one() {
        let three = || ["a", "b", "c"].map(str::to_owned).into_iter();
        assert_eq!(first_and_count(three(), "letters").unwrap(), "a; and 2 more letters");
        assert_eq!(first_and_count(three().take(2), "letters").unwrap(), "a; and one more like it");
        assert_eq!(first_and_count(three().take(1), "letters").unwrap(), "a");
        assert_eq!(first_and_count(three().take(0), "letters"), None);
    }

    #[test]
    fn the_first_few_are_named() {
        let elements: Vec<Value> = (0..10).map(Value::Int).collect();
        assert_eq!(list_first(&elements[..2]), "0, 1");
        assert_eq!(list_first(&elements), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
        let sentences = || elements.iter().map(Value::to_string);
        assert_eq!(first_few(sentences().take(2), "numbers"), ["0", "1"]);
        assert_eq!(first_few(sentences(), "numbers").last().unwrap(), "and 2 more numbers");
    }
}
