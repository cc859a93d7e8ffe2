//! The command line: Maelstrom's `test`; `check`, which compares a test's figures with limits;
//! `analyze`, which judges a history again; `serve`, which shows the store in a browser; and
//! `completions`, which helps to type all that.
//!
//! Scripts that run `maelstrom test` go on working: the same options with the same defaults, the
//! same last line, the same exit status.

mod again;
mod analyze;
mod arguments;
mod brief;
mod check;
mod colors;
mod completions;
mod help;
mod known;
mod limits;
mod nodes;
mod numbers;
mod progress;
mod run;
mod serve;
mod shown;
mod signals;
mod slips;
mod stderr;
mod table;
mod text;
mod workloads;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use eddy::Workload;
use eddy_text::printable::printable;

use self::arguments::Arguments;
use self::check::Checked;
use self::completions::Completions;
use self::serve::Serve;
use self::text::Text;

/// The exit status for arguments that make no sense.
const WRONG_ARGUMENTS: u8 = 254;

/// The exit status for a test that did not come to its end.
const NO_RESULT: u8 = 255;

/// A small maelstrom: runs Maelstrom nodes and judges them.
#[derive(Debug, Parser)]
#[command(name = "eddy", version, after_help = help::EDDY)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs nodes as processes and tells whether they do what the workload wants.
    #[command(args_override_self = true, after_help = help::MORE, after_long_help = help::TEST)]
    Test(Box<Arguments>),
    /// Compares the figures of a test with limits.
    #[command(args_override_self = true, after_help = help::MORE, after_long_help = help::CHECK)]
    Check(check::Recorded),
    /// Judges a history that was recorded earlier, here or by Maelstrom.
    #[command(args_override_self = true, after_help = help::MORE, after_long_help = help::ANALYZE)]
    Analyze(analyze::Recorded),
    /// Shows the store in a browser: all tests, their reports, and two of them side by side.
    #[command(args_override_self = true, after_help = help::MORE, after_long_help = help::SERVE)]
    Serve(Serve),
    /// Prints what a shell needs to complete commands, options and names.
    #[command(after_long_help = completions::INSTALLATION)]
    Completions(Completions),
}

/// Does what the arguments of this process say, with these workloads beside Maelstrom's, and tells
/// with which status it should exit.
pub fn main(own: &[&'static dyn Workload]) -> ExitCode {
    if let Err(error) = workloads::add(own) {
        tell(&format!("eddy: {error}"));
        return ExitCode::from(NO_RESULT);
    }
    let status = parse().and_then(|cli| match cli.command {
        Command::Test(arguments) => {
            let settings = arguments.settings().map_err(|error| wrong("test", error))?;
            Ok(run::run(&settings).unwrap_or_else(|error| {
                tell(&format!("eddy: {error:#}"));
                NO_RESULT
            }))
        }
        Command::Check(recorded) => {
            let checked = recorded.check().map_err(|error| wrong("check", error))?;
            let Checked { text, status, mut failure } = checked;
            if let Err(error) = Text::Colored(text).print() {
                failure = Some(format!("the figures cannot be printed: {error}"));
            }
            Ok(failure.map_or(status, |failure| {
                tell(&format!("eddy: {failure}"));
                NO_RESULT
            }))
        }
        Command::Analyze(recorded) => {
            let analysis = recorded.analyze().map_err(|error| wrong("analyze", error))?;
            if let Some(origin) = &analysis.origin {
                tell(&format!("eddy: {}", printable(origin)));
            }
            Ok(match analysis.shown().print() {
                Ok(()) => limits::status(&analysis.summary),
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
        Command::Completions(completions) => Ok(match Text::Plain(completions.script()).print() {
            Ok(()) => 0,
            Err(error) => {
                tell(&format!("eddy: the script cannot be printed: {error}"));
                NO_RESULT
            }
        }),
    });
    ExitCode::from(status.unwrap_or_else(|error| {
        // There is nobody left to tell that STDERR is closed.
        let _ = error.print();
        if error.use_stderr() { WRONG_ARGUMENTS } else { 0 }
    }))
}

/// Reads the arguments of this process; an error says what is wrong with them.
fn parse() -> Result<Cli, clap::Error> {
    let mut eddy = Cli::command();
    eddy.build();
    let line: Vec<_> = std::env::args_os().skip(1).collect();
    match slips::find(&eddy, &line) {
        Some((Some(subcommand), text)) => Err(wrong(&subcommand, text)),
        Some((None, text)) => Err(eddy.error(clap::error::ErrorKind::MissingSubcommand, text)),
        None => Cli::try_parse(),
    }
}

fn wrong(subcommand: &str, message: impl std::fmt::Display) -> clap::Error {
    let mut command = Cli::command();
    command.build();
    let command = command.find_subcommand_mut(subcommand).expect("a subcommand of ours");
    command.error(clap::error::ErrorKind::ValueValidation, message)
}

/// Writes a line to STDERR, if anybody reads it.
fn tell(line: &str) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}
