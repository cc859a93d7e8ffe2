//! The library and its nodes from outside: as a process, on the wire, on disk.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod fuzz;
mod memory;
mod process;
mod requests;
mod restart;
mod storage;
mod tidy;
mod wire;
