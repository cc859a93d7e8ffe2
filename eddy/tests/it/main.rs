//! Tests in virtual time, and what is said when they fail.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

mod failure;
mod nulls;
mod repair;
mod restarts;
mod services;
mod shrink;
mod simulation;
mod workloads;
mod wrong_nodes;
