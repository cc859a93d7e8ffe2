//! `eddy analyze`: a verdict on a history that was recorded earlier, here or by Maelstrom.
//!
//! Checkers know nothing but the history, so they can be asked again: after they were mended, with
//! other consistency models, or to see what eddy makes of what Maelstrom has recorded.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use flate2::read::MultiGzDecoder;

use super::brief::Brief;
use super::known::Known;
use super::numbers;
use super::shown::Shown;
use super::text::Text;
use crate::checker::availability::{self, Goal};
use crate::checker::elle::ConsistencyModel;
use crate::checker::{Placement, Validity, exceptions, stats};
use crate::edn::{Map, Value};
use crate::history::History;
use crate::page::REPORT;
use crate::store;
use crate::summary::{self, Summary};
use crate::workload::{Verdict, Workload};

/// The names under which a test's directory holds its history.
const HISTORIES: [&str; 2] = ["history.edn", "history.edn.gz"];

/// How every gzipped file begins (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How Jepsen's own format begins, which holds whole tests.
const JEPSEN: &[u8] = b"JEPSEN";

#[derive(Debug, Args)]
pub(super) struct Recorded {
    /// A history.edn, which may be gzipped; or the directory of a test that has one
    #[arg(value_name = "HISTORY_OR_DIR")]
    path: PathBuf,
    /// What clients did [default: what the history looks like]
    #[arg(short, long, value_name = "NAME", value_parser = Known(&Workload::ALL))]
    #[arg(hide_possible_values = true)]
    workload: Option<Workload>,
    /// What transactions must be, between commas: read-committed, serializable, …
    #[arg(long, value_name = "MODELS", default_value = "strict-serializable")]
    #[arg(value_delimiter = ',', value_parser = Known(&ConsistencyModel::ALL))]
    #[arg(hide_possible_values = true)]
    consistency_models: Vec<ConsistencyModel>,
    /// How many operations must have succeeded: total, or a fraction from 0 to 1 [default: any]
    #[arg(long, value_parser = numbers::goal, allow_negative_numbers = true)]
    availability: Option<Goal>,
    /// Print all results in EDN, even on a terminal
    #[arg(long)]
    edn: bool,
}

/// What is to be said of a history.
#[derive(Debug)]
pub(super) struct Analysis {
    pub(super) summary: Summary,
    results: Value,
    /// What contradicts what first, if anything does.
    contradiction: Option<String>,
    /// The report beside the history, if there is one.
    report: Option<String>,
    edn: bool,
}

impl Analysis {
    /// What is printed, on a terminal or elsewhere.
    pub(super) fn shown(&self) -> Text {
        let Analysis { summary, results, contradiction, report, edn } = self;
        if *edn || !Text::is_for_people() {
            return Text::Plain(Shown { results, summary }.to_string());
        }
        let (contradiction, report) = (contradiction.as_deref(), report.clone());
        let brief = Brief { summary, contradiction, report, rest: "with --edn", again: None };
        Text::Colored(brief.to_string())
    }
}

impl Recorded {
    /// Judges the history; an error says what is wrong with the file.
    pub(super) fn analyze(&self) -> Result<Analysis, String> {
        let path = find(&self.path)?;
        let history = read(&path)?;
        let workload = match self.workload {
            Some(workload) if workload.is_of(&history) => workload,
            None => Workload::of(&history).ok_or_else(|| {
                format!(
                    "{} is of no workload that eddy knows by its operations; expected -w with its \
                     name",
                    path.display()
                )
            })?,
            Some(workload) => {
                let other = Workload::of(&history).map(|other| format!("; did you mean {other}?"));
                return Err(format!(
                    "{} has no operation of the workload {workload}{}",
                    path.display(),
                    other.unwrap_or_default()
                ));
            }
        };
        let mut analysis = self.judge(&history, workload);
        let recorded = recorded(&path);
        let other = recorded.as_ref().and_then(|then| other_verdict(&path, then, &analysis));
        analysis.summary.warnings.extend(other);
        analysis.report = report(&path, recorded.as_ref(), &analysis);
        Ok(analysis)
    }

