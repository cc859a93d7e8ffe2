//! Checkers beside what others say of the same.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

mod edn;
mod recordings;
