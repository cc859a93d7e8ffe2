//! The figures of the charts as Markdown tables.

use std::fmt::Write as _;

use crate::limit;
use crate::pictures::OTHERS;
use crate::run::{BroadcastRun, Variant};

/// One table for each chart, and between them one of the same runs with varying latencies.
pub(crate) fn all(
    frontier: &[BroadcastRun],
    varied: &[BroadcastRun],
    sized: &[BroadcastRun],
) -> String {
    let mut text = String::from(
        "| 25 nodes | msgs/op | least possible | median ms | longest ms |\n|---|---|---|---|---|\n",
    );
    for (name, messages, median, longest) in OTHERS {
        line(&mut text, &[name, &messages.to_string(), "", &figure(median), &figure(longest)]);
    }
    for run in frontier {
        let BroadcastRun { messages_per_operation, median_ms, max_ms, .. } = *run;
        let (name, least) = (run.variant.to_string(), least(run, 25.0) / 2.0);
        let least = format!("{least:.2}");
        let messages = format!("{messages_per_operation:.2}");
        line(&mut text, &[&name, &messages, &least, &figure(median_ms), &figure(max_ms)]);
    }
    text.push_str(
        "\n| 25 nodes, 0 to 199 ms apart | msgs/op | median ms | longest ms |\n|---|---|---|---|\n",
    );
    for run in varied {
        let BroadcastRun { messages_per_operation, median_ms: median, max_ms: maximum, .. } = *run;
        let (name, messages) = (run.variant.to_string(), format!("{messages_per_operation:.2}"));
        line(&mut text, &[&name, &messages, &figure(median), &figure(maximum)]);
    }
    text.push_str(
        "\n| nodes | | msgs/broadcast | least possible | median ms | longest ms | busiest node, msgs/s |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for run in sized {
        let BroadcastRun {
            nodes,
            messages_per_broadcast,
            median_ms: median,
            max_ms: maximum,
            busiest,
            ..
        } = *run;
        let size = u32::try_from(nodes).map_or(f64::INFINITY, f64::from);
        let (name, least) = (run.variant.to_string(), format!("{:.2}", least(run, size)));
        let messages = format!("{messages_per_broadcast:.2}");
        let (median, maximum, busiest) = (figure(median), figure(maximum), format!("{busiest:.0}"));
        let nodes = nodes.to_string();
        line(&mut text, &[&nodes, &name, &messages, &least, &median, &maximum, &busiest]);
    }
    text
}

fn least(run: &BroadcastRun, nodes: f64) -> f64 {
    let period = match run.variant {
        Variant::D => 0.0,
        Variant::E(period) => u32::try_from(period).map_or(f64::INFINITY, f64::from),
    };
    limit::messages_per_broadcast(nodes, period)
}

fn figure(number: u64) -> String {
    number.to_string()
}

fn line(text: &mut String, cells: &[&str]) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}
