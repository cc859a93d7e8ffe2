//! The `eddy` command from outside, and its pages in a browser.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

mod analyze;
mod bad_nodes;
mod browser;
mod cli;
mod common;
mod documents;
mod faults;
mod field;
mod field_nodes;
mod judged_again;
mod kept;
mod many;
mod serve;
mod services;
mod terminal;
