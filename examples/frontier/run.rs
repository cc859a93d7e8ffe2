//! One run of a broadcast in virtual time, and its figures.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use eddy::history::Kind;
use eddy::latency::{Distribution, Latency};
use eddy::{Test, Validity, workload};

use crate::{broadcast_d, broadcast_e};

/// A broadcast node and its parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Each node sends to all others at once.
    D,
    /// Batches through a hub, with this period in milliseconds.
    E(u64),
}

/// The figures of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BroadcastRun {
    pub(crate) variant: Variant,
    pub(crate) nodes: usize,
    pub(crate) messages_per_operation: f64,
    pub(crate) messages_per_broadcast: f64,
    /// Median stable latency in milliseconds.
    pub(crate) median_ms: u64,
    /// Longest stable latency in milliseconds.
    pub(crate) max_ms: u64,
    /// Messages per second that the busiest node sends and receives.
    pub(crate) busiest: f64,
}

impl BroadcastRun {
    /// Runs Maelstrom's challenges 3d and 3e with so many nodes and a mean latency of 100 ms.
    pub(crate) fn of(
        variant: Variant,
        nodes: usize,
        distribution: Distribution,
    ) -> anyhow::Result<BroadcastRun> {
        let time_limit = Duration::from_secs(20);
        let test = Test {
            workload: &workload::Broadcast,
            nodes,
            rate: 100.0,
            time_limit,
            latency: Latency { mean: Duration::from_millis(100), distribution },
            trace: true,
            ..Test::default()
        };
        let report = match variant {
            Variant::D => test.run(broadcast_d::Broadcast::new),
            Variant::E(millis) => {
                let flush = Duration::from_millis(millis);
                test.run(move |node| broadcast_e::Broadcast::new(node, flush))
            }
        };
        ensure!(report.valid == Validity::Valid, "{variant} with {nodes} nodes: {report}");
        let begun = || report.history.client_ops().filter(|op| op.kind == Kind::Invoke);
        let operations = count(begun());
        let broadcasts = count(begun().filter(|op| op.f == "broadcast"));
        let figure = report.traffic.servers.msgs_per_op.context("no operations")?;
        Ok(BroadcastRun {
            variant,
            nodes,
            messages_per_operation: figure,
            messages_per_broadcast: figure * operations / broadcasts,
            median_ms: report.stable_latency.median,
            max_ms: report.stable_latency.maximum,
            busiest: busiest(&report.trace) / time_limit.as_secs_f64(),
        })
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> f64 {
    u32::try_from(items.count()).map_or(f64::INFINITY, f64::from)
}

/// Number of messages that the busiest node sends to other nodes and receives from them.
fn busiest(trace: &str) -> f64 {
    let mut messages: BTreeMap<&str, u32> = BTreeMap::new();
    for line in trace.lines() {
        let mut words = line.split(' ').skip(1);
        let (event, _, src, dest) = (words.next(), words.next(), words.next(), words.next());
        let (Some(src), Some(dest)) = (src, dest) else { continue };
        if src.starts_with('c') || dest.starts_with('c') {
            continue;
        }
        match event {
            Some("Send") => *messages.entry(src).or_default() += 1,
            Some("Receive") => *messages.entry(dest).or_default() += 1,
            _ => {}
        }
    }
    messages.into_values().max().map_or(0.0, f64::from)
}

impl Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Variant::D => f.pad("broadcast-d"),
            Variant::E(millis) => f.pad(&format!("broadcast-e {millis}ms")),
        }
    }
}
