//! Numbers on the command line, and errors for invalid ones.

use std::ops::RangeInclusive;
use std::time::Duration;

use eddy::concurrency::Concurrency;
use eddy_checkers::availability::Goal;

/// Bound on the number of nodes, so that their names cannot fill the memory before the test is
/// refused.
const MAX_NODES: u64 = 1_000_000;

/// Bound on the number of keys in use. Almost all operations go to the last dozen.
const MAX_KEYS: u64 = 1_000_000;

/// Largest bound below which every integer is exact as an `f64`: 2^53.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

pub(super) fn positive(received: &str) -> Result<u64, String> {
    match received.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(expected_error("a whole number, 1 or more", nearest_whole(received, 1.0))),
    }
}

pub(super) fn nodes(received: &str) -> Result<u64, String> {
    match positive(received)? {
        number @ ..=MAX_NODES => Ok(number),
        _ => Err(format!("expected {MAX_NODES} at most")),
    }
}

pub(super) fn keys(received: &str) -> Result<usize, String> {
    match positive(received)? {
        number @ ..=MAX_KEYS => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
        _ => Err(format!("expected {MAX_KEYS} at most")),
    }
}

pub(super) fn seed(received: &str) -> Result<u64, String> {
    let most = u64::MAX;
    let whole = format!("a whole number from 0 to {most}");
    received.parse().map_err(|_| expected_error(&whole, nearest_whole(received, 0.0)))
}

pub(super) fn concurrency(received: &str) -> Result<Concurrency, String> {
    received.parse().map_err(|_| {
        let unit = if received.trim_end().ends_with(['n', 'N']) { "n" } else { "" };
        let near = nearest_whole(received, 1.0).map(|near| format!("{near}{unit}"));
        expected_error("1 or more, or a multiple of the nodes like 2n", near)
    })
}

pub(super) fn seconds(received: &str) -> Result<Duration, String> {
    let error =
        |_| expected_error("a whole number of seconds, 1 or more", nearest_whole(received, 1.0));
    positive(received).map(Duration::from_secs).map_err(error)
}

pub(super) fn milliseconds(received: &str) -> Result<Duration, String> {
    // A small fraction is probably meant in seconds.
    let is_in_seconds = |number: &f64| number.fract() != 0.0 && (0.0..10.0).contains(number);
    let in_seconds = received.parse().ok().filter(is_in_seconds);
    let near = || match in_seconds {
        Some(seconds) => nearest_whole(&(seconds * 1000.0).to_string(), 0.0),
        None => nearest_whole(received, 0.0),
    };
    let error = |_| expected_error("a whole number of milliseconds, 0 or more", near());
    received.parse().map(Duration::from_millis).map_err(error)
}

pub(super) fn interval(received: &str) -> Result<Duration, String> {
    let interval =
        received.parse().ok().and_then(|number| Duration::try_from_secs_f64(number).ok());
    let positive = interval.filter(|interval| !interval.is_zero());
    let near = || nearest(received, 0.0..=MAX_EXACT_INTEGER).filter(|near| near != "0");
    positive.ok_or_else(|| expected_error("a number of seconds above 0", near()))
}

pub(super) fn rate(received: &str) -> Result<f64, String> {
    number(received, "operations per second, 0 or more", 0.0..=f64::MAX)
}

pub(super) fn limit(received: &str) -> Result<f64, String> {
    number(received, "a number, 0 or more", 0.0..=f64::MAX)
}

pub(super) fn fraction(received: &str) -> Result<f64, String> {
    number(received, "a number from 0 to 1", 0.0..=1.0)
}

pub(super) fn goal(received: &str) -> Result<Goal, String> {
    match received {
        "any" => Ok(Goal::None),
        "total" => Ok(Goal::Total),
        _ => number(received, "any, total, or a number from 0 to 1", 0.0..=1.0).map(Goal::Fraction),
    }
}

