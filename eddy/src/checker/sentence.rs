//! Words that verdicts are explained in.

use crate::edn::Value;
use crate::history::{History, Op};
use crate::printable;

/// How many of anything are named. A node that is broken errs with all of them.
pub(crate) const NAMED: usize = 8;

/// How much of an error is quoted, in letters: its code and its beginning, which tell most.
const MOST_OF_ERROR: usize = 120;

/// So many of something: `1 message`, `2 messages`.
pub(crate) fn counted<N: PartialEq + From<u8> + std::fmt::Display>(count: N, what: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// A time of nanoseconds in seconds: `0.421 s`.
pub(crate) fn seconds(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000;
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}

/// When an operation began or ended: `0.421 s`.
pub(crate) fn time(op: &Op) -> String {
    seconds(op.time)
}

/// A warning about the durations that are told of a history without times.
pub(super) fn without_times(history: &History) -> Option<String> {
    history.lacks_time().then(|| {
        "there are operations without a :time, so no latency or lag here means anything; the order \
         of the operations stands in for it"
            .to_owned()
    })
}

/// Why an operation did not succeed, for the end of a sentence about it: `: :net-timeout`.
pub(super) fn because(end: &Op) -> String {
    let letters = |error: &Value| printable::excerpt(&error.to_string(), MOST_OF_ERROR);
    end.error.as_ref().map_or(String::new(), |error| format!(": {}", letters(error)))
}

/// The first few elements, and how many more there are.
pub(super) fn listed<'a>(elements: impl IntoIterator<Item = &'a Value>) -> String {
    let mut elements = elements.into_iter();
    let few: Vec<String> = elements.by_ref().take(NAMED).map(Value::to_string).collect();
    match elements.count() {
        0 => few.join(", "),
        rest => format!("{} and {rest} more", few.join(", ")),
    }
}

/// The first few sentences, and one about the others: `and 7 more elements`.
pub(super) fn first_few(mut sentences: impl Iterator<Item = String>, what: &str) -> Vec<String> {
    let mut few: Vec<String> = sentences.by_ref().take(NAMED).collect();
    match sentences.count() {
        0 => {}
        rest => few.push(format!("and {rest} more {what}")),
    }
    few
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!(counted(1_u64, "message"), "1 message");
        assert_eq!([0, 2].map(|count: u64| counted(count, "node")), ["0 nodes", "2 nodes"]);
    }

    #[test]
    fn the_first_few_are_named() {
        let elements: Vec<Value> = (0..10).map(Value::Int).collect();
        assert_eq!(listed(&elements[..2]), "0, 1");
        assert_eq!(listed(&elements), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
        let sentences = || elements.iter().map(Value::to_string);
        assert_eq!(first_few(sentences().take(2), "numbers"), ["0", "1"]);
        assert_eq!(first_few(sentences(), "numbers").last().unwrap(), "and 2 more numbers");
    }
}
