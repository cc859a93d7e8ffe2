//! Comparisons of the checkers with Maelstrom's results, and of the EDN reader with another one.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

mod edn;
mod recordings;
