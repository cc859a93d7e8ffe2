//! Numbers on the command line, and what is said of those that make no sense.

use std::time::Duration;

use crate::checker::availability::Goal;

pub(super) fn positive(received: &str) -> Result<u64, String> {
    match received.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err("expected a whole number, 1 or more".to_owned()),
    }
}

pub(super) fn seconds(received: &str) -> Result<Duration, String> {
    positive(received).map(Duration::from_secs).map_err(|error| format!("{error}, of seconds"))
}

pub(super) fn milliseconds(received: &str) -> Result<Duration, String> {
    let number = received.parse().map(Duration::from_millis);
    number.map_err(|_| "expected a whole number of milliseconds, 0 or more".to_owned())
}

pub(super) fn interval(received: &str) -> Result<Duration, String> {
    let interval =
        received.parse().ok().and_then(|number| Duration::try_from_secs_f64(number).ok());
    let positive = interval.filter(|interval| !interval.is_zero());
    positive.ok_or_else(|| "expected a number of seconds above 0".to_owned())
}

pub(super) fn rate(received: &str) -> Result<f64, String> {
    number(received, |rate| rate >= 0.0)
        .ok_or_else(|| "expected operations per second, 0 or more".to_owned())
}

pub(super) fn limit(received: &str) -> Result<f64, String> {
    number(received, |limit| limit >= 0.0).ok_or_else(|| "expected a number, 0 or more".to_owned())
}

pub(super) fn fraction(received: &str) -> Result<f64, String> {
    number(received, |fraction| (0.0..=1.0).contains(&fraction))
        .ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

pub(super) fn goal(received: &str) -> Result<Goal, String> {
    match received {
        "total" => Ok(Goal::Total),
        _ => fraction(received)
            .map(Goal::Fraction)
            .map_err(|_| "expected total, or a number from 0 to 1".to_owned()),
    }
}

fn number(received: &str, makes_sense: impl Fn(f64) -> bool) -> Option<f64> {
    received.parse().ok().filter(|&number: &f64| number.is_finite() && makes_sense(number))
}
