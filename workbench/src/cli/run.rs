//! Runs tests with processes, from the first line on STDERR to the verdict.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eddy::Fault;
use eddy::Test;
use eddy::drive::{self, Failure};
use eddy::interpreter::Interpreter;
use eddy::network::{EventKind, Message};
use eddy::report::{Options, Report};
use eddy_checkers::Validity;
use eddy_pages::page::REPORT;
use eddy_pages::store::{Description, NODE_LOGS, PROGRESS, Record};
use eddy_pages::summary::{Limits, Summary};
use eddy_processes::{Command, EVENTS, Orphans, Processes, Program, Remains, files};
use eddy_text::printable::printable;
use eddy_text::shell::quoted;
use tokio::sync::mpsc;

use super::brief::{Brief, Links};
use super::nodes::{Cluster, Heard};
use super::progress::Watch;
use super::shown::Shown;
use super::signals::{Signals, Stopping};
use super::text::Text;
use super::{NO_RESULT, again, limits, stderr, tell};

/// The options that decide when faults strike.
const OPTIONS: Options = Options {
    interval: |interval| format!("--nemesis-interval {}", interval.as_secs_f64()),
    seed: "another --seed",
    time_limit: "a longer --time-limit",
    nodes: "--node-count 3",
};

/// What `eddy test` was asked for.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are switches of a command line")]
pub(super) struct Settings {
    pub(super) test: Test,
    /// What is to be said of the arguments before anything is started.
    pub(super) notices: Vec<String>,
    pub(super) bin: PathBuf,
    pub(super) arguments: Vec<std::ffi::OsString>,
    pub(super) store: PathBuf,
    /// How many times the test is run, as long as it is valid and within limits.
    pub(super) times: u64,
    /// Whether results are printed as Maelstrom does, even on a terminal.
    pub(super) edn: bool,
    pub(super) limits: Limits,
    pub(super) log_stderr: bool,
    pub(super) log_send: bool,
    pub(super) log_receive: bool,
}

