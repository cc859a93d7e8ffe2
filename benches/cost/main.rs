//! What a message costs: ours beside a bare loop, run alternately, with a bound for each figure.
//!
//! A machine that others use gives other figures every time, but it slows both sides down alike. So
//! what counts are ratios: each pair of runs gives one, and the median of all pairs is compared
//! with the bound. `make bench` prints the table, and fails if a bound is missed.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a benchmark that fails")]
#![expect(clippy::cast_precision_loss, reason = "counts and times are far below 2^53")]

mod in_process;
mod pairs;
mod pipes;
mod process;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The bare loops run as programs of their own, as nodes do: this one, with another first word.
    match std::env::args().nth(1).as_deref() {
        Some(pipes::BARE_LOOP) => pipes::bare_loop(),
        Some(pipes::BARE_WRITE) => pipes::bare_write(),
        _ => return measure(),
    }
    .unwrap();
    ExitCode::SUCCESS
}

fn measure() -> ExitCode {
    pairs::print_head();
    let figures = [
        pipes::throughput,
        pipes::delay,
        pipes::read_of_many_values,
        in_process::echo,
        in_process::rpc,
        process::start,
        process::memory,
    ];
    let mut missed = 0;
    for figure in figures {
        let figure = figure();
        println!("{figure}");
        missed += u8::from(!figure.holds());
    }
    ExitCode::from(u8::from(missed > 0))
}
