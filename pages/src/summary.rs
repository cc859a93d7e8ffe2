//! Summary of a test: the verdict, and each figure with its limit.
//!
//! Every view of a test shows this first: the terminal, `report.html`, and the list of tests in a
//! browser. It is stored as `summary.json`, so that a list need not read whole results.

use std::borrow::Borrow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use eddy::report::{Report, strikes};
use eddy_checkers::Validity;
use eddy_checkers::edn::Value;
use eddy_checkers::history::{History, Kind};
use eddy_checkers::quantiles::Quantiles;
use eddy_checkers::wording::counted;

/// Verdict with reasons and figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Verdict; `None` if the test could not be carried out.
    pub valid: Option<Validity>,
    /// Reason why the test could not be carried out, if so.
    pub failure: Option<String>,
    /// Numbers of successful and of invoked operations, if known.
    pub operations: Option<(usize, usize)>,
    /// Four figures of the test.
    pub figures: Vec<Figure>,
    /// Reasons why the test is not valid, in sentences.
    pub reasons: Vec<String>,
    /// Lines that explain the contradictions.
    pub explanation: Vec<String>,
    /// Lines about errors in the nodes' STDERR, if the test is not valid.
    pub stderr: Vec<String>,
    /// Number of strikes of each fault, and its targets.
    pub faults: Option<String>,
    /// Warnings about what Maelstrom overlooks.
    pub warnings: Vec<String>,
    /// Subset of the warnings: those about faults that could not show anything.
    pub idle_faults: Vec<String>,
    /// True if all other warnings count as failures.
    pub is_strict: bool,
    /// Number of leading warnings that explain why the test is not valid.
    pub decisive: usize,
}

/// Measured figure with its limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Quantity and unit.
    pub name: String,
    /// Measured value; `None` if unknown.
    pub value: Option<f64>,
    /// Side of the limit on which the value must be.
    pub bound: LimitSide,
    /// Limit, if any.
    pub limit: Option<f64>,
}

/// Status by which summaries are colored and filtered, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SummaryStatus {
    /// Valid, and within limits.
    Valid,
    /// Valid, and not within limits.
    BeyondLimits,
    /// Unknown: a checker could not decide.
    Unknown,
    /// Not valid.
    Invalid,
    /// No verdict.
    NoVerdict,
}

/// Side of its limit on which a figure must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitSide {
    /// Below the limit.
    #[serde(rename = "<")]
    Below,
    /// At the limit, or above.
    #[serde(rename = "≥")]
    AtLeast,
}

/// Limits of the figures, in their order, and of warnings.
#[derive(Debug, Clone, Copy, Default)]
pub struct FigureLimits {
    /// Messages between servers per operation.
    pub msgs_per_op: Option<f64>,
    /// Median latency, in milliseconds.
    pub median: Option<f64>,
    /// Maximum latency, in milliseconds.
    pub latency: Option<f64>,
    /// Fraction of operations that must succeed.
    pub ok_fraction: Option<f64>,
    /// True if warnings count as failures.
    pub is_strict: bool,
}

/// Kind of latency that a test is measured by; the names of its figures contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatencyKind {
    /// Stable latency of a broadcast's or set's values: from the time when a value was first
    /// acknowledged or read until the last read began that lacks it.
    Stable,
    /// Latency of successful operations, from invocation to completion.
    Operation,
}

/// Four figures of a test, without limits. Latencies are stable latencies if the workload has any,
/// else operation latencies; only these need the history.
pub fn figures<H: Borrow<History>>(
    results: &Value,
    history: impl FnOnce() -> Option<H>,
) -> Vec<Figure> {
    let figure = |path: &[&str]| results.get_in(path).and_then(number);
    let has = |key| results.get_in(&["workload", key]).is_some();
    let is_stable = has("stable-latencies") || has("stable-count");
    let kind = if is_stable { LatencyKind::Stable } else { LatencyKind::Operation };
    let (median, maximum) = if is_stable {
        let latency = |quantile: Value| match results.get_in(&["workload", "stable-latencies"]) {
            Some(Value::Map(map)) => map.get(&quantile).and_then(number),
            _ => None,
        };
        (latency(Value::Float(0.5)), latency(Value::Int(1)))
    } else {
        history().and_then(|history| operation_latencies(history.borrow())).unzip()
    };
    let msgs_per_op = figure(&["net", "servers", "msgs-per-op"]);
    let ok_fraction = figure(&["availability", "ok-fraction"]);
    vec![
        Figure::new("messages per operation", msgs_per_op, LimitSide::Below),
        Figure::new(&format!("median {}, ms", kind.name()), median, LimitSide::Below),
        Figure::new(&format!("maximum {}, ms", kind.name()), maximum, LimitSide::Below),
        Figure::new("ok fraction", ok_fraction, LimitSide::AtLeast),
    ]
}

/// Verdict in results, if any.
pub fn verdict(results: &Value) -> Option<Validity> {
    match results.get("valid?")? {
        Value::Bool(valid) => Some(Validity::from(*valid)),
        value if *value == Value::keyword("unknown") => Some(Validity::Unknown),
        _ => None,
    }
}

