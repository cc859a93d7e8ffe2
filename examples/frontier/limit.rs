//! The least that a broadcast can cost.
//!
//! A value has to get to `n − 1` nodes. Sent at once, that takes as many messages, and one hop. In
//! batches, by way of a hub that sends one to everybody each period, it takes `n − 1` for the hub,
//! and one for every other node that was told anything in the period, which at random happens with
//! the probability `1 − e^(−bT)`. A value that just misses a batch waits for a period, and then
//! takes two hops.
//!
//! Maelstrom sees the last hop only in part: a message to a node waits for those that are on their
//! way to it already, so a read that begins shortly before a batch arrives is answered after it, and
//! shows what is in the batch. So a period and two hops are measured as a period and one.

/// One hop, in milliseconds.
const HOP: f64 = 100.0;

/// Broadcasts per second, all nodes together; as many operations are reads.
const BROADCASTS: f64 = 50.0;

/// Messages per broadcast if all that is known is exchanged once per period, in milliseconds, among
/// so many nodes; no more than if every value is sent at once. Half of the operations are
/// broadcasts.
pub(crate) fn messages_per_broadcast(nodes: f64, period: f64) -> f64 {
    let seconds = period / 1000.0;
    let silent = (-BROADCASTS / nodes * seconds).exp();
    let in_batches = (nodes - 1.0) * (2.0 - silent) / (BROADCASTS * seconds);
    in_batches.min(nodes - 1.0)
}

/// Messages per operation against the longest latency that Maelstrom measures, in milliseconds.
pub(crate) fn line(nodes: f64) -> Vec<(f64, f64)> {
    // Closer together where the line is bent.
    let periods = (0..=60).map(|step| 1900.0 * (f64::from(step) / 60.0).powi(3));
    periods.map(|period| (HOP + period, messages_per_broadcast(nodes, period) / 2.0)).collect()
}
