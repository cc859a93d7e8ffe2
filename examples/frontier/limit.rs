//! Lower bound of the costs of a broadcast.
//!
//! A value must reach `n − 1` nodes. Sent at once, that takes `n − 1` messages and one hop. With
//! batches through a hub, each period takes `n − 1` messages of the hub, and one of every other
//! node that has received a value from a client in this period. For values at random, that has the
//! probability `1 − e^(−bT)` for a period `T` and `b` values per second and node. A value that just
//! misses a batch waits for a period, and then takes two hops.
//!
//! Maelstrom measures the last hop only in part. A message to a node waits for those that are
//! already on their way to it. So a read that begins shortly before a batch arrives is answered
//! after it, with the values of the batch. A period and two hops are measured as a period and one.

/// Latency of a hop in milliseconds.
const HOP: f64 = 100.0;

/// Broadcasts per second of all nodes together. There are as many reads.
const BROADCASTS: f64 = 50.0;

/// Messages per broadcast among so many nodes with one batch per period, in milliseconds, or with
/// values sent at once if that takes fewer.
pub(crate) fn messages_per_broadcast(nodes: f64, period: f64) -> f64 {
    let seconds = period / 1000.0;
    let silent = (-BROADCASTS / nodes * seconds).exp();
    let in_batches = (nodes - 1.0) * (2.0 - silent) / (BROADCASTS * seconds);
    in_batches.min(nodes - 1.0)
}

/// Messages per operation against the longest latency that Maelstrom measures, in milliseconds.
pub(crate) fn line(nodes: f64) -> Vec<(f64, f64)> {
    // Closer together where the line is curved.
    let periods = (0..=60).map(|step| 1900.0 * (f64::from(step) / 60.0).powi(3));
    periods.map(|period| (HOP + period, messages_per_broadcast(nodes, period) / 2.0)).collect()
}
