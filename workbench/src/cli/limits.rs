//! Limits on the command line, and figures compared with them.

use std::fmt::{self, Display};

use anstyle::Style;
use clap::Args;
use eddy_checkers::Validity;
use eddy_pages::summary::{Figure, FigureLimits, LimitStatus, Summary};

use super::colors::{BAD, GOOD, Styled, WARNING};
use super::{NO_VERDICT, numbers};

/// Fly.io's criteria, which Maelstrom prints but never checks.
#[derive(Debug, Args)]
pub(super) struct LimitArguments {
    /// Messages between servers per operation must be below this
    #[arg(long, value_name = "NUMBER", value_parser = numbers::limit)]
    #[arg(allow_negative_numbers = true)]
    max_msgs_per_op: Option<f64>,
    /// The median latency must be below this many milliseconds
    ///
    /// It is the stable latency if values become stable (broadcast, g-set): from when a value was
    /// first acknowledged or read until the last read began that lacks it. Otherwise it is the
    /// operation latency: how long a client waited for the reply.
    #[arg(long, value_name = "MS", value_parser = numbers::limit, allow_negative_numbers = true)]
    max_median: Option<f64>,
    /// The maximum latency, of the same kind, must be below this many milliseconds
    #[arg(long, value_name = "MS", value_parser = numbers::limit, allow_negative_numbers = true)]
    max_latency: Option<f64>,
    /// At least this fraction of operations must have succeeded
    #[arg(long, value_name = "FRACTION", value_parser = numbers::fraction)]
    #[arg(allow_negative_numbers = true)]
    min_ok_fraction: Option<f64>,
    /// Treat every warning as a failure
    ///
    /// Warnings are about what Maelstrom overlooks: final reads without a reply, values that no
    /// node made, lost offsets, replies to no request.
    #[arg(long)]
    strict: bool,
}

impl LimitArguments {
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    pub(super) fn limits(&self) -> FigureLimits {
        FigureLimits {
            msgs_per_op: self.max_msgs_per_op,
            median: self.max_median,
            latency: self.max_latency,
            ok_fraction: self.min_ok_fraction,
            is_strict: self.strict,
        }
    }
}

/// Width of a figure's name: that of the longest name, and two.
pub(super) const NAME_WIDTH: usize = 31;

/// Line with a figure and its limit.
pub(super) struct FigureLine<'a>(pub(super) &'a Figure);

impl Display for FigureLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FigureLine(figure) = self;
        let value = figure.value.map_or_else(|| "missing".to_owned(), |value| value.to_string());
        write!(f, "{:<NAME_WIDTH$}{value:>12}", figure.name)?;
        let Some(limit) = figure.limit_text() else { return Ok(()) };
        let color = match figure.limit_status() {
            LimitStatus::Unknown => WARNING,
            LimitStatus::Kept => GOOD,
            LimitStatus::Exceeded => BAD,
        };
        write!(f, " {limit:<10}{}", Styled(color, figure.limit_status().label()))
    }
}

/// Lines with all figures and limits, their explanations, and the verdict.
pub(super) fn figure_lines(summary: &Summary) -> String {
    let figures = summary.figures.iter().map(|figure| format!("{}\n", FigureLine(figure)));
    let meanings = summary.meanings().into_iter().map(|meaning| format!("{meaning}\n"));
    let verdict = format!("{}\n", Styled(color(summary), &summary.headline()));
    figures.chain(meanings).chain([verdict]).collect()
}

/// Color of a verdict.
pub(super) fn color(summary: &Summary) -> Style {
    match (summary.valid, exit_status(summary)) {
        (Some(Validity::Valid), 0) => GOOD,
        (Some(Validity::Unknown), 2) => WARNING,
        _ => BAD,
    }
}

/// Exit status for the result of a test.
pub(super) fn exit_status(summary: &Summary) -> u8 {
    match (summary.valid, summary.is_within_limits()) {
        (None, _) => NO_VERDICT,
        (Some(Validity::Invalid), _) | (Some(_), false) => 1,
        (Some(Validity::Valid), true) => 0,
        (Some(Validity::Unknown), true) => 2,
    }
}
