//! What happened over time, as charts: latencies, their quantiles, and rates of operations and
//! messages, with the faults shaded.

use std::collections::BTreeMap;
use std::time::Duration;

use eddy_checkers::history::Kind;
use eddy_checkers::quantiles::Quantiles;

use super::data::messages;
use super::scene::Scene;
use crate::chart::{Area, Axis, Chart, ChartError, Series};

/// The shortest latency that is told apart, in nanoseconds. A logarithmic axis has no zero, which
/// is what instantaneous networks give in virtual time; and below a few microseconds there is
/// nothing but the clock.
const SHORTEST: u64 = 1_000;

/// A quantile, by its name and as it is taken.
type Quantile = (&'static str, fn(Quantiles) -> u64);

/// The quantiles that have a curve.
const QUANTILES: [Quantile; 3] = [
    ("median", |quantiles| quantiles.median),
    ("95 %", |quantiles| quantiles.p95),
    ("longest", |quantiles| quantiles.maximum),
];

/// How many windows of time a rate is counted in, about: more would show chance, fewer would hide
/// what a fault did.
const WINDOWS: f64 = 60.0;

/// How many kinds of messages have a curve of their own, the most frequent ones. There are seven
/// colors.
const KINDS: usize = 7;

/// For up to so many functions, each has quantiles of its own; more would not be told apart.
const FUNCTIONS: usize = 2;

/// A picture under the name of its file.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    pub(crate) svg: String,
    /// The same for a phone.
    pub(crate) narrow: String,
}

/// All charts of a test.
pub(crate) fn of(scene: &Scene<'_>) -> Result<Vec<Picture>, ChartError> {
    let latency = Axis::logarithmic("operation latency in ms");
    let charts = [
        ("latency-raw.svg", "Latency of each operation", latency.clone(), raw(scene)),
        ("latency-quantiles.svg", "Quantiles of operation latency", latency, quantiles(scene)),
        ("rate.svg", "Operations per second", Axis::linear("operations per second"), rate(scene)),
        (
            "messages-rate.svg",
            "Messages per second",
            Axis::linear("messages per second"),
            traffic(scene),
        ),
    ];
    let pictures = charts.into_iter().map(|(file, title, y, series)| {
        let x =
            Axis { range: Some((0.0, seconds(scene.end).max(1.0))), ..Axis::linear("time in s") };
        let chart = Chart { title: title.to_owned(), x, y, series, areas: areas(scene) };
        Ok(Picture { file, title, svg: chart.to_svg()?, narrow: chart.to_narrow_svg()? })
    });
    pictures.collect()
}

/// An operation that has ended: what it was, how it ended, and when; times in seconds.
struct Ended {
    name: String,
    outcome: Kind,
    at: f64,
    nanoseconds: u64,
}

fn ended(scene: &Scene<'_>) -> impl Iterator<Item = Ended> {
    scene.operations.iter().filter_map(|operation| {
        let end = operation.end?;
        Some(Ended {
            name: operation.begin.f.to_string(),
            outcome: end.kind,
            at: seconds(operation.completed),
            nanoseconds: end.time.saturating_sub(operation.begin.time).max(SHORTEST),
        })
    })
}

/// A dot for each operation, where it ended.
fn raw(scene: &Scene<'_>) -> Vec<Series> {
    let mut groups: BTreeMap<(String, Kind), Vec<(f64, f64)>> = BTreeMap::new();
    for Ended { name, outcome, at, nanoseconds } in ended(scene) {
        groups.entry((name, outcome)).or_default().push((at, milliseconds(nanoseconds)));
    }
    named(groups, Series::dots)
}

/// The quantiles of those that succeeded, in windows of time.
fn quantiles(scene: &Scene<'_>) -> Vec<Series> {
    let ok: Vec<Ended> = ended(scene).filter(|ended| ended.outcome == Kind::Ok).collect();
    let mut names: Vec<&str> = ok.iter().map(|ended| ended.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let is_few = names.len() <= FUNCTIONS;
    let mut groups: BTreeMap<&str, BTreeMap<u64, Vec<u64>>> = BTreeMap::new();
    let window = window(scene);
    for ended in &ok {
        let name = if is_few { &ended.name } else { "all" };
        let windows = groups.entry(name).or_default();
        windows.entry(number(ended.at, window)).or_default().push(ended.nanoseconds);
    }
    let series = groups.into_iter().flat_map(|(name, windows)| {
        let of_window = |(number, latencies): (u64, Vec<u64>)| {
            Some((middle(number, window, scene), Quantiles::of(latencies)?))
        };
        let quantiles: Vec<(f64, Quantiles)> = windows.into_iter().filter_map(of_window).collect();
        QUANTILES.map(|(quantile, of)| {
            let points = quantiles.iter().map(|(at, all)| (*at, milliseconds(of(*all))));
            Series::line(format!("{name}, {quantile}"), points)
        })
    });
    series.collect()
}

/// How many operations ended in each second, by how they ended.
fn rate(scene: &Scene<'_>) -> Vec<Series> {
    let mut groups: BTreeMap<(String, Kind), Vec<f64>> = BTreeMap::new();
    for Ended { name, outcome, at, .. } in ended(scene) {
        groups.entry((name, outcome)).or_default().push(at);
    }
    let counted = groups.into_iter().map(|(group, times)| (group, per_second(&times, scene)));
    named(counted, Series::curve)
}

/// How many messages of each kind were sent in each second.
fn traffic(scene: &Scene<'_>) -> Vec<Series> {
    let mut kinds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for arrow in &scene.arrows {
        let sent = seconds(arrow.sent.max(0));
        kinds.entry(messages::kind(arrow.message)).or_default().push(sent);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, times)| std::cmp::Reverse(times.len()));
    if kinds.len() > KINDS {
        let rest = kinds.split_off(KINDS - 1);
        let times = rest.into_iter().flat_map(|(_, times)| times).collect();
        kinds.push(("all others".to_owned(), times));
    }
    let series =
        kinds.into_iter().map(|(kind, times)| Series::curve(kind, per_second(&times, scene)));
    series.collect()
}