/// Formats a figure with all digits that matter. A fraction never looks like a whole number: it may
/// be shown beside a limit that it misses by less than the last digit.
pub fn format_figure(value: f64) -> String {
    if value.fract() == 0.0 {
        // Adding zero turns -0 into 0.
        return (value + 0.0).to_string();
    }
    let digits = if value.abs() < 1.0 { 5 } else { 3 };
    let text = format!("{value:.digits$}");
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { text } else { short.to_owned() }
}

/// Median and maximum latency of successful operations, in milliseconds.
fn operation_latencies(history: &History) -> Option<(f64, f64)> {
    let ends = history.client_ops().filter(|op| op.kind == Kind::Ok);
    // In an edited history, time may go backward.
    let nanoseconds =
        ends.filter_map(|end| Some(end.time.saturating_sub(history.invocation(end)?.time)));
    let Quantiles { median, maximum, .. } = Quantiles::of(nanoseconds)?;
    let milliseconds = |time| (Duration::from_nanos(time).as_secs_f64() * 1e5).round() / 100.0;
    Some((milliseconds(median), milliseconds(maximum)))
}

#[expect(clippy::cast_precision_loss, reason = "figures of tests are far below 2^53")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

impl Summary {
    /// Summary of a test that was just judged, without limits.
    pub fn of(report: &Report) -> Summary {
        let ended = report.failure.is_none();
        let is_failure = |reason: &String| report.failure.as_ref() == Some(reason);
        let test = report.test();
        Summary {
            valid: ended.then_some(report.valid),
            failure: report.failure.clone(),
            operations: Some((report.operations.ok, report.operations.invoked)),
            figures: figures(&report.results, || Some(&report.history)),
            // The failure is shown separately, and is also among the reasons.
            reasons: report.reasons.iter().filter(|reason| !is_failure(reason)).cloned().collect(),
            explanation: report.explanation.clone(),
            stderr: Vec::new(),
            faults: strikes::summary(&report.strikes, &test.faults, test.node_ids().len()),
            warnings: report.warnings.clone(),
            idle_faults: report.vacuous_fault_warnings.clone(),
            is_strict: false,
            decisive: report.decisive_warning_count,
        }
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: FigureLimits) -> Summary {
        let FigureLimits { msgs_per_op, median, latency, ok_fraction, is_strict } = limits;
        self.is_strict = is_strict;
        for (figure, limit) in
            self.figures.iter_mut().zip([msgs_per_op, median, latency, ok_fraction])
        {
            figure.limit = limit;
        }
        self
    }

    /// Failure as a sentence and the lines after it, such as a node's STDERR.
    pub fn failure_in_parts(&self) -> Option<(&str, &str)> {
        let failure = self.failure.as_deref()?;
        Some(failure.split_once('\n').unwrap_or((failure, "")))
    }

    /// Lines that explain the contradiction: the checker's explanation, or else the first
    /// contradiction unless a reason contains it already.
    pub fn explanation_lines(&self, contradiction: Option<&str>) -> Vec<String> {
        let is_said = |what: &&str| self.reasons.iter().any(|said| what.starts_with(said.as_str()));
        let contradiction = contradiction.filter(|what| !is_said(what));
        match &self.explanation[..] {
            [] => contradiction.into_iter().map(str::to_owned).collect(),
            explanation => explanation.to_vec(),
        }
    }

    /// Warnings that explain why the test is not valid, and all others.
    pub fn split_warnings(&self) -> (&[String], &[String]) {
        self.warnings.split_at(self.decisive.min(self.warnings.len()))
    }

    /// Explanations of figures whose names may be misunderstood, each once.
    pub fn meanings(&self) -> Vec<String> {
        let known = self.figures.iter().filter(|figure| figure.value.is_some());
        let mut meanings: Vec<String> = known.filter_map(Figure::meaning).collect();
        meanings.dedup();
        meanings
    }

    /// True if every figure is within its limit, and warnings do not fail the test.
    pub fn is_within_limits(&self) -> bool {
        self.figures_keep_limits() && !self.fails_by_warnings()
    }

    fn figures_keep_limits(&self) -> bool {
        self.figures.iter().all(|figure| figure.limit_status() == LimitStatus::Kept)
    }

    /// True if there are warnings about nodes and they count as failures.
    pub fn fails_by_warnings(&self) -> bool {
        let is_of_nodes = |warning: &String| !self.idle_faults.contains(warning);
        self.is_strict && self.warnings.iter().any(is_of_nodes)
    }

    /// Verdict in a few words, with the number of warnings of a valid test.
    pub fn headline(&self) -> String {
        match self.warnings.len() {
            number @ 1.. if self.valid == Some(Validity::Valid) => {
                let is_failure = if self.fails_by_warnings() {
                    ", which --strict takes for failures"
                } else {
                    ""
                };
                format!(
                    "{}, with {}{is_failure}",
                    self.verdict(),
                    counted(number as u64, "warning")
                )
            }
            _ => self.verdict().to_owned(),
        }
    }

