//! Tests of `eddy-serve` from outside, and of served pages and reports in a browser.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

mod browser;
#[path = "../../../workbench/tests/it/common/place.rs"]
mod place;
mod serve;
