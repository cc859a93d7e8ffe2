//! `test.json`: the parameters of a test.

use serde::{Deserialize, Serialize};

use eddy::Test;
use eddy_checkers::ConsistencyModel;
use eddy_checkers::availability::Goal;

/// Parameters of a test, written when it begins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Description {
    /// Name of the workload.
    pub workload: String,
    /// Path of the program as given, or name of a Rust test; empty if unknown.
    pub bin: String,
    /// Command line that repeats the test, with its seed; empty if there is none.
    pub command: Vec<String>,
    /// Time of its start: RFC 3339, with the offset of the zone.
    pub began: String,
    /// Names of the nodes.
    pub nodes: Vec<String>,
    /// Number of concurrent clients.
    pub concurrency: usize,
    /// Operations per second.
    pub rate: f64,
    /// Duration of the operations, in seconds.
    pub time_limit_s: f64,
    /// Mean latency of messages between servers, in milliseconds.
    pub latency_ms: f64,
    /// Distribution of latencies.
    pub latency_dist: String,
    /// Names of the faults that were asked for.
    pub nemesis: Vec<String>,
    /// Seed, as text because not every seed fits into a JSON number.
    pub seed: String,
    /// Consistency models that transactions had to satisfy. Older versions did not write this and
    /// the following fields.
    pub consistency_models: Option<Vec<String>>,
    /// Required availability: `any`, `total`, or a fraction.
    pub availability: Option<String>,
    /// True if the last operations had to succeed.
    pub judges_liveness: Option<bool>,
}

impl Description {
    /// Describes a test that begins now.
    pub fn of(test: &Test, bin: &str, command: Vec<String>) -> Description {
        let nodes = test.node_ids();
        Description {
            workload: test.workload.name().to_owned(),
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
            consistency_models: Some(
                test.consistency_models.iter().map(ToString::to_string).collect(),
            ),
            availability: Some(test.availability.to_string()),
            judges_liveness: Some(test.has_faults_beyond_maelstrom()),
        }
    }

    /// Recorded consistency models, if any. The error says what is wrong with them.
    pub fn consistency_models(&self) -> Result<Option<Vec<ConsistencyModel>>, String> {
        let Some(names) = &self.consistency_models else { return Ok(None) };
        let models = names.iter().map(|name| name.parse().map_err(|error| format!("{error}")));
        models.collect::<Result<_, String>>().map(Some)
    }

    /// Recorded availability, if any. The error says what is wrong with it.
    pub fn availability(&self) -> Result<Option<Goal>, String> {
        self.availability.as_deref().map(str::parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judging_options_are_read_as_they_were_written() {
        #[track_caller]
        fn check(test: &Test) {
            let written = serde_json::to_string(&Description::of(test, "", Vec::new())).unwrap();
            let read: Description = serde_json::from_str(&written).unwrap();
            let models = read.consistency_models().unwrap();
            assert_eq!(models.as_ref(), Some(&test.consistency_models));
            assert_eq!(read.availability().unwrap(), Some(test.availability));
            assert_eq!(read.judges_liveness, Some(test.has_faults_beyond_maelstrom()));
        }
        check(&Test::default());
        let consistency_models =
            vec![ConsistencyModel::ReadCommitted, ConsistencyModel::OneCopySerializable];
        let faults = [eddy::Fault::Kill].into();
        for availability in [Goal::Total, Goal::Fraction(0.1 + 0.2), Goal::Fraction(0.0)] {
            let consistency_models = consistency_models.clone();
            let faults = std::collections::BTreeSet::clone(&faults);
            check(&Test { consistency_models, faults, availability, ..Test::default() });
        }
        check(&Test { consistency_models: Vec::new(), ..Test::default() });
    }

    #[test]
    fn fields_that_older_versions_lack_are_unknown() {
        let old: Description = serde_json::from_str("{\"workload\": \"echo\"}").unwrap();
        assert_eq!(old.consistency_models(), Ok(None));
        assert_eq!((old.availability(), old.judges_liveness), (Ok(None), None));
        let odd = r#"{"consistency_models": ["serialisable"], "availability": "most"}"#;
        let odd: Description = serde_json::from_str(odd).unwrap();
        let error = odd.consistency_models().unwrap_err();
        assert!(error.contains("did you mean serializable?"), "{error}");
        let expected = "expected any, total or a number from 0 to 1, found \"most\"";
        assert_eq!(odd.availability(), Err(expected.to_owned()));
    }
}
