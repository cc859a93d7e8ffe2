//! Tests of recorded files and charts.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

mod chart;
mod determinism;
