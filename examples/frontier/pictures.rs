//! The charts.

use eddy_pages::chart::{Area, Axis, Chart, Series};

use crate::limit;
use crate::run::{BroadcastRun, Variant};

/// Published solutions of others, measured in the same challenge: messages per operation, and
/// median and longest latency in milliseconds.
pub(crate) const OTHERS: [(&str, f64, u64, u64); 4] = [
    ("flood over tree4, acknowledged", 24.2, 369, 523),
    ("star, acknowledged", 22.6, 174, 222),
    ("everyone to everyone, no acknowledgements", 11.9, 72, 141),
    ("star, 500 ms batches, acknowledged", 1.72, 763, 1056),
];

/// Messages against latency, with 25 nodes.
pub(crate) fn frontier(runs: &[BroadcastRun]) -> Chart {
    let at = |run: &BroadcastRun| (milliseconds(run.max_ms), run.messages_per_operation);
    let direct = runs.iter().filter(|run| run.variant == Variant::D).map(at);
    let batched = runs.iter().filter_map(|run| {
        let (x, y) = at(run);
        match run.variant {
            Variant::D => None,
            Variant::E(period) => Some((x, y, format!("{period} ms"))),
        }
    });
    Chart {
        title: "Broadcast among 25 nodes, 100 ms apart, 100 operations a second".to_owned(),
        x: Axis { range: Some((80.0, 3000.0)), ..Axis::logarithmic("longest latency in ms") },
        y: Axis {
            range: Some((0.2, 50.0)),
            ..Axis::logarithmic("messages between servers per operation")
        },
        series: vec![
            Series::line("broadcast-e, by its period", batched),
            Series::marks("broadcast-d", direct),
            Series::marks(
                "other solutions",
                OTHERS.map(|(name, messages, _, longest)| (milliseconds(longest), messages, name)),
            ),
            Series::dashed("the least possible", limit::line(25.0)),
        ],
        areas: vec![
            Area::new("challenge 3d", (0.0, 0.0), (600.0, 30.0)),
            Area::new("challenge 3e", (0.0, 0.0), (2000.0, 20.0)),
        ],
    }
}

/// Messages against the number of nodes.
pub(crate) fn cluster_size(runs: &[BroadcastRun], variants: &[Variant]) -> Chart {
    let of = |variant: Variant| {
        let runs = runs.iter().filter(move |run| run.variant == variant);
        runs.map(|run| (nodes(run.nodes), run.messages_per_broadcast))
    };
    let limit = |period: f64| {
        let sizes = (0..=40).map(|step| 5.0 * 200.0_f64.powf(f64::from(step) / 40.0));
        sizes.map(move |size| (size, limit::messages_per_broadcast(size, period)))
    };
    let mut series: Vec<Series> =
        variants.iter().map(|variant| Series::line(variant.to_string(), of(*variant))).collect();
    series.push(Series::dashed("the least possible, at once", limit(0.0)));
    series.push(Series::dashed("… in periods of 300 ms", limit(300.0)));
    series.push(Series::dashed("… in periods of 1300 ms", limit(1300.0)));
    Chart {
        title: "The same with more nodes: 50 broadcasts a second, whatever their number".to_owned(),
        x: Axis::logarithmic("nodes"),
        y: Axis::logarithmic("messages between servers per broadcast"),
        series,
        areas: Vec::new(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn milliseconds(time: u64) -> f64 {
    time as f64
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn nodes(count: usize) -> f64 {
    count as f64
}
