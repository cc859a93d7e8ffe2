//! `test.json`: what a test was, for whoever looks at its directory later.

use serde::{Deserialize, Serialize};

use crate::test::Test;

/// Which test it is, in words and numbers; written when it begins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Description {
    pub(crate) workload: String,
    /// The path of the program as it was given, or the name of a test in Rust; empty if unknown.
    pub(crate) bin: String,
    /// The command line that repeats the test, seed included; empty if there is none.
    pub(crate) command: Vec<String>,
    /// When it began: RFC 3339, with the zone's offset.
    pub(crate) began: String,
    pub(crate) nodes: Vec<String>,
    pub(crate) concurrency: usize,
    /// Operations per second.
    pub(crate) rate: f64,
    pub(crate) time_limit_s: f64,
    /// The mean, and how it spreads.
    pub(crate) latency_ms: f64,
    pub(crate) latency_dist: String,
    /// What was to go wrong: the names of faults.
    pub(crate) nemesis: Vec<String>,
    /// A text, since not every seed fits into a number of JSON's.
    pub(crate) seed: String,
}

impl Description {
    /// The description of a test that begins now.
    pub(crate) fn of(test: &Test, bin: &str, command: Vec<String>) -> Description {
        let nodes = test.node_ids();
        Description {
            workload: test.workload.to_string(),
            bin: bin.to_owned(),
            command,
            began: jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
            concurrency: test.concurrency.threads(nodes.len()),
            nodes,
            rate: test.rate,
            time_limit_s: test.time_limit.as_secs_f64(),
            latency_ms: test.latency.mean.as_secs_f64() * 1e3,
            latency_dist: test.latency.distribution.to_string(),
            nemesis: test.faults.iter().map(ToString::to_string).collect(),
            seed: test.seed.to_string(),
        }
    }
}
