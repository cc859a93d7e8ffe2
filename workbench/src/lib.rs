//! The `eddy` command as a function, for programs with their own workloads.
//!
//! Such a program's `main` is one line, `eddy_workbench::main(&[&Lock])`. It is eddy with one more
//! name for `-w`. `examples/lock.rs` is an example. [`eddy::workload`] and [`eddy::client`] explain
//! how to write a workload.

mod cli;

pub use self::cli::main;
