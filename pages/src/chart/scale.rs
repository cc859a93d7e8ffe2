//! Mapping from values to positions on an axis, and the choice of ticks.
//!
//! Ticks are at round numbers: 1, 2 and 5 times a power of ten.

use super::{Axis, ChartError, Scale};

/// Range and scale of an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct AxisSpan {
    low: f64,
    high: f64,
    scale: Scale,
}

impl Scale {
    /// True if the axis can show a finite value.
    pub(super) fn can_show(self, value: f64) -> bool {
        self == Scale::Linear || value > 0.0
    }
}

impl AxisSpan {
    /// Span of an axis: its range, or else one with room for all values.
    pub(super) fn of(axis: &Axis, values: &[f64]) -> Result<AxisSpan, ChartError> {
        let scale = axis.scale;
        let (low, high) = axis.range.unwrap_or_else(|| match scale {
            Scale::Linear => linear_ends(values),
            Scale::Logarithmic => logarithmic_ends(values),
        });
        if low < high && (high - low).is_finite() && scale.can_show(low) {
            Ok(AxisSpan { low, high, scale })
        } else {
            Err(ChartError::range(axis, (low, high)))
        }
    }

    pub(super) fn ends(self) -> (f64, f64) {
        (self.low, self.high)
    }

    pub(super) fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Position of a value, from 0 at the low end to 1 at the high end. Values beyond an end are
    /// clamped.
    pub(super) fn position(self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    /// Ascending values of at most `room` ticks.
    ///
    /// A logarithmic axis has ticks at 1, 2 and 5 of each decade; with less room, at 1 alone, or at
    /// 1 of every nth decade. An axis too short for three of those has ticks in equal steps.
    pub(super) fn ticks(self, room: u8) -> Vec<f64> {
        if self.scale == Scale::Linear {
            return self.steps(room);
        }
        let inside = |digits: &[u8], every: usize| -> Vec<f64> {
            round_numbers(digits, every).filter(|number| self.contains(*number)).collect()
        };
        let fits = |ticks: &Vec<f64>| ticks.len() <= usize::from(room);
        let all = inside(&[1, 2, 5], 1);
        if all.len() < 3 {
            return self.steps(room);
        }
        let fewer = [1, 2, 3, 5, 10, 20, 50, 100].map(|every| inside(&[1], every));
        [all].into_iter().chain(fewer).find(fits).unwrap_or_default()
    }

    /// Multiples of the smallest round step that gives few enough ticks.
    fn steps(self, room: u8) -> Vec<f64> {
        let most = f64::from(room.max(2) - 1);
        let wanted = (self.high - self.low) / most;
        let Some(step) = round_numbers(&[1, 2, 5], 1).find(|step| *step >= without_noise(wanted))
        else {
            return vec![];
        };
        // The rounding error of a division must not cost the axis its first or last tick.
        let first = (self.low / step - 1e-9).ceil();
        let last = self.high / step + 1e-9;
        (0..room)
            .map(|count| first + f64::from(count))
            .take_while(|count| *count <= last)
            .map(|count| without_noise(count * step))
            .collect()
    }
}

/// Range from zero or less to the next round number above the greatest value.
fn linear_ends(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(0.0, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    if low >= high {
        return (0.0, 1.0);
    }
    // At most ten steps: more would end nearer to the value, but at a less round number.
    let step =
        round_numbers(&[1, 2, 5], 1).find(|step| *step >= without_noise((high - low) / 10.0));
    let step = step.unwrap_or(high - low);
    (without_noise((low / step).floor() * step), without_noise((high / step).ceil() * step))
}

/// Range from a round number below all values to one above them.
fn logarithmic_ends(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().reduce(f64::min).unwrap_or(1.0);
    let high = values.iter().copied().reduce(f64::max).unwrap_or(10.0);
    let numbers = || round_numbers(&[1, 2, 5], 1);
    let below = numbers().take_while(|number| *number < low).last().unwrap_or(low);
    let above = numbers().find(|number| *number > high).unwrap_or(high);
    (below, above)
}

/// Ascending products of the digits and every nth power of ten.
fn round_numbers(digits: &[u8], every: usize) -> impl Iterator<Item = f64> {
    // 300 rather than 308, so that arithmetic on them stays finite.
    let powers = (-300..=300).step_by(every);
    powers.flat_map(move |power| {
        // Parsing is exact to the last bit, `powi` is not.
        digits.iter().filter_map(move |digit| format!("{digit}e{power}").parse().ok())
    })
}

/// Number without rounding noise: 0.3 for 0.30000000000000004.
fn without_noise(number: f64) -> f64 {
    // Adding zero turns -0 into 0.
    format!("{number:.11e}").parse().unwrap_or(number) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(scale: Scale, low: f64, high: f64) -> AxisSpan {
        AxisSpan::of(&Axis { range: Some((low, high)), scale, ..Axis::default() }, &[]).unwrap()
    }

    /// Checks the ticks of a span.
    #[track_caller]
    fn check_ticks(scale: Scale, (low, high): (f64, f64), room: u8, expected: &[f64]) {
        assert_eq!(span(scale, low, high).ticks(room), expected);
    }

    #[test]
    fn linear_ticks_are_round_and_few() {
        let linear = Scale::Linear;
        check_ticks(linear, (0.0, 1.0), 6, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        check_ticks(linear, (0.0, 1.0), 5, &[0.0, 0.5, 1.0]);
        check_ticks(linear, (0.0, 0.3), 4, &[0.0, 0.1, 0.2, 0.3]);
        check_ticks(linear, (-3.0, 7.0), 6, &[-2.0, 0.0, 2.0, 4.0, 6.0]);
        check_ticks(linear, (50.0, 2_000.0), 6, &[500.0, 1_000.0, 1_500.0, 2_000.0]);
        check_ticks(linear, (1e6, 1e6 + 2.0), 3, &[1e6, 1e6 + 1.0, 1e6 + 2.0]);
    }

    #[test]
    fn logarithmic_ticks_are_round() {
        let log = Scale::Logarithmic;
        check_ticks(log, (0.2, 30.0), 9, &[0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        check_ticks(log, (0.1, 1.0), 9, &[0.1, 0.2, 0.5, 1.0]);
        check_ticks(log, (0.1, 1_000.0), 9, &[0.1, 1.0, 10.0, 100.0, 1_000.0]);
        check_ticks(log, (1.0, 1e9), 4, &[1.0, 1e3, 1e6, 1e9]);
        check_ticks(log, (200.0, 400.0), 5, &[200.0, 250.0, 300.0, 350.0, 400.0]);
    }

    #[test]
    fn there_are_never_more_ticks_than_room() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            for (low, high) in [(1e-300, 1e300), (1e-9, 1.0), (0.999, 1.001), (3.0, 3e7)] {
                for room in 2..20 {
                    let ticks = span(scale, low, high).ticks(room);
                    assert!(ticks.len() <= usize::from(room), "{low} to {high}: {ticks:?}");
                    assert!(ticks.is_sorted(), "{ticks:?}");
                }
            }
        }
    }

    #[test]
    fn positions_go_from_end_to_end() {
        for (scale, low, high, value, place) in [
            (Scale::Linear, 0.0, 10.0, 2.5, 0.25),
            (Scale::Linear, -10.0, 10.0, 0.0, 0.5),
            (Scale::Linear, 0.0, 10.0, 11.0, 1.0),
            (Scale::Linear, 0.0, 10.0, f64::NEG_INFINITY, 0.0),
            (Scale::Logarithmic, 0.1, 10.0, 0.1, 0.0),
            (Scale::Logarithmic, 0.1, 10.0, 1.0, 0.5),
            (Scale::Logarithmic, 0.1, 10.0, 10.0, 1.0),
            (Scale::Logarithmic, 0.1, 10.0, 0.0, 0.0),
        ] {
            let found = span(scale, low, high).position(value);
            assert!((found - place).abs() < 1e-12, "{value} in {low} to {high}: {found}");
        }
    }

    #[test]
    fn without_a_range_there_is_room_for_all_values() {
        let (linear, log) = (Scale::Linear, Scale::Logarithmic);
        for (scale, values, ends) in [
            (linear, vec![], (0.0, 1.0)),
            (linear, vec![0.0], (0.0, 1.0)),
            (linear, vec![7.0, 23.0], (0.0, 25.0)),
            (linear, vec![-3.0, 4.5], (-3.0, 5.0)),
            (linear, vec![-3.0], (-3.0, 0.0)),
            (log, vec![], (0.5, 20.0)),
            (log, vec![5.0], (2.0, 10.0)),
            (log, vec![0.34, 24.2], (0.2, 50.0)),
        ] {
            let axis = Axis { scale, ..Axis::default() };
            assert_eq!(AxisSpan::of(&axis, &values).unwrap().ends(), ends, "{values:?}");
        }
    }
}
