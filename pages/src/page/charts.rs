//! Charts over time: latencies, their quantiles, and rates of operations and messages, with faults
//! shaded.

use std::collections::BTreeMap;
use std::time::Duration;

use eddy_checkers::history::Kind;
use eddy_checkers::quantiles::Quantiles;

use super::data::messages;
use super::view_model::ViewModel;
use crate::chart::{Area, Axis, Chart, ChartError, Series};

/// Shortest latency that is shown, in nanoseconds; shorter ones are raised to it. A logarithmic
/// axis has no zero, which is the latency of instantaneous networks in virtual time. Below a few
/// microseconds only the clock is measured.
const MIN_LATENCY_NANOSECONDS: u64 = 1_000;

/// Name of a quantile and the function that selects it.
type Quantile = (&'static str, fn(Quantiles) -> u64);

/// Quantiles that have a curve.
const QUANTILES: [Quantile; 3] = [
    ("median", |quantiles| quantiles.median),
    ("95 %", |quantiles| quantiles.p95),
    ("longest", |quantiles| quantiles.maximum),
];

/// Approximate number of time windows for rates. More would show chance; fewer would hide the
/// effect of a fault.
const WINDOW_COUNT: f64 = 60.0;

/// Number of message types that have their own curve, the most frequent ones. There are seven
/// colors.
const MAX_MESSAGE_TYPES: usize = 7;

/// Number of functions up to which each has its own quantiles. More curves could not be told apart.
const MAX_SEPARATE_FUNCTIONS: usize = 2;

/// Chart and its file name.
#[derive(Debug)]
pub(crate) struct ChartFile {
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    pub(crate) svg: String,
    /// SVG for a phone.
    pub(crate) narrow: String,
}

/// Draws all charts of a test.
pub(crate) fn of(view_model: &ViewModel<'_>) -> Result<Vec<ChartFile>, ChartError> {
    let latency = Axis::logarithmic("operation latency in ms");
    let charts = [
        (
            "latency-raw.svg",
            "Latency of each operation",
            latency.clone(),
            raw_latencies(view_model),
        ),
        ("latency-quantiles.svg", "Quantiles of operation latency", latency, quantiles(view_model)),
        (
            "rate.svg",
            "Operations per second",
            Axis::linear("operations per second"),
            operation_rate(view_model),
        ),
        (
            "messages-rate.svg",
            "Messages per second",
            Axis::linear("messages per second"),
            message_rate(view_model),
        ),
    ];
    let pictures = charts.into_iter().map(|(file, title, y, series)| {
        let x = Axis {
            range: Some((0.0, seconds(view_model.end).max(1.0))),
            ..Axis::linear("time in s")
        };
        let chart = Chart { title: title.to_owned(), x, y, series, areas: areas(view_model) };
        Ok(ChartFile { file, title, svg: chart.to_svg()?, narrow: chart.to_narrow_svg()? })
    });
    pictures.collect()
}

/// Completed operation, with the time of completion in seconds.
struct CompletedOperation {
    name: String,
    outcome: Kind,
    at: f64,
    nanoseconds: u64,
}

fn completed_operations(view_model: &ViewModel<'_>) -> impl Iterator<Item = CompletedOperation> {
    view_model.operations.iter().filter_map(|operation| {
        let end = operation.end?;
        Some(CompletedOperation {
            name: operation.begin.f.to_string(),
            outcome: end.kind,
            at: seconds(operation.completed),
            nanoseconds: end.time.saturating_sub(operation.begin.time).max(MIN_LATENCY_NANOSECONDS),
        })
    })
}

/// One dot per operation, at its completion.
fn raw_latencies(view_model: &ViewModel<'_>) -> Vec<Series> {
    let mut groups: BTreeMap<(String, Kind), Vec<(f64, f64)>> = BTreeMap::new();
    for CompletedOperation { name, outcome, at, nanoseconds } in completed_operations(view_model) {
        groups.entry((name, outcome)).or_default().push((at, milliseconds(nanoseconds)));
    }
    to_series(groups, Series::dots)
}

/// Latency quantiles of successful operations per time window.
fn quantiles(view_model: &ViewModel<'_>) -> Vec<Series> {
    let ok: Vec<CompletedOperation> =
        completed_operations(view_model).filter(|ended| ended.outcome == Kind::Ok).collect();
    let mut names: Vec<&str> = ok.iter().map(|ended| ended.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let is_few = names.len() <= MAX_SEPARATE_FUNCTIONS;
    let mut groups: BTreeMap<&str, BTreeMap<u64, Vec<u64>>> = BTreeMap::new();
    let window = window(view_model);
    for ended in &ok {
        let name = if is_few { &ended.name } else { "all" };
        let windows = groups.entry(name).or_default();
        windows.entry(window_index(ended.at, window)).or_default().push(ended.nanoseconds);
    }
    let series = groups.into_iter().flat_map(|(name, windows)| {
        let of_window = |(number, latencies): (u64, Vec<u64>)| {
            Some((window_middle(number, window, view_model), Quantiles::of(latencies)?))
        };
        let quantiles: Vec<(f64, Quantiles)> = windows.into_iter().filter_map(of_window).collect();
        QUANTILES.map(|(quantile, of)| {
            let points = quantiles.iter().map(|(at, all)| (*at, milliseconds(of(*all))));
            Series::line(format!("{name}, {quantile}"), points)
        })
    });
    series.collect()
}

/// Completed operations per second, by function and outcome.
fn operation_rate(view_model: &ViewModel<'_>) -> Vec<Series> {
    let mut groups: BTreeMap<(String, Kind), Vec<f64>> = BTreeMap::new();
    for CompletedOperation { name, outcome, at, .. } in completed_operations(view_model) {
        groups.entry((name, outcome)).or_default().push(at);
    }
    let counted = groups.into_iter().map(|(group, times)| (group, per_second(&times, view_model)));
    to_series(counted, Series::curve)
}

/// Messages sent per second, by type.
fn message_rate(view_model: &ViewModel<'_>) -> Vec<Series> {
    let mut kinds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for arrow in &view_model.arrows {
        let sent = seconds(arrow.sent.max(0));
        kinds.entry(messages::kind(arrow.message)).or_default().push(sent);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, times)| std::cmp::Reverse(times.len()));
    if kinds.len() > MAX_MESSAGE_TYPES {
        let rest = kinds.split_off(MAX_MESSAGE_TYPES - 1);
        let times = rest.into_iter().flat_map(|(_, times)| times).collect();
        kinds.push(("all others".to_owned(), times));
    }
    let series =
        kinds.into_iter().map(|(kind, times)| Series::curve(kind, per_second(&times, view_model)));
    series.collect()
}

/// One series per function and outcome, such as `read ok`.
fn to_series(
    groups: impl IntoIterator<Item = ((String, Kind), Vec<(f64, f64)>)>,
    series: fn(String, Vec<(f64, f64)>) -> Series,
) -> Vec<Series> {
    let named = groups
        .into_iter()
        .map(|((name, outcome), points)| series(format!("{name} {}", outcome.name()), points));
    named.collect()
}

/// One shaded area per strike, over the full height.
fn areas(view_model: &ViewModel<'_>) -> Vec<Area> {
    let ends = f64::NEG_INFINITY..f64::INFINITY;
    let areas = view_model.fault_spans.iter().map(|fault_span| {
        let (from, until) = (seconds(fault_span.from), seconds(fault_span.until));
        Area::new(&fault_span.fault, (from, ends.start), (until, ends.end))
    });
    areas.collect()
}

/// Events per second in each time window.
fn per_second(times: &[f64], view_model: &ViewModel<'_>) -> Vec<(f64, f64)> {
    let window = window(view_model);
    let mut counts: BTreeMap<u64, f64> = BTreeMap::new();
    for number in 0..=window_index(seconds(view_model.end), window) {
        counts.insert(number, 0.0);
    }
    for time in times {
        *counts.entry(window_index(*time, window)).or_default() += 1.0;
    }
    let points = counts.into_iter();
    points
        .map(|(number, count)| (window_middle(number, window, view_model), count / window))
        .collect()
}

/// Length of a window: at least one second, and enough to keep their number low.
fn window(view_model: &ViewModel<'_>) -> f64 {
    (seconds(view_model.end) / WINDOW_COUNT).ceil().max(1.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times are positive, and far below 2^53 windows"
)]
fn window_index(time: f64, window: f64) -> u64 {
    (time / window) as u64
}

/// Time at which a window is drawn: its middle. The last window may be shorter.
#[expect(clippy::cast_precision_loss, reason = "there are few windows")]
fn window_middle(number: u64, window: f64, view_model: &ViewModel<'_>) -> f64 {
    ((number as f64 + 0.5) * window).min(seconds(view_model.end).max(1.0))
}

fn milliseconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "a pixel is far wider")]
fn seconds(microseconds: i64) -> f64 {
    microseconds as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::super::data::tests::{run, with_partition};
    use super::*;

    fn total(series: &[Series], window: f64) -> f64 {
        let points = series.iter().flat_map(|series| &series.points);
        points.map(|point| point.y * window).sum()
    }

    #[test]
    fn every_operation_and_message_is_in_the_charts() {
        let report = run(&with_partition());
        let view_model = ViewModel::of(&report);
        let dots: usize = raw_latencies(&view_model).iter().map(|series| series.points.len()).sum();
        assert_eq!(dots, report.operations.invoked);
        let window = window(&view_model);
        #[expect(clippy::cast_precision_loss, reason = "there are few")]
        let [operations, messages] =
            [report.operations.invoked as u64, report.traffic.all.sent].map(|count| count as f64);
        assert!((total(&operation_rate(&view_model), window) - operations).abs() < 1e-6);
        assert!((total(&message_rate(&view_model), window) - messages).abs() < 1e-6);
        let ends =
            view_model.operations.iter().filter_map(|one| Some(one.end?.time - one.begin.time));
        let longest = milliseconds(ends.max().unwrap().max(MIN_LATENCY_NANOSECONDS));
        for series in [raw_latencies(&view_model), quantiles(&view_model)] {
            let points = series.iter().flat_map(|series| &series.points);
            let highest = points.map(|point| point.y).fold(0.0, f64::max);
            assert!((highest - longest).abs() < 1e-9, "{highest} is not {longest}");
        }
        let names: Vec<String> =
            quantiles(&view_model).into_iter().map(|series| series.name).collect();
        assert_eq!(names[..3], ["broadcast, median", "broadcast, 95 %", "broadcast, longest"]);
        assert_eq!(
            (areas(&view_model).len(), areas(&view_model)[0].name.as_str()),
            (1, "partition")
        );
        let files = of(&view_model).unwrap();
        assert!(files.iter().all(|picture| picture.svg.contains(">partition</text>")));
    }

    #[test]
    fn kinds_beyond_the_most_frequent_share_a_curve() {
        let report = run(&with_partition());
        let names: Vec<String> =
            message_rate(&ViewModel::of(&report)).into_iter().map(|series| series.name).collect();
        assert_eq!(
            (names.len(), names[MAX_MESSAGE_TYPES - 1].as_str()),
            (MAX_MESSAGE_TYPES, "all others")
        );
    }
}
