//! Tests of the library and the nodes from outside: as processes, by messages, on disk.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod fuzz;
mod memory;
mod process;
mod requests;
mod restart;
mod storage;
mod tidy;
mod wire;
