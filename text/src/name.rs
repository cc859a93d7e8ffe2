//! Names that people type: matched exactly, and a mistyped name gets a suggestion.

use std::error::Error;
use std::fmt::{self, Display};

/// An unknown name, with the known ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    kind: &'static str,
    received: String,
    known: Vec<String>,
}

/// Finds the item that is displayed as `received`; `kind` names the set in the error.
pub fn find<T: Copy + Display>(
    kind: &'static str,
    all: &[T],
    received: &str,
) -> Result<T, UnknownName> {
    let found = all.iter().copied().find(|item| item.to_string() == received);
    found.ok_or_else(|| {
        let known = all.iter().map(ToString::to_string).collect();
        UnknownName::new(kind, received, known)
    })
}

impl UnknownName {
    /// An error for a name that is not in `known`; `kind` names the set.
    pub fn new(kind: &'static str, received: &str, known: Vec<String>) -> UnknownName {
        UnknownName { kind, received: received.to_owned(), known }
    }

    /// The nearest known name, if it is near enough to be a likely correction.
    fn suggestion(&self) -> Option<&str> {
        let received = self.received.to_lowercase();
        // A single character, or a number, is equally near to all short names.
        if received.chars().nth(1).is_none() || received.parse::<f64>().is_ok() {
            return None;
        }
        let (edits, name) =
            self.known.iter().map(|name| (distance(&received, name), name)).min()?;
        (edits <= name.len().div_ceil(3)).then_some(name)
    }
}

impl Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} is called {:?}", self.kind, self.received)?;
        if let Some(name) = self.suggestion() {
            write!(f, "; did you mean {name}?")?;
        }
        write!(f, " (known: {})", self.known.join(", "))
    }
}

impl Error for UnknownName {}

/// The Levenshtein distance: the number of characters to insert, remove or replace.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (removed, character) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = removed + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(received: &str, expected: &str) {
        let found = find("color", &["red", "green", "blue"], received);
        let shown = found.map_or_else(|error| error.to_string(), str::to_owned);
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_name_is_found_exactly_and_a_slip_gets_a_suggestion() {
        let known = "(known: red, green, blue)";
        check("red", "red");
        check("gren", &format!("no color is called \"gren\"; did you mean green? {known}"));
        check("Red", &format!("no color is called \"Red\"; did you mean red? {known}"));
        check("mauve", &format!("no color is called \"mauve\" {known}"));
        check("", &format!("no color is called \"\" {known}"));
        let short = |received| find("color", &["b", "12", "xyz1"], received).unwrap_err();
        assert_eq!(short("a").suggestion(), None);
        assert_eq!(short("11").suggestion(), None);
        assert_eq!(short("xyz2").suggestion(), Some("xyz1"));
    }

    #[test]
    fn distance_counts_edits() {
        for (from, to, edits) in [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0)] {
            assert_eq!((distance(from, to), distance(to, from)), (edits, edits), "{from} {to}");
        }
    }
}
