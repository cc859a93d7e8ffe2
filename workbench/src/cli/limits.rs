//! Limits on the command line, and figures beside them.

use std::fmt::{self, Display};

use anstyle::Style;
use clap::Args;
use eddy_checkers::Validity;
use eddy_pages::summary::{Fate, Figure, Limits, Summary};

use super::colors::{BAD, DOUBTFUL, GOOD, Painted};
use super::{NO_RESULT, numbers};

/// Fly.io's criteria, which Maelstrom prints but never checks.
#[derive(Debug, Args)]
pub(super) struct LimitArguments {
    /// Messages between servers per operation must be fewer than this
    #[arg(long, value_name = "NUMBER", value_parser = numbers::limit)]
    #[arg(allow_negative_numbers = true)]
    max_msgs_per_op: Option<f64>,
    /// The median latency must be below so many milliseconds
    ///
    /// It is the stable latency where values are to become stable (broadcast, g-set): from when a
    /// value was first acknowledged or read until the last read began that lacks it. Elsewhere it
    /// is the operation latency: how long a client waited for an answer.
    #[arg(long, value_name = "MS", value_parser = numbers::limit, allow_negative_numbers = true)]
    max_median: Option<f64>,
    /// The longest latency, of the same kind, must be below so many milliseconds
    #[arg(long, value_name = "MS", value_parser = numbers::limit, allow_negative_numbers = true)]
    max_latency: Option<f64>,
    /// At least this fraction of operations must have succeeded
    #[arg(long, value_name = "FRACTION", value_parser = numbers::fraction)]
    #[arg(allow_negative_numbers = true)]
    min_ok_fraction: Option<f64>,
    /// Take every warning for a failure
    ///
    /// Warnings are what Maelstrom overlooks: last reads that nobody answered, values that no node
    /// made, offsets that were forgotten, replies that answer no request.
    #[arg(long)]
    strict: bool,
}

impl LimitArguments {
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            msgs_per_op: self.max_msgs_per_op,
            median: self.max_median,
            latency: self.max_latency,
            ok_fraction: self.min_ok_fraction,
            is_strict: self.strict,
        }
    }
}

/// The columns that a figure's name has: as many as the longest takes, and two.
pub(super) const NAME: usize = 31;

/// A figure beside its limit, in a line.
pub(super) struct Line<'a>(pub(super) &'a Figure);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line(figure) = self;
        let value = figure.value.map_or_else(|| "missing".to_owned(), |value| value.to_string());
        write!(f, "{:<NAME$}{value:>12}", figure.name)?;
        let Some(limit) = figure.shown_limit() else { return Ok(()) };
        let color = match figure.fate() {
            Fate::Untold => DOUBTFUL,
            Fate::Kept => GOOD,
            Fate::Exceeded => BAD,
        };
        write!(f, " {limit:<10}{}", Painted(color, figure.fate().words()))
    }
}

/// All figures beside their limits, what they measure, and the verdict, a line each.
pub(super) fn lines(summary: &Summary) -> String {
    let figures = summary.figures.iter().map(|figure| format!("{}\n", Line(figure)));
    let meanings = summary.meanings().into_iter().map(|meaning| format!("{meaning}\n"));
    let verdict = format!("{}\n", Painted(color(summary), &summary.headline()));
    figures.chain(meanings).chain([verdict]).collect()
}

/// The color of a verdict.
pub(super) fn color(summary: &Summary) -> Style {
    match (summary.valid, status(summary)) {
        (Some(Validity::Valid), 0) => GOOD,
        (Some(Validity::Unknown), 2) => DOUBTFUL,
        _ => BAD,
    }
}

/// The exit status for what came of a test.
pub(super) fn status(summary: &Summary) -> u8 {
    match (summary.valid, summary.is_within_limits()) {
        (None, _) => NO_RESULT,
        (Some(Validity::Invalid), _) | (Some(_), false) => 1,
        (Some(Validity::Valid), true) => 0,
        (Some(Validity::Unknown), true) => 2,
    }
}