    /// Status for colors and filters.
    pub fn status(&self) -> SummaryStatus {
        match self.valid {
            None => SummaryStatus::NoVerdict,
            Some(Validity::Invalid) => SummaryStatus::Invalid,
            Some(Validity::Unknown) => SummaryStatus::Unknown,
            Some(Validity::Valid) if self.is_within_limits() => SummaryStatus::Valid,
            Some(Validity::Valid) => SummaryStatus::BeyondLimits,
        }
    }

    /// Verdict in a few words.
    pub fn verdict(&self) -> &'static str {
        match (self.valid, self.figures_keep_limits()) {
            (None, _) => "no verdict",
            (Some(Validity::Valid), true) if self.figures.iter().all(|f| f.limit.is_none()) => {
                "valid"
            }
            (Some(Validity::Valid), true) => "valid, and within limits",
            (Some(Validity::Valid), false) => "valid, but not within limits",
            (Some(Validity::Invalid), _) => "not valid",
            (Some(Validity::Unknown), true) => "unknown",
            (Some(Validity::Unknown), false) => "unknown, and not within limits",
        }
    }
}

impl SummaryStatus {
    /// CSS class in `style.css`, and value in URLs.
    pub fn class(self) -> &'static str {
        match self {
            SummaryStatus::Valid => "valid",
            SummaryStatus::BeyondLimits => "beyond",
            SummaryStatus::Unknown => "unknown",
            SummaryStatus::Invalid => "invalid",
            SummaryStatus::NoVerdict => "none",
        }
    }
}

impl LatencyKind {
    const ALL: [LatencyKind; 2] = [LatencyKind::Stable, LatencyKind::Operation];

    fn name(self) -> &'static str {
        match self {
            LatencyKind::Stable => "stable latency",
            LatencyKind::Operation => "operation latency",
        }
    }

    /// Explanation that follows its name.
    fn meaning(self) -> &'static str {
        match self {
            LatencyKind::Stable => "how long reads lacked a value that was not lost",
            LatencyKind::Operation => "how long a client waited for the reply",
        }
    }
}

/// Result of comparing a figure with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitStatus {
    /// The figure is within its limit, or has none.
    Kept,
    /// The figure is beyond its limit.
    Exceeded,
    /// The figure is unknown.
    Unknown,
}

impl LimitStatus {
    /// CSS class of a cell in `style.css`.
    pub fn class(self) -> &'static str {
        match self {
            LimitStatus::Kept => "kept",
            LimitStatus::Exceeded | LimitStatus::Unknown => "exceeded",
        }
    }

    /// Text of the cell.
    pub fn label(self) -> &'static str {
        match self {
            LimitStatus::Kept => "holds",
            LimitStatus::Exceeded => "EXCEEDED",
            LimitStatus::Unknown => "NOT MEASURED",
        }
    }
}

impl Figure {
    fn new(name: &str, value: Option<f64>, bound: LimitSide) -> Figure {
        Figure { name: name.to_owned(), value, bound, limit: None }
    }

    /// Explanation of a name that may be misunderstood: `stable latency: how long …`.
    pub fn meaning(&self) -> Option<String> {
        let is_in_name = |latency: &LatencyKind| self.name.contains(latency.name());
        let latency = LatencyKind::ALL.into_iter().find(is_in_name)?;
        Some(format!("{}: {}", latency.name(), latency.meaning()))
    }

    /// Compares the figure with its limit.
    pub fn limit_status(&self) -> LimitStatus {
        let Some(limit) = self.limit else { return LimitStatus::Kept };
        let Some(value) = self.value else { return LimitStatus::Unknown };
        let is_kept = match self.bound {
            LimitSide::Below => value < limit,
            LimitSide::AtLeast => value >= limit,
        };
        if is_kept { LimitStatus::Kept } else { LimitStatus::Exceeded }
    }

    /// Limit with its sign, such as `< 30`.
    pub fn limit_text(&self) -> Option<String> {
        let sign = match self.bound {
            LimitSide::Below => "<",
            LimitSide::AtLeast => "≥",
        };
        self.limit.map(|limit| format!("{sign} {limit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_not_whole_do_not_look_whole() {
        for (value, expected) in [
            (1.0, "1"),
            (-0.0, "0"),
            (1230.0, "1230"),
            (811.2, "811.2"),
            (19.345_678, "19.346"),
            (29.9999, "30.000"),
            (0.999_51, "0.99951"),
            (0.999_996, "1.00000"),
            (0.000_001, "0.00000"),
        ] {
            assert_eq!(format_figure(value), expected);
        }
    }

    #[test]
    fn results_have_a_verdict_or_none() {
        for (results, expected) in [
            ("{:valid? true}", Some(Validity::Valid)),
            ("{:valid? :unknown}", Some(Validity::Unknown)),
            ("{:valid? false}", Some(Validity::Invalid)),
            ("{:valid? 7}", None),
            ("{:valid? :perhaps}", None),
            ("{}", None),
        ] {
            assert_eq!(verdict(&Value::read_edn(results).unwrap()), expected, "{results}");
        }
    }
}
