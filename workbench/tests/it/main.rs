//! Tests of the `eddy` command from outside.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

mod analyze;
mod bad_nodes;
mod cli;
mod common;
mod documents;
mod eddy_serve;
mod faults;
mod field;
mod field_nodes;
mod judged_again;
mod kept;
#[path = "../../examples/lock.rs"]
#[expect(dead_code, reason = "it is a program, with tests of its own")]
mod lock;
mod many;
mod own_workload;
mod services;
mod terminal;
