//! Runs tests with processes, from the first line on STDERR to the verdict.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc;

use super::progress::Progress;
use super::signals::Signals;
use super::status;
use crate::checker::Validity;
use crate::drive;
use crate::interpreter::Interpreter;
use crate::network::{EventKind, Message};
use crate::processes::{Command, Processes, Program};
use crate::report::Report;
use crate::store::Record;
use crate::test::Test;

/// What `eddy test` was asked for.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) test: Test,
    pub(super) bin: PathBuf,
    pub(super) arguments: Vec<std::ffi::OsString>,
    pub(super) store: PathBuf,
    /// How many times the test is run, as long as it is valid.
    pub(super) times: u64,
    pub(super) log_stderr: bool,
    pub(super) log_send: bool,
    pub(super) log_receive: bool,
}

/// Runs a test, once or several times, and tells the exit status.
pub(super) fn run(settings: &Settings) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen().context("signals cannot be listened to")?;
        for round in 0..settings.times {
            let mut test = settings.test.clone();
            test.seed = test.seed.wrapping_add(round);
            let valid = run_once(settings, &test, &mut signals).await?;
            if valid != Validity::Valid {
                return Ok(status(valid));
            }
        }
        Ok(status(Validity::Valid))
    })
}

async fn run_once(settings: &Settings, test: &Test, signals: &mut Signals) -> Result<Validity> {
    let nodes = test.node_ids();
    let program = Program::find(&settings.bin, nodes.first().map_or("", String::as_str))?;
    let record = Record::create(&settings.store, &test.workload.to_string())?;
    eprintln!("eddy: {} with {}, seed {}", test.workload, named(&nodes), test.seed);
    let command = Command {
        program,
        arguments: settings.arguments.clone(),
        logs: record.node_logs(),
        log_stderr: settings.log_stderr,
    };
    let (sender, mut events) = mpsc::unbounded_channel();
    let mut processes = Processes::start(&command, &nodes, &sender).await?;
    let mut interpreter = Interpreter::new(test);
    interpreter.watch(settings.watcher());
    let mut progress = Progress::of(test, settings.logs_to_stderr());
    let update = |interpreter: &Interpreter| progress.update(interpreter);
    let driven =
        drive::drive(&mut interpreter, &mut processes, &mut events, signals.next(), update).await;
    drop(progress);
    processes.stop().await;
    let directory = record.directory();
    // Before anything is judged, so that nothing that happens there can lose it.
    record.keep_history(interpreter.history())?;
    if let Err(failure) = driven {
        let failure = failure.to_string();
        let is_clause = !failure.contains('\n') && !failure.ends_with(['.', '?']);
        let separator = if is_clause { "; " } else { "\n" };
        bail!("{failure}{separator}what was recorded is in {}", directory.display());
    }
    let report = Report::new(test, interpreter, None);
    record.keep_results(&report.results)?;
    print(&report).context("the results cannot be printed")?;
    Ok(report.valid)
}

/// The nodes by name, as long as that fits a line.
fn named(nodes: &[String]) -> String {
    match nodes {
        [first, .., last] if nodes.len() > 8 => {
            format!("{first} … {last} ({} nodes)", nodes.len())
        }
        few => few.join(" "),
    }
}

/// Prints results, warnings and, as the last line, Maelstrom's verdict.
fn print(report: &Report) -> io::Result<()> {
    let mut text = report.results.pretty();
    text.push('\n');
    for warning in &report.warnings {
        text.extend(["warning: ", warning, "\n"]);
    }
    text.extend(["\n", sentence(report.valid), "\n"]);
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever read this has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// What Maelstrom says at the end, which scripts look for.
fn sentence(valid: Validity) -> &'static str {
    match valid {
        Validity::Valid => "Everything looks good! ヽ(‘ー`)ノ",
        Validity::Invalid => "Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻",
        Validity::Unknown => "Errors occurred during analysis, but no anomalies found. ಠ~ಠ",
    }
}

impl Settings {
    fn logs_to_stderr(&self) -> bool {
        self.log_stderr || self.log_send || self.log_receive
    }

    fn watcher(&self) -> fn(EventKind, &Message) {
        match (self.log_send, self.log_receive) {
            (false, false) => |_, _| {},
            (true, false) => |kind, message| log(kind == EventKind::Send, "send", message),
            (false, true) => |kind, message| log(kind == EventKind::Receive, "recv", message),
            (true, true) => |kind, message| {
                log(kind == EventKind::Send, "send", message);
                log(kind == EventKind::Receive, "recv", message);
            },
        }
    }
}

fn log(is_wanted: bool, what: &str, message: &Message) {
    if is_wanted {
        eprint!("{what} {}", message.line());
    }
}
