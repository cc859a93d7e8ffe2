//! Tests in virtual time, and the output of those that fail.

#![expect(clippy::unwrap_used, reason = "a panic is the failure of a test")]

mod failure;
mod nulls;
mod repair;
mod restarts;
mod services;
mod shrink;
mod simulation;
mod workloads;
mod wrong_nodes;