fn number(received: &str, expected: &str, range: RangeInclusive<f64>) -> Result<f64, String> {
    match received.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(expected_error(expected, nearest(received, range))),
    }
}

fn expected_error(expected: &str, near: Option<String>) -> String {
    let meant = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
    format!("expected {expected}{meant}")
}

/// Whole number that was probably meant, if it is at least `least`.
fn nearest_whole(received: &str, least: f64) -> Option<String> {
    let number: f64 = nearest(received, 0.0..=MAX_EXACT_INTEGER)?.parse().ok()?;
    let number = number.round();
    (number >= least).then(|| number.to_string())
}

/// Number in a range that was probably meant: without unit, without sign, and as a fraction if it
/// can only be a percentage. The end of the range is never suggested for a number beyond it.
fn nearest(received: &str, range: RangeInclusive<f64>) -> Option<String> {
    let (number, percent) = match received.trim().strip_suffix('%') {
        Some(number) => (number, 0.01),
        None => (received.trim().trim_end_matches(char::is_alphabetic), 1.0),
    };
    let number = number.trim_end().parse::<f64>().ok()?.abs();
    // Beyond 2^53, the nearest number is not what was meant.
    if number.is_nan() || number >= MAX_EXACT_INTEGER {
        return None;
    }
    let number = number * percent;
    let as_percentage = || Some(number / 100.0).filter(|_| *range.end() <= 1.0 && number >= 2.0);
    let number = Some(number).filter(|number| range.contains(number)).or_else(as_percentage)?;
    range.contains(&number).then(|| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_number_is_named_where_there_is_one() {
        #[track_caller]
        fn check<T: std::fmt::Debug>(answer: Result<T, String>, expected: &str) {
            let error = answer.expect_err("no number that makes sense");
            assert_eq!(error, format!("expected {expected}"));
        }
        check(positive("0"), "a whole number, 1 or more");
        check(positive("0.4"), "a whole number, 1 or more");
        check(positive("0.7"), "a whole number, 1 or more; did you mean 1?");
        check(positive("-3"), "a whole number, 1 or more; did you mean 3?");
        check(positive("many"), "a whole number, 1 or more");
        check(positive(""), "a whole number, 1 or more");
        check(positive("-9007199254740993"), "a whole number, 1 or more");
        check(rate("-1e300"), "operations per second, 0 or more");
        check(nodes("1000001"), "1000000 at most");
        check(seconds("20s"), "a whole number of seconds, 1 or more; did you mean 20?");
        check(seconds("1.6"), "a whole number of seconds, 1 or more; did you mean 2?");
        check(
            milliseconds("100 ms"),
            "a whole number of milliseconds, 0 or more; did you mean 100?",
        );
        check(milliseconds("0.1"), "a whole number of milliseconds, 0 or more; did you mean 100?");
        check(milliseconds("99.7"), "a whole number of milliseconds, 0 or more; did you mean 100?");
        check(interval("0"), "a number of seconds above 0");
        check(interval("-2"), "a number of seconds above 0; did you mean 2?");
        check(rate("NaN"), "operations per second, 0 or more");
        check(rate("100/s"), "operations per second, 0 or more");
        check(goal("99%"), "any, total, or a number from 0 to 1; did you mean 0.99?");
        check(goal("95"), "any, total, or a number from 0 to 1; did you mean 0.95?");
        check(fraction("100"), "a number from 0 to 1; did you mean 1?");
        check(fraction("1.5"), "a number from 0 to 1");
        check(fraction("101"), "a number from 0 to 1");
        check(rate("1e300x"), "operations per second, 0 or more");
        let concurrencies = "1 or more, or a multiple of the nodes like 2n";
        check(concurrency("2N"), &format!("{concurrencies}; did you mean 2n?"));
        check(concurrency("0"), concurrencies);
        check(concurrency("0n"), concurrencies);
        check(concurrency("n"), concurrencies);
    }
}
