//! What is kept of a test, and how it is drawn.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

mod chart;
mod determinism;