    fn judge(&self, history: &History, workload: Workload) -> Analysis {
        let stats = stats::check(history);
        let availability = availability::check(history, self.availability.unwrap_or_default());
        // Nobody knows any more which client worked on which node.
        let placement = Placement { nodes: &[], concurrency: 0 };
        let exceptions = exceptions::check(history);
        let Verdict { valid, results, reason, explanation, warnings, contradictions, .. } =
            workload.check(history, &placement, &self.consistency_models);
        let contradictions = contradictions.into_iter().chain(stats.contradictions(history));
        let mut contradictions = contradictions.chain(availability.contradiction(history));
        let contradiction = contradictions.next().map(|first| first.what);
        let warnings = exceptions.warning().into_iter().chain(warnings).collect();
        let valid = Validity::merge([stats.valid, availability.valid, valid]);
        let results: Value = Map::new()
            .with("exceptions", exceptions.to_edn())
            .with("stats", stats.to_edn())
            .with("availability", availability.to_edn())
            .with("workload", results)
            .with("valid?", valid)
            .into();
        let reasons = stats.reasons().chain(availability.reason()).chain(reason).collect();
        let summary = Summary {
            valid: Some(valid),
            operations: Some((availability.ok_count, availability.invoke_count)),
            figures: summary::figures(&results, || Some(history)),
            reasons,
            explanation,
            warnings,
            ..Summary::default()
        };
        Analysis { summary, results, contradiction, report: None, edn: self.edn }
    }
}

/// The history of a recorded test; an error says what is wrong with the directory or the file.
pub(super) fn history_of(path: &Path) -> Result<History, String> {
    read(&find(path)?)
}

/// The file that holds the history.
fn find(path: &Path) -> Result<PathBuf, String> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let shown = path.display();
    let files = HISTORIES.map(|name| path.join(name));
    if let Some(file) = files.into_iter().find(|file| file.exists()) {
        return Ok(file);
    }
    let latest = path.join("latest");
    Err(if latest.exists() {
        format!("{shown} is not a test; did you mean {}?", latest.display())
    } else {
        format!("{shown} has no {}; expected the directory of a test", HISTORIES.join(" or "))
    })
}

fn read(path: &Path) -> Result<History, String> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| {
        format!("{shown}: {error}; expected a history.edn, or the directory of a test")
    })?;
    if bytes.starts_with(JEPSEN) {
        return Err(format!(
            "{shown} is a whole test in Jepsen's own format; expected the history.edn beside it"
        ));
    }
    let (bytes, failure) = if bytes.starts_with(&GZIP) { unpack(&bytes) } else { (bytes, None) };
    let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count();
    if let Some(error) = failure {
        let line = lines(&bytes);
        return Err(format!("{shown}: line {line}: {error}; expected a whole gzipped history"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = lines(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        format!("{shown}: line {line}: this is no UTF-8; expected an operation in EDN")
    })?;
    let history = History::read_edn(&text).map_err(|error| {
        format!("{shown}: {error}. Expected an operation on each line, as in a history.edn")
    })?;
    if history.clients().next().is_none() {
        return Err(format!("{shown} has no operation of a client; expected a history.edn"));
    }
    Ok(history)
}

/// The unpacked bytes, up to where the packed ones are wrong.
fn unpack(packed: &[u8]) -> (Vec<u8>, Option<std::io::Error>) {
    let mut bytes = Vec::new();
    let failure = MultiGzDecoder::new(packed).read_to_end(&mut bytes).err();
    (bytes, failure)
}

/// The results that were recorded beside a history.
fn recorded(history: &Path) -> Option<Value> {
    Value::read_edn(&fs::read_to_string(history.with_file_name(store::RESULTS)).ok()?).ok()
}

/// What is to be said if the verdict that was recorded is another one.
fn other_verdict(history: &Path, recorded: &Value, analysis: &Analysis) -> Option<String> {
    let path = history.with_file_name(store::RESULTS);
    let verdict = ["workload", "valid?"];
    let (then, now) = (recorded.get_in(&verdict)?, analysis.results.get_in(&verdict)?);
    (then != now)
        .then(|| format!("{} says {then} of the workload, and this analysis {now}", path.display()))
}

/// Where the report is, which is that of the verdict that was recorded.
fn report(history: &Path, recorded: Option<&Value>, analysis: &Analysis) -> Option<String> {
    let path = history.with_file_name(REPORT);
    if !path.exists() {
        return None;
    }
    let then = recorded.and_then(summary::verdict);
    let about = if then == analysis.summary.valid { "" } else { ", of the recorded verdict" };
    Some(format!("{}{about}", path.display()))
}
