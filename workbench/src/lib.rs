//! The `eddy` command as a function, for a program that has workloads of its own.
//!
//! Its `main` is one line, `eddy_workbench::main(&[&Lock])`, and then it is eddy with one more name
//! behind `-w`. `examples/lock.rs` is such a program. What a workload is made of is in
//! [`eddy::workload`] and [`eddy::client`].

mod cli;
mod serve;

pub use self::cli::main;
