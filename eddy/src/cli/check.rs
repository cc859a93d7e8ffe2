//! Whether a recorded test keeps limits: Fly.io's criteria, which Maelstrom prints but never
//! checks.

use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{analyze, numbers, status, table};
use crate::checker::Validity;
use crate::edn::Value;
use crate::summary::{self, Figure, Summary};

#[derive(Debug, Args)]
pub(super) struct Limits {
    /// A test's directory, such as store/latest, recorded here or by Maelstrom
    directory: PathBuf,
    /// Messages between servers per operation must be fewer than this
    #[arg(long, value_name = "NUMBER", value_parser = numbers::limit)]
    #[arg(allow_negative_numbers = true)]
    max_msgs_per_op: Option<f64>,
    /// The median latency must be below so many milliseconds: how long a value took to be
    /// everywhere, or else, how long an operation took
    #[arg(long, value_name = "MS", value_parser = numbers::limit, allow_negative_numbers = true)]
    max_median: Option<f64>,
    /// The longest latency must be below so many milliseconds
    #[arg(long, value_name = "MS", value_parser = numbers::limit, allow_negative_numbers = true)]
    max_latency: Option<f64>,
    /// At least this fraction of operations must have succeeded
    #[arg(long, value_name = "FRACTION", value_parser = numbers::fraction)]
    #[arg(allow_negative_numbers = true)]
    min_ok_fraction: Option<f64>,
    /// What the test is called in a table; the directory otherwise
    #[arg(long, value_name = "NAME")]
    title: Option<String>,
    /// Also append the figures to this file, as a row of a table
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

/// What came of a comparison.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The figures, for people to read.
    pub(super) text: String,
    /// The exit status, if nothing went wrong.
    pub(super) status: u8,
    /// What went wrong, though the arguments make sense.
    pub(super) failure: Option<String>,
}

impl Limits {
    fn limits(&self) -> summary::Limits {
        summary::Limits {
            msgs_per_op: self.max_msgs_per_op,
            median: self.max_median,
            latency: self.max_latency,
            ok_fraction: self.min_ok_fraction,
        }
    }

    /// Shows each figure beside its limit and tells the exit status; an error says what is wrong
    /// with the directory.
    pub(super) fn check(&self) -> Result<Checked, String> {
        if let Some(failure) = missing_verdict(&self.directory) {
            return Ok(Checked { failure: Some(failure), ..Checked::default() });
        }
        let results = read(&self.directory)?;
        let valid = verdict(&results).ok_or_else(|| {
            let path = self.directory.join("results.edn");
            format!("{} has no :valid? of true, false or :unknown", path.display())
        })?;
        let history = || analyze::history_of(&self.directory).ok();
        let figures = summary::figures(&results, history);
        let summary = Summary { valid: Some(valid), figures, ..Summary::default() };
        let summary = summary.limit(self.limits());
        let status = match (valid, summary.is_within_limits()) {
            (Validity::Invalid, _) | (_, true) => status(valid),
            (_, false) => 1,
        };
        let figures = &summary.figures;
        let lines = figures.iter().map(|figure| Line(figure).to_string());
        let text = lines.chain([summary.verdict().to_owned(), String::new()]);
        let text = text.collect::<Vec<_>>().join("\n");
        let failure = self.table.as_ref().and_then(|table| {
            let title = self.title.clone().unwrap_or_else(|| self.directory.display().to_string());
            let appended = table::append(table, &title, valid, figures, status == 0);
            let error = appended.err()?;
            Some(format!("{} cannot be written: {error}", table.display()))
        });
        Ok(Checked { text, status, failure })
    }
}

/// A figure beside its limit, in a line.
struct Line<'a>(&'a Figure);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line(figure) = self;
        let value = figure.value.map_or_else(|| "missing".to_owned(), |value| value.to_string());
        write!(f, "{:<24}{value:>12}", figure.name)?;
        let Some(limit) = figure.shown_limit() else { return Ok(()) };
        let word = match (figure.value, figure.is_kept()) {
            (None, _) => "CANNOT BE TOLD",
            (Some(_), true) => "holds",
            (Some(_), false) => "EXCEEDED",
        };
        write!(f, " {limit:<10}{word}")
    }
}

/// Why a test has no verdict, if there was one at all.
fn missing_verdict(directory: &Path) -> Option<String> {
    let is_without =
        directory.join("history.edn").exists() && !directory.join("results.edn").exists();
    is_without.then(|| {
        format!(
            "{} has no verdict: the test was stopped, could not be carried out, or is still \
             running",
            directory.display()
        )
    })
}

fn read(directory: &Path) -> Result<Value, String> {
    let shown = directory.display();
    if !directory.exists() {
        return Err(format!("{shown} does not exist; expected the directory of a test"));
    }
    if !directory.is_dir() {
        return Err(format!("{shown} is no directory; expected the directory of a test"));
    }
    let path = directory.join("results.edn");
    let latest = directory.join("latest");
    if !path.exists() && latest.exists() {
        return Err(format!("{shown} is not a test; did you mean {}?", latest.display()));
    }
    let shown = path.display();
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("{shown}: {error}; expected the results of a test"))?;
    Value::read_edn(&text).map_err(|error| format!("{shown} is no results file: {error}"))
}

fn verdict(results: &Value) -> Option<Validity> {
    match results.get("valid?")? {
        Value::Bool(valid) => Some(Validity::from(*valid)),
        value if *value == Value::keyword("unknown") => Some(Validity::Unknown),
        _ => None,
    }
}
