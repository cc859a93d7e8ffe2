//! Running of tests with processes, from the first line on STDERR to the verdict.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eddy::Fault;
use eddy::Test;
use eddy::drive::{self, DriveError};
use eddy::interpreter::Interpreter;
use eddy::network::{EventKind, NetworkMessage};
use eddy::report::{OptionNames, Report};
use eddy_checkers::Validity;
use eddy_pages::page::REPORT;
use eddy_pages::store::{Description, NODE_LOGS, PROGRESS, TestRecord};
use eddy_pages::summary::{FigureLimits, Summary};
use eddy_processes::{
    EVENT_CAPACITY, NodeDiagnostics, Orphans, ProcessConfig, Processes, ProgramFile, file_limit,
};
use eddy_text::printable::printable;
use eddy_text::shell::quote_words;
use tokio::sync::mpsc;

use super::nodes::{ProcessCluster, ProcessEvents};
use super::progress::ProgressDisplay;
use super::signals::{ExitOnSignal, Signals};
use super::stdout::StdoutText;
use super::summary_text::{ReportLinks, SummaryText};
use super::verdict_output::VerdictOutput;
use super::{NO_VERDICT, limits, node_errors, repro_command, write_stderr};

/// Names of the options that decide when faults strike, for advice.
const OPTION_NAMES: OptionNames = OptionNames {
    interval: |interval| format!("--nemesis-interval {}", interval.as_secs_f64()),
    seed: "another --seed",
    time_limit: "a longer --time-limit",
    nodes: "--node-count 3",
};

/// Settings of `eddy test`.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are switches of a command line")]
pub(super) struct TestSettings {
    pub(super) test: Test,
    /// Notices about the arguments, printed at the start.
    pub(super) notices: Vec<String>,
    pub(super) bin: PathBuf,
    pub(super) arguments: Vec<std::ffi::OsString>,
    pub(super) store: PathBuf,
    /// Number of runs, as long as the test is valid and within limits.
    pub(super) test_count: u64,
    /// True if results are printed as EDN, even on a terminal.
    pub(super) edn: bool,
    pub(super) limits: FigureLimits,
    pub(super) log_stderr: bool,
    pub(super) log_send: bool,
    pub(super) log_receive: bool,
}

/// Runs a test once or several times, and returns the exit status.
pub(super) fn run(settings: &TestSettings) -> Result<u8> {
    for notice in &settings.notices {
        write_stderr(&format!("eddy: {}", printable(notice)));
    }
    // It outlives the runtime, so that even a panic leaves no process behind.
    let orphans = Orphans::adopt();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen().context("signals cannot be handled")?;
        for round in 0..settings.test_count {
            let mut test = settings.test.clone();
            test.seed = test.seed.wrapping_add(round);
            let status = run_once(settings, &test, &mut signals, &orphans).await?;
            if status != 0 {
                return Ok(status);
            }
        }
        Ok(0)
    })
}

