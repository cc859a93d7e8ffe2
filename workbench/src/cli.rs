//! Command line: Maelstrom's `test`; `check`, which compares a test's figures with limits;
//! `analyze`, which judges a recorded history; `serve`, which shows the store in a browser; and
//! `completions` for shells.
//!
//! Scripts that run `maelstrom test` keep working: same options, same defaults, same last line,
//! same exit status.

mod analyze;
mod arguments;
mod check;
mod colors;
mod completions;
mod help;
mod limits;
mod node_errors;
mod nodes;
mod numbers;
mod progress;
mod repro_command;
mod run;
mod serve;
mod signals;
mod stdout;
mod summary_text;
mod table;
mod typos;
mod value_parser;
mod verdict_output;
mod workloads;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use eddy::Workload;
use eddy_text::printable::printable;

use self::arguments::TestArguments;
use self::check::CheckResult;
use self::completions::CompletionsArguments;
use self::serve::ServeArguments;
use self::stdout::StdoutText;

/// Exit status for invalid arguments.
const INVALID_ARGUMENTS: u8 = 254;

/// Exit status for a test without a verdict.
const NO_VERDICT: u8 = 255;

/// A small Maelstrom: runs Maelstrom nodes and judges them.
#[derive(Debug, Parser)]
#[command(name = "eddy", version, after_help = help::EDDY)]
struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Run nodes as processes and judge whether they meet the workload's guarantees
    #[command(args_override_self = true, after_help = help::MORE, after_long_help = help::TEST)]
    Test(Box<TestArguments>),
    /// Compare the figures of a recorded test with limits
    #[command(args_override_self = true, after_help = help::MORE, after_long_help = help::CHECK)]
    Check(check::CheckArguments),
    /// Judge a recorded history, eddy's or Maelstrom's
    #[command(args_override_self = true, after_help = help::MORE, after_long_help = help::ANALYZE)]
    Analyze(analyze::AnalyzeArguments),
    /// Show the store in a browser: all tests, their reports, and comparisons
    #[command(args_override_self = true, after_help = help::MORE, after_long_help = help::SERVE)]
    Serve(ServeArguments),
    /// Print a completion script for a shell
    #[command(after_long_help = completions::INSTALLATION)]
    Completions(CompletionsArguments),
}

/// Runs the command line of this process, with these workloads in addition to Maelstrom's. Returns
/// the exit status.
pub fn main(custom: &[&'static dyn Workload]) -> ExitCode {
    if let Err(error) = workloads::add(custom) {
        write_stderr(&format!("eddy: {error}"));
        return ExitCode::from(NO_VERDICT);
    }
    let status = parse().and_then(|cli| match cli.command {
        Subcommands::Test(arguments) => {
            let settings = arguments.settings().map_err(|error| argument_error("test", error))?;
            Ok(run::run(&settings).unwrap_or_else(|error| {
                write_stderr(&format!("eddy: {error:#}"));
                NO_VERDICT
            }))
        }
        Subcommands::Check(recorded) => {
            let checked = recorded.check().map_err(|error| argument_error("check", error))?;
            let CheckResult { text, status, mut failure } = checked;
            if let Err(error) = StdoutText::Colored(text).print() {
                failure = Some(format!("the figures cannot be printed: {error}"));
            }
            Ok(failure.map_or(status, |failure| {
                write_stderr(&format!("eddy: {failure}"));
                NO_VERDICT
            }))
        }
        Subcommands::Analyze(recorded) => {
            let analysis = recorded.analyze().map_err(|error| argument_error("analyze", error))?;
            if let Some(origin) = &analysis.origin {
                write_stderr(&format!("eddy: {}", printable(origin)));
            }
            Ok(match analysis.output().print() {
                Ok(()) => limits::exit_status(&analysis.summary),
                Err(error) => {
                    write_stderr(&format!("eddy: the results cannot be printed: {error}"));
                    NO_VERDICT
                }
            })
        }
        Subcommands::Serve(arguments) => {
            let Err(error) = arguments.serve();
            Err(argument_error("serve", error))
        }
        Subcommands::Completions(completions) => {
            Ok(match StdoutText::Plain(completions.script()).print() {
                Ok(()) => 0,
                Err(error) => {
                    write_stderr(&format!("eddy: the script cannot be printed: {error}"));
                    NO_VERDICT
                }
            })
        }
    });
    ExitCode::from(status.unwrap_or_else(|error| {
        // If STDERR is closed, the error cannot be reported.
        let _ = error.print();
        if error.use_stderr() { INVALID_ARGUMENTS } else { 0 }
    }))
}

/// Parses the arguments of this process. The error says what is wrong with them.
fn parse() -> Result<Cli, clap::Error> {
    let mut eddy = Cli::command();
    eddy.build();
    let line: Vec<_> = std::env::args_os().skip(1).collect();
    match typos::find(&eddy, &line) {
        Some((Some(subcommand), text)) => Err(argument_error(&subcommand, text)),
        Some((None, text)) => Err(eddy.error(clap::error::ErrorKind::MissingSubcommand, text)),
        None => Cli::try_parse(),
    }
}

fn argument_error(subcommand: &str, message: impl std::fmt::Display) -> clap::Error {
    let mut command = Cli::command();
    command.build();
    let command = command.find_subcommand_mut(subcommand).expect("a subcommand of ours");
    command.error(clap::error::ErrorKind::ValueValidation, message)
}

/// Writes a line to STDERR; errors are ignored.
fn write_stderr(line: &str) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}
