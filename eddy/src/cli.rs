//! The command line: Maelstrom's `test`; `check`, which compares a test's figures with limits;
//! `analyze`, which judges a history again; and `serve`, which shows the store in a browser.
//!
//! Scripts that run `maelstrom test` go on working: the same options with the same defaults, the
//! same last line, the same exit status.

mod analyze;
mod arguments;
mod check;
mod numbers;
mod progress;
mod run;
mod serve;
mod shown;
mod signals;
mod table;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::analyze::Recorded;
use self::arguments::Arguments;
use self::check::{Checked, Limits};
use self::serve::Serve;
use crate::checker::Validity;

/// The exit status for arguments that make no sense.
const WRONG_ARGUMENTS: u8 = 254;

/// The exit status for a test that did not come to its end.
const NO_RESULT: u8 = 255;

/// A small maelstrom: runs Maelstrom nodes and judges them.
#[derive(Debug, Parser)]
#[command(name = "eddy", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs nodes as processes and tells whether they do what the workload wants.
    #[command(args_override_self = true, after_help = EXIT_STATUS)]
    Test(Box<Arguments>),
    /// Compares the figures of a test with limits.
    #[command(args_override_self = true, after_help = EXIT_STATUS)]
    Check(Limits),
    /// Judges a history that was recorded earlier, here or by Maelstrom.
    #[command(args_override_self = true, after_help = EXIT_STATUS)]
    Analyze(Recorded),
    /// Shows the store in a browser: all tests, their reports, and two of them side by side.
    #[command(args_override_self = true)]
    Serve(Serve),
}

const EXIT_STATUS: &str = "\
Exit status:
  0    valid (and within limits)
  1    not valid (or beyond a limit)
  2    unknown, for lack of evidence
  254  wrong arguments
  255  there is no verdict: the test could not be carried out, or was interrupted;
       or what came of it could not be written";

/// Does what the arguments of this process say, and tells with which status it should exit.
pub fn main() -> ExitCode {
    let status = Cli::try_parse().and_then(|cli| match cli.command {
        Command::Test(arguments) => {
            let settings = arguments.settings().map_err(|error| wrong("test", error))?;
            Ok(run::run(&settings).unwrap_or_else(|error| {
                tell(&format!("eddy: {error:#}"));
                NO_RESULT
            }))
        }
        Command::Check(limits) => {
            let checked = limits.check().map_err(|error| wrong("check", error))?;
            let Checked { text, status, mut failure } = checked;
            if let Err(error) = print(&text) {
                failure = Some(format!("the figures cannot be printed: {error}"));
            }
            Ok(failure.map_or(status, |failure| {
                tell(&format!("eddy: {failure}"));
                NO_RESULT
            }))
        }
        Command::Analyze(recorded) => {
            let analysis = recorded.analyze().map_err(|error| wrong("analyze", error))?;
            Ok(match print(&analysis.shown().to_string()) {
                Ok(()) => status(analysis.valid),
                Err(error) => {
                    tell(&format!("eddy: the results cannot be printed: {error}"));
                    NO_RESULT
                }
            })
        }
        Command::Serve(arguments) => {
            let settings = arguments.settings().map_err(|error| wrong("serve", error))?;
            Ok(serve::serve(settings).unwrap_or_else(|error| {
                tell(&format!("eddy: {error:#}"));
                NO_RESULT
            }))
        }
    });
    ExitCode::from(status.unwrap_or_else(|error| {
        // There is nobody left to tell that STDERR is closed.
        let _ = error.print();
        if error.use_stderr() { WRONG_ARGUMENTS } else { 0 }
    }))
}

fn wrong(subcommand: &str, message: impl std::fmt::Display) -> clap::Error {
    let mut command = Cli::command();
    command.build();
    let command = command.find_subcommand_mut(subcommand).expect("a subcommand of ours");
    command.error(clap::error::ErrorKind::ValueValidation, message)
}

/// Prints a text to STDOUT; whoever has closed it has seen enough.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Writes a line to STDERR, if anybody reads it.
fn tell(line: &str) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

/// The exit status for a verdict.
fn status(valid: Validity) -> u8 {
    match valid {
        Validity::Valid => 0,
        Validity::Invalid => 1,
        Validity::Unknown => 2,
    }
}