/// Runs a test, once or several times, and tells the exit status.
pub(super) fn run(settings: &Settings) -> Result<u8> {
    for notice in &settings.notices {
        tell(&format!("eddy: {}", printable(notice)));
    }
    // Outlives the runtime, so that even a panic leaves nothing behind.
    let orphans = Orphans::adopt();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen().context("signals cannot be listened to")?;
        for round in 0..settings.times {
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
    settings: &Settings,
    test: &Test,
    signals: &mut Signals,
    orphans: &Orphans,
) -> Result<u8> {
    let nodes = test.node_ids();
    let first = nodes.first().map_or("", String::as_str);
    let program = Program::find(&settings.bin, &settings.arguments, first)?;
    files::make_room(nodes.len(), test.faults.contains(&Fault::Kill))?;
    let record = Record::create(&settings.store, test.workload.name())?;
    let bin = settings.bin.display().to_string();
    let description = Description::of(test, &bin, again::words(env::args_os(), test.seed));
    record.describe(&description)?;
    let workload = test.workload.name();
    tell(&format!("eddy: {workload} with {}, seed {}", named(&nodes), test.seed));
    let command = Command {
        program,
        arguments: settings.arguments.clone(),
        logs: record.node_logs(),
        storage: record.storage(),
        log_stderr: settings.log_stderr,
    };
    let (sender, events) = mpsc::channel(EVENTS);
    let mut events = Heard(events);
    let mut history_file = record.begin_history()?;
    let mut cluster = Cluster(Processes::start(&command, &nodes, &sender).await?);
    // The report shows every message.
    let mut interpreter = Interpreter::new(&Test { trace: true, ..test.clone() });
    interpreter.watch(settings.watcher());
    let progress = Watch::begin(test, &record.directory(), settings.logs_to_stderr());
    interpreter.tell_mistakes(progress.teller());
    let update = |interpreter: &Interpreter| {
        progress.note(interpreter);
        history_file.note(interpreter.history());
    };
    let kept = cluster.0.kept();
    let signal = signals.next();
    let driving = drive::drive(&mut interpreter, &mut cluster, &mut events, signal, update);
    let driven = tokio::select! {
        driven = driving => driven,
        never = orphans.bury_regularly(&kept) => match never {},
    };
    progress.judge();
    // A node that goes on talking must not wait for somebody to listen.
    drop(events);
    let remains = cluster.0.stop(Some(orphans)).await;
    // Before anything is judged, so that nothing that happens there can lose it.
    let kept = record.end_history(history_file, interpreter.history());
    let interrupted = signals.came().await.map(Failure::Interrupted);
    if let Some(failure) = driven.err().or(interrupted) {
        let mut story = story(&failure, &nodes, &remains);
        match kept {
            Ok(()) => add(&mut story, &recorded(&record.directory())),
            Err(error) => add(&mut story, &format!("{error:#}")),
        }
        let report = Report::without_verdict(test, interpreter, &story);
        let errors = errors(Some(&failure), &nodes, &remains);
        let summary = Summary { stderr: errors, ..Summary::of(&report) };
        let pages = eddy_pages::keep_pages(&report, &record, &description, &summary);
        if let Err(error) = &pages {
            add(&mut story, &format!("{error:#}"));
        }
        bail!(story + &epilogue(&summary.stderr, pages.is_ok().then_some(&record), test.seed));
    }
    kept?;
    let progress_file = record.directory().join(PROGRESS);
    let recorded = recorded(&record.directory());
    let judging = Stopping::begin(move |signal| {
        // Best effort: whoever looks at the store should not wait for more.
        let _ = fs::remove_file(&progress_file);
        tell(&format!("eddy: stopped by {signal} while it was judged; {recorded}"));
        NO_RESULT
    });
    let mut report = Report::new(test, interpreter, None);
    let oddities = nodes.iter().zip(&remains).flat_map(|(node, remains)| {
        oddities(remains).map(move |oddity| format!("node {node} {oddity}"))
    });
    report.note_pipes(oddities.collect());
    report.note_idle_faults(OPTIONS);
    record.keep_results(&report.results)?;
    let mut summary = Summary::of(&report).limit(settings.limits);
    if report.valid != Validity::Valid {
        summary.stderr = errors(None, &nodes, &remains);
    }
    let pages = eddy_pages::keep_pages(&report, &record, &description, &summary);
    drop((progress, judging));
    let shown = settings.shown(&report, &summary, &record, pages.as_deref().ok());
    shown.print().context("the results cannot be printed")?;
    // Whoever has no page still has the verdict.
    pages?;
    Ok(limits::status(&summary))
}

/// Why there is no verdict, with what the node in question left.
fn story(failure: &Failure, nodes: &[String], remains: &[Remains]) -> String {
    let mut story = failure.to_string();
    let Failure::Node(complaint) = failure else { return story };
    let node = nodes.iter().position(|node| *node == complaint.node);
    let Some(remains) = node.and_then(|node| remains.get(node)) else { return story };
    if is_clause(&story) {
        story.push('.');
    }
    for oddity in oddities(remains) {
        add(&mut story, &format!("It {oddity}."));
    }
    add(&mut story, &remains.last_words.to_string());
    story
}

/// What is told below the story of a test that did not come to its end: the errors of other nodes,
/// where there is more to be seen, and how to do it again.
fn epilogue(errors: &[String], record: Option<&Record>, seed: u64) -> String {
    let report = record.map(report_of);
    let again = quoted(&again::words(env::args_os(), seed));
    let links = Links { report: report.as_deref(), again: Some(&again) }.to_string();
    let links = anstream::adapter::strip_str(&links).to_string();
    let errors = errors.iter().map(|line| format!("\n{line}"));
    errors.chain([format!("\n{}", links.trim_end())]).collect()
}

/// Where the report of a test is.
fn report_of(record: &Record) -> String {
    record.directory().join(REPORT).display().to_string()
}

/// The errors that nodes wrote to STDERR, but for a node whose last words are told anyway.
fn errors(failure: Option<&Failure>, nodes: &[String], remains: &[Remains]) -> Vec<String> {
    let told = match failure {
        Some(Failure::Node(complaint)) => Some(&complaint.node),
        _ => None,
    };
    let is_told = |node: &String| told == Some(node);
    let others = nodes.iter().zip(remains).filter(|(node, _)| !is_told(node));
    stderr::lines(others, Path::new(NODE_LOGS))
}

/// What a node did that is no reason to end a test, in words that follow its name.
fn oddities(remains: &Remains) -> impl Iterator<Item = String> {
    let half = remains.half_line.as_ref().map(|half| {
        format!("left half a line on STDOUT, without the newline that ends a message: {half}")
    });
    let deaf = remains.deaf_after.map(|last| {
        format!("closed its STDIN and lived on: what came after message {last} was lost")
    });
    half.into_iter().chain(deaf)
}

fn recorded(directory: &Path) -> String {
    format!("what was recorded is in {}", directory.display())
}

/// Adds to a story what goes on in its sentence if it can.
fn add(story: &mut String, text: &str) {
    let separator = if is_clause(story) { "; " } else { "\n" };
    story.extend([separator, text]);
}

fn is_clause(story: &str) -> bool {
    !story.contains('\n') && !story.ends_with(['.', '?'])
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

impl Settings {
    /// What is printed of a test, on a terminal or elsewhere. Where there are pages, they have told
    /// how what went wrong came about.
    fn shown(
        &self,
        report: &Report,
        summary: &Summary,
        record: &Record,
        pages: Option<&[String]>,
    ) -> Text {
        let contradiction = report.contradictions.first().map(|first| first.what.as_str());
        if self.edn || !Text::is_for_people() {
            let results = &report.results;
            return Text::Plain(Shown { results, summary, contradiction }.to_string());
        }
        let command = again::words(std::env::args_os(), report.test().seed);
        let brief = Brief {
            summary,
            contradiction,
            story: pages.unwrap_or_default(),
            report: pages.map(|_| report_of(record)),
            rest: "in report.html",
            again: Some(quoted(&command)),
        };
        Text::Colored(brief.to_string())
    }

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
        let line = message.line();
        tell(&format!("{what} {}", printable(line.trim_end())));
    }
}