async fn run_once(
    settings: &TestSettings,
    test: &Test,
    signals: &mut Signals,
    orphans: &Orphans,
) -> Result<u8> {
    let nodes = test.node_ids();
    let first = nodes.first().map_or("", String::as_str);
    let program = ProgramFile::find(&settings.bin, &settings.arguments, first)?;
    file_limit::raise_limit(nodes.len(), test.faults.contains(&Fault::Kill))?;
    let record = TestRecord::create(&settings.store, test.workload.name())?;
    let bin = settings.bin.display().to_string();
    let description =
        Description::of(test, &bin, repro_command::with_seed(env::args_os(), test.seed));
    record.describe(&description)?;
    let workload = test.workload.name();
    write_stderr(&format!("eddy: {workload} with {}, seed {}", names_text(&nodes), test.seed));
    let config = ProcessConfig {
        program,
        arguments: settings.arguments.clone(),
        logs: record.node_logs(),
        storage: record.storage(),
        log_stderr: settings.log_stderr,
    };
    let (sender, events) = mpsc::channel(EVENT_CAPACITY);
    let mut events = ProcessEvents(events);
    let mut history_file = record.begin_history()?;
    let mut cluster = ProcessCluster(Processes::start(&config, &nodes, &sender).await?);
    // Traced, because the report shows every message.
    let mut interpreter = Interpreter::new(&Test { trace: true, ..test.clone() });
    interpreter.watch(settings.message_logger());
    let progress = ProgressDisplay::begin(test, &record.directory(), settings.logs_to_stderr());
    interpreter.on_mistake(progress.line_printer());
    let update = |interpreter: &Interpreter| {
        progress.update(interpreter);
        history_file.append(interpreter.history());
    };
    let supervised = cluster.0.supervised_pids();
    let signal = signals.next();
    let driving = drive::drive(&mut interpreter, &mut cluster, &mut events, signal, update);
    let driven = tokio::select! {
        driven = driving => driven,
        never = orphans.reap_regularly(&supervised) => match never {},
    };
    progress.begin_judging();
    // A node that goes on writing must not wait for a receiver.
    drop(events);
    let diagnostics = cluster.0.stop(Some(orphans)).await;
    // Written before judging, so that a failure there cannot lose the history.
    let recorded = record.end_history(history_file, interpreter.history());
    let interrupted = signals.pending().await.map(DriveError::Interrupted);
    if let Some(failure) = driven.err().or(interrupted) {
        let mut failure_text = describe_failure(&failure, &nodes, &diagnostics);
        match recorded {
            Ok(()) => append_clause(&mut failure_text, &recorded_text(&record.directory())),
            Err(error) => append_clause(&mut failure_text, &format!("{error:#}")),
        }
        let report = Report::without_verdict(test, interpreter, &failure_text);
        let stderr = stderr_errors(Some(&failure), &nodes, &diagnostics);
        let summary = Summary { stderr, ..Summary::of(&report) };
        let pages = eddy_pages::keep_pages(&report, &record, &description, &summary);
        if let Err(error) = &pages {
            append_clause(&mut failure_text, &format!("{error:#}"));
        }
        bail!(
            failure_text + &epilogue(&summary.stderr, pages.is_ok().then_some(&record), test.seed)
        );
    }
    recorded?;
    let progress_file = record.directory().join(PROGRESS);
    let recording_place = recorded_text(&record.directory());
    let judging = ExitOnSignal::begin(move |signal| {
        // Best effort: viewers of the store must not believe that the test is still running.
        let _ = fs::remove_file(&progress_file);
        write_stderr(&format!("eddy: stopped by {signal} during judging; {recording_place}"));
        NO_VERDICT
    });
    let mut report = Report::new(test, interpreter, None);
    let pipe_misuses = nodes.iter().zip(&diagnostics).flat_map(|(node, diagnostics)| {
        misuses_of(diagnostics).map(move |misuse| format!("node {node} {misuse}"))
    });
    report.warn_of_pipes(pipe_misuses.collect());
    report.warn_of_vacuous_faults(OPTION_NAMES);
    record.keep_results(&report.results)?;
    let mut summary = Summary::of(&report).with_limits(settings.limits);
    if report.valid != Validity::Valid {
        summary.stderr = stderr_errors(None, &nodes, &diagnostics);
    }
    let pages = eddy_pages::keep_pages(&report, &record, &description, &summary);
    drop((progress, judging));
    let shown = settings.output(&report, &summary, &record, pages.as_deref().ok());
    shown.print().context("the results cannot be printed")?;
    // The verdict is printed even if the pages cannot be written.
    pages?;
    Ok(limits::exit_status(&summary))
}

/// Describes a failed test, with the diagnostics of the node in question.
fn describe_failure(
    failure: &DriveError,
    nodes: &[String],
    diagnostics: &[NodeDiagnostics],
) -> String {
    let mut failure_text = failure.to_string();
    let DriveError::Node(node_error) = failure else { return failure_text };
    let node = nodes.iter().position(|node| *node == node_error.node);
    let Some(diagnostics) = node.and_then(|node| diagnostics.get(node)) else {
        return failure_text;
    };
    if is_clause(&failure_text) {
        failure_text.push('.');
    }
    for misuse in misuses_of(diagnostics) {
        append_clause(&mut failure_text, &format!("It {misuse}."));
    }
    append_clause(&mut failure_text, &diagnostics.stderr_tail.to_string());
    failure_text
}

