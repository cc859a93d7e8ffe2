//! Costs per message, compared with a bare loop, with a bound for each figure.
//!
//! On a shared machine, absolute times differ from run to run, but both sides slow down alike. So
//! the two sides run alternately, and the median of the ratios of all pairs is compared with the
//! bound. `make bench` prints the table, and fails if a bound is missed.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by a panic")]
#![expect(clippy::cast_precision_loss, reason = "counts and times are far below 2^53")]

mod echo;
mod in_process;
mod pairs;
mod pipes;
mod process;

use std::process::ExitCode;

use self::pairs::Figure;

fn main() -> ExitCode {
    // A bare loop runs as a process like a node: this program, with its name as argument.
    match std::env::args().nth(1).as_deref() {
        Some(pipes::BARE_LOOP) => pipes::bare_loop(),
        Some(pipes::BARE_WRITE) => pipes::bare_write(),
        _ => return measure(),
    }
    .unwrap();
    ExitCode::SUCCESS
}

type Measurement = fn() -> Figure;

/// The benchmarks by name. Command-line arguments select those whose name contains one of them.
const BENCHMARKS: [(&str, Measurement); 7] = [
    ("echo through pipes", pipes::throughput),
    ("echo through pipes, one at a time", pipes::delay),
    ("read of 100 000 values", pipes::read_of_many_values),
    ("echo in process", in_process::echo),
    ("RPC in process, round trip", in_process::rpc),
    ("start to init_ok", process::start),
    ("memory of an idle node", process::memory),
];

fn measure() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let is_wanted = |what: &str| words.is_empty() || words.iter().any(|word| what.contains(word));
    let mut all_hold = true;
    pairs::print_head();
    for (what, figure) in BENCHMARKS.into_iter().filter(|(what, _)| is_wanted(what)) {
        let figure = figure();
        println!("{what:<34}{figure}");
        all_hold &= figure.holds();
    }
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
