//! Whether a recorded test keeps limits: Fly.io's criteria, which Maelstrom prints but never
//! checks.

use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::{analyze, numbers, status, table};
use crate::checker::Validity;
use crate::checker::quantiles::Quantiles;
use crate::edn::Value;
use crate::history::Kind;

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
        let latency = |quantile: Value| {
            let latencies = results.get_in(&["workload", "stable-latencies"]);
            latencies.and_then(|latencies| match latencies {
                Value::Map(map) => map.get(&quantile).and_then(number),
                _ => None,
            })
        };
        let figure = |path: &[&str]| results.get_in(path).and_then(number);
        let below: fn(f64, f64) -> bool = |figure, limit| figure < limit;
        let at_least: fn(f64, f64) -> bool = |figure, limit| figure >= limit;
        let msgs_per_op = figure(&["net", "servers", "msgs-per-op"]);
        let has = |key| results.get_in(&["workload", key]).is_some();
        let (median, maximum) = if has("stable-latencies") || has("stable-count") {
            (latency(Value::Float(0.5)), latency(Value::Int(1)))
        } else {
            operation_latencies(&self.directory).unzip()
        };
        let ok_fraction = figure(&["availability", "ok-fraction"]);
        let figures = [
            Figure::new("messages per operation", msgs_per_op, "<", self.max_msgs_per_op, below),
            Figure::new("median latency, ms", median, "<", self.max_median, below),
            Figure::new("maximum latency, ms", maximum, "<", self.max_latency, below),
            Figure::new("ok fraction", ok_fraction, "≥", self.min_ok_fraction, at_least),
        ];
        let exceeded = figures.iter().any(|figure| !figure.kept);
        let (word, status) = match (valid, exceeded) {
            (Validity::Valid, true) => ("valid, but not within limits", 1),
            (Validity::Valid, false) => ("valid, and within limits", status(valid)),
            (Validity::Invalid, _) => ("not valid", status(valid)),
            (Validity::Unknown, true) => ("unknown, and not within limits", 1),
            (Validity::Unknown, false) => ("unknown, for lack of evidence", status(valid)),
        };
        let lines = figures.iter().map(ToString::to_string).chain([word.to_owned(), String::new()]);
        let text = lines.collect::<Vec<_>>().join("\n");
        let failure = self.table.as_ref().and_then(|table| {
            let title = self.title.clone().unwrap_or_else(|| self.directory.display().to_string());
            let appended = table::append(table, &title, valid, &figures, status == 0);
            let error = appended.err()?;
            Some(format!("{} cannot be written: {error}", table.display()))
        });
        Ok(Checked { text, status, failure })
    }
}

/// A figure beside its limit.
pub(super) struct Figure {
    name: &'static str,
    /// What was measured, if it was.
    pub(super) value: Option<f64>,
    sign: &'static str,
    limit: Option<f64>,
    kept: bool,
}

impl Figure {
    fn new(
        name: &'static str,
        value: Option<f64>,
        sign: &'static str,
        limit: Option<f64>,
        keeps: impl Fn(f64, f64) -> bool,
    ) -> Figure {
        let kept = limit.is_none_or(|limit| value.is_some_and(|value| keeps(value, limit)));
        Figure { name, value, sign, limit, kept }
    }

    /// The limit with its sign, `< 30`.
    pub(super) fn limit(&self) -> Option<String> {
        self.limit.map(|limit| format!("{} {limit}", self.sign))
    }
}

impl Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.map_or_else(|| "missing".to_owned(), |value| value.to_string());
        write!(f, "{:<24}{value:>12}", self.name)?;
        let Some(limit) = self.limit() else { return Ok(()) };
        let word = match (self.value, self.kept) {
            (None, _) => "CANNOT BE TOLD",
            (Some(_), true) => "holds",
            (Some(_), false) => "EXCEEDED",
        };
        write!(f, " {limit:<10}{word}")
    }
}

/// How many milliseconds an operation that succeeded took, in the median and at most, if that was
/// recorded: of workloads in which nothing is to become stable, this is the latency.
fn operation_latencies(directory: &Path) -> Option<(f64, f64)> {
    let history = analyze::history_of(directory).ok()?;
    let ends = history.clients().filter(|op| op.kind == Kind::Ok);
    let nanoseconds = ends.filter_map(|end| Some(end.time - history.invocation(end)?.time));
    let Quantiles { median, maximum, .. } = Quantiles::of(nanoseconds)?;
    let milliseconds = |time| (Duration::from_nanos(time).as_secs_f64() * 1e5).round() / 100.0;
    Some((milliseconds(median), milliseconds(maximum)))
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

#[expect(clippy::cast_precision_loss, reason = "figures of tests are far below 2^53")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}