/// A series for each function and outcome, `read ok`.
fn named(
    groups: impl IntoIterator<Item = ((String, Kind), Vec<(f64, f64)>)>,
    series: fn(String, Vec<(f64, f64)>) -> Series,
) -> Vec<Series> {
    let named = groups
        .into_iter()
        .map(|((name, outcome), points)| series(format!("{name} {}", outcome.name()), points));
    named.collect()
}

/// A shade for each strike, from the bottom to the top.
fn areas(scene: &Scene<'_>) -> Vec<Area> {
    let ends = f64::NEG_INFINITY..f64::INFINITY;
    let areas = scene.shades.iter().map(|shade| {
        let (from, until) = (seconds(shade.from), seconds(shade.until));
        Area::new(&shade.fault, (from, ends.start), (until, ends.end))
    });
    areas.collect()
}

/// How often something happened in a second, for each window of time.
fn per_second(times: &[f64], scene: &Scene<'_>) -> Vec<(f64, f64)> {
    let window = window(scene);
    let mut counts: BTreeMap<u64, f64> = BTreeMap::new();
    for number in 0..=number(seconds(scene.end), window) {
        counts.insert(number, 0.0);
    }
    for time in times {
        *counts.entry(number(*time, window)).or_default() += 1.0;
    }
    let points = counts.into_iter();
    points.map(|(number, count)| (middle(number, window, scene), count / window)).collect()
}

/// How long a window is: a second, or as many as keep their number down.
fn window(scene: &Scene<'_>) -> f64 {
    (seconds(scene.end) / WINDOWS).ceil().max(1.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times are positive, and far below 2^53 windows"
)]
fn number(time: f64, window: f64) -> u64 {
    (time / window) as u64
}

/// Where a window stands for all that is in it; the last one may end early.
#[expect(clippy::cast_precision_loss, reason = "there are few windows")]
fn middle(number: u64, window: f64, scene: &Scene<'_>) -> f64 {
    ((number as f64 + 0.5) * window).min(seconds(scene.end).max(1.0))
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
        let scene = Scene::of(&report);
        let dots: usize = raw(&scene).iter().map(|series| series.points.len()).sum();
        assert_eq!(dots, report.operations.invoked);
        let window = window(&scene);
        #[expect(clippy::cast_precision_loss, reason = "there are few")]
        let [operations, messages] =
            [report.operations.invoked as u64, report.all.sent].map(|count| count as f64);
        assert!((total(&rate(&scene), window) - operations).abs() < 1e-6);
        assert!((total(&traffic(&scene), window) - messages).abs() < 1e-6);
        let ends = scene.operations.iter().filter_map(|one| Some(one.end?.time - one.begin.time));
        let longest = milliseconds(ends.max().unwrap().max(SHORTEST));
        for series in [raw(&scene), quantiles(&scene)] {
            let points = series.iter().flat_map(|series| &series.points);
            let highest = points.map(|point| point.y).fold(0.0, f64::max);
            assert!((highest - longest).abs() < 1e-9, "{highest} is not {longest}");
        }
        let names: Vec<String> = quantiles(&scene).into_iter().map(|series| series.name).collect();
        assert_eq!(names[..3], ["broadcast, median", "broadcast, 95 %", "broadcast, longest"]);
        assert_eq!((areas(&scene).len(), areas(&scene)[0].name.as_str()), (1, "partition"));
        let files = of(&scene).unwrap();
        assert!(files.iter().all(|picture| picture.svg.contains(">partition</text>")));
    }

    #[test]
    fn kinds_beyond_the_most_frequent_share_a_curve() {
        let report = run(&with_partition());
        let names: Vec<String> =
            traffic(&Scene::of(&report)).into_iter().map(|series| series.name).collect();
        assert_eq!((names.len(), names[KINDS - 1].as_str()), (KINDS, "all others"));
    }
}
