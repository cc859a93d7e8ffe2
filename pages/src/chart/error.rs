//! Error of a chart that cannot be drawn.

use std::error::Error;
use std::fmt::{self, Display};

use super::{Axis, Scale};

/// Error that names the series, area or axis and the value that cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartError {
    /// Sentence about the error.
    message: String,
}

impl ChartError {
    pub(super) fn not_finite(kind: &str, name: &str, value: f64) -> ChartError {
        let message = format!("{kind} {name:?} has the value {value}, which is not finite");
        ChartError { message }
    }

    pub(super) fn not_positive(series: &str, axis: &Axis, value: f64) -> ChartError {
        let axis = axis_name(axis);
        let sentence =
            format!("series {series:?} has the value {value}, which the {axis} cannot show");
        ChartError { message: sentence }
    }

    pub(super) fn outside(series: &str, axis: &Axis, value: f64, ends: (f64, f64)) -> ChartError {
        let (label, (low, high)) = (&axis.label, ends);
        let sentence = format!(
            "series {series:?} has the value {value}, outside the axis {label:?}, {low} to {high}"
        );
        ChartError { message: sentence }
    }

    pub(super) fn range(axis: &Axis, (low, high): (f64, f64)) -> ChartError {
        let sentence = format!("the {} cannot go from {low} to {high}", axis_name(axis));
        ChartError { message: sentence }
    }
}

fn axis_name(axis: &Axis) -> String {
    match axis.scale {
        Scale::Linear => format!("axis {:?}", axis.label),
        Scale::Logarithmic => format!("logarithmic axis {:?}", axis.label),
    }
}

impl Display for ChartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ChartError {}
