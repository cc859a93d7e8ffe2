//! Whether a recorded test keeps limits: Fly.io's criteria, which Maelstrom prints but never checks.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{numbers, status};
use crate::checker::Validity;
use crate::edn::Value;

#[derive(Debug, Args)]
pub(super) struct Limits {
    /// A test's directory, such as store/latest, recorded here or by Maelstrom
    directory: PathBuf,
    /// Messages between servers per operation must be fewer than this
    #[arg(long, value_name = "NUMBER", value_parser = numbers::limit)]
    #[arg(allow_negative_numbers = true)]
    max_msgs_per_op: Option<f64>,
    /// The median stable latency must be below so many milliseconds
    #[arg(long, value_name = "MS", value_parser = numbers::limit, allow_negative_numbers = true)]
    max_median: Option<f64>,
    /// The longest stable latency must be below so many milliseconds
    #[arg(long, value_name = "MS", value_parser = numbers::limit, allow_negative_numbers = true)]
    max_latency: Option<f64>,
    /// At least this fraction of operations must have succeeded
    #[arg(long, value_name = "FRACTION", value_parser = numbers::fraction)]
    #[arg(allow_negative_numbers = true)]
    min_ok_fraction: Option<f64>,
}

impl Limits {
    /// Prints each figure beside its limit and tells the exit status; an error says what is wrong
    /// with the directory.
    pub(super) fn check(&self) -> Result<u8, String> {
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
        let (median, maximum) = (latency(Value::Float(0.5)), latency(Value::Int(1)));
        let ok_fraction = figure(&["availability", "ok-fraction"]);
        let kept = [
            line("messages per operation", msgs_per_op, "<", self.max_msgs_per_op, below),
            line("median latency, ms", median, "<", self.max_median, below),
            line("maximum latency, ms", maximum, "<", self.max_latency, below),
            line("ok fraction", ok_fraction, "≥", self.min_ok_fraction, at_least),
        ];
        let (word, status) = match (valid, kept.contains(&false)) {
            (Validity::Valid, true) => ("valid, but not within limits", 1),
            (Validity::Valid, false) => ("valid, and within limits", status(valid)),
            (Validity::Invalid, _) => ("not valid", status(valid)),
            (Validity::Unknown, true) => ("unknown, and not within limits", 1),
            (Validity::Unknown, false) => ("unknown, for lack of evidence", status(valid)),
        };
        println!("{word}");
        Ok(status)
    }
}

/// Prints a figure and tells whether it keeps its limit.
fn line(
    name: &str,
    figure: Option<f64>,
    sign: &str,
    limit: Option<f64>,
    keeps: impl Fn(f64, f64) -> bool,
) -> bool {
    let shown = figure.map_or_else(|| "missing".to_owned(), |figure| figure.to_string());
    let Some(limit) = limit else {
        println!("{name:<24}{shown:>12}");
        return true;
    };
    let kept = figure.is_some_and(|figure| keeps(figure, limit));
    let word = if kept { "holds" } else { "EXCEEDED" };
    let word = if figure.is_none() { "CANNOT BE TOLD" } else { word };
    println!("{name:<24}{shown:>12} {sign} {limit:<8}{word}");
    kept
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