/// Text below that of a failed test: errors of other nodes, the report, and the command that
/// repeats the test.
fn epilogue(stderr_lines: &[String], record: Option<&TestRecord>, seed: u64) -> String {
    let report = record.map(report_of);
    let again = quote_words(&repro_command::with_seed(env::args_os(), seed));
    let links = ReportLinks { report: report.as_deref(), repro_command: Some(&again) }.to_string();
    let links = anstream::adapter::strip_str(&links).to_string();
    let stderr_lines = stderr_lines.iter().map(|line| format!("\n{line}"));
    stderr_lines.chain([format!("\n{}", links.trim_end())]).collect()
}

/// Path of a test's report.
fn report_of(record: &TestRecord) -> String {
    record.directory().join(REPORT).display().to_string()
}

/// Lines about errors in the nodes' STDERR, except for the failed node, whose STDERR is shown
/// anyway.
fn stderr_errors(
    failure: Option<&DriveError>,
    nodes: &[String],
    diagnostics: &[NodeDiagnostics],
) -> Vec<String> {
    let failed_node = match failure {
        Some(DriveError::Node(node_error)) => Some(&node_error.node),
        _ => None,
    };
    let is_failed_node = |node: &String| failed_node == Some(node);
    let others = nodes.iter().zip(diagnostics).filter(|(node, _)| !is_failed_node(node));
    node_errors::lines(others, Path::new(NODE_LOGS))
}

/// Misuses of pipes that do not end a test, as predicates for the node.
fn misuses_of(diagnostics: &NodeDiagnostics) -> impl Iterator<Item = String> {
    let unfinished = diagnostics.unterminated_line.as_ref().map(|line| {
        format!("left a line on STDOUT without the newline that ends a message: {line}")
    });
    let closed_stdin = diagnostics.stdin_closed_after.map(|last| {
        format!("closed its STDIN and kept running: everything after message {last} was lost")
    });
    unfinished.into_iter().chain(closed_stdin)
}

fn recorded_text(directory: &Path) -> String {
    format!("the recorded files are in {}", directory.display())
}

/// Appends to the last sentence of a text, or else on a new line.
fn append_clause(failure_text: &mut String, text: &str) {
    let separator = if is_clause(failure_text) { "; " } else { "\n" };
    failure_text.extend([separator, text]);
}

fn is_clause(failure_text: &str) -> bool {
    !failure_text.contains('\n') && !failure_text.ends_with(['.', '?'])
}

/// Names of the nodes, abbreviated if there are more than eight.
fn names_text(nodes: &[String]) -> String {
    match nodes {
        [first, .., last] if nodes.len() > 8 => {
            format!("{first} … {last} ({} nodes)", nodes.len())
        }
        few => few.join(" "),
    }
}

impl TestSettings {
    /// Text to print for a test, on a terminal or elsewhere. `pages` are the lines that explain the
    /// first contradiction, if the pages were written.
    fn output(
        &self,
        report: &Report,
        summary: &Summary,
        record: &TestRecord,
        pages: Option<&[String]>,
    ) -> StdoutText {
        let contradiction = report.contradictions.first().map(|first| first.description.as_str());
        if self.edn || !StdoutText::is_terminal() {
            let results = &report.results;
            return StdoutText::Plain(
                VerdictOutput { results, summary, contradiction }.to_string(),
            );
        }
        let command = repro_command::with_seed(std::env::args_os(), report.test().seed);
        let summary_text = SummaryText {
            summary,
            contradiction,
            propagation: pages.unwrap_or_default(),
            report: pages.map(|_| report_of(record)),
            rest: "in report.html",
            repro_command: Some(quote_words(&command)),
        };
        StdoutText::Colored(summary_text.to_string())
    }

    fn logs_to_stderr(&self) -> bool {
        self.log_stderr || self.log_send || self.log_receive
    }

    fn message_logger(&self) -> fn(EventKind, &NetworkMessage) {
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

fn log(is_wanted: bool, what: &str, message: &NetworkMessage) {
    if is_wanted {
        let line = message.to_line();
        write_stderr(&format!("{what} {}", printable(line.trim_end())));
    }
}
