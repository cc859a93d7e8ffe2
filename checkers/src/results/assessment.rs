//! Results that do not depend on the workload, and repair times of broadcasts, in `results.edn`.

use crate::assessment::Assessment;
use crate::availability::Availability;
use crate::edn::{Map, Value};
use crate::exceptions::{ExceptionClass, Exceptions};
use crate::history::Op;
use crate::liveness::Liveness;
use crate::repair::{Repair, milliseconds};
use crate::stats::{OutcomeCounts, Stats};

impl Assessment {
    /// The map of `results.edn` without the keys that only some tests have; `net` are the message
    /// statistics, if they are known.
    pub fn results(&self, net: Option<Value>) -> Map {
        let mut results = Map::new()
            .with("exceptions", self.exceptions.to_edn())
            .with("stats", self.stats.to_edn())
            .with("availability", self.availability.to_edn());
        if let Some(net) = net {
            results = results.with("net", net);
        }
        results.with("workload", self.verdict.results.clone())
    }

    /// Adds the keys that only some tests have, at the end.
    pub fn complete(&self, mut results: Map) -> Map {
        if let Some(liveness) = self.judged_liveness() {
            results = results.with("liveness", liveness.to_edn());
        }
        if let Some(failure) = &self.failure {
            results = results.with("error", failure.as_str());
        }
        results
    }
}

impl Exceptions {
    /// The map under `:exceptions`, which is always valid: exceptions are information.
    pub fn to_edn(&self) -> Value {
        let map = Map::new().with("valid?", true);
        if self.0.is_empty() {
            return map.into();
        }
        let classes = self.0.iter().map(|ExceptionClass { class, count, example }| {
            Map::new()
                .with("count", *count)
                .with("class", class.clone())
                .with("example", example.to_edn())
                .into()
        });
        map.with("exceptions", Value::List(classes.collect())).into()
    }
}

impl Stats {
    /// The map under `:stats`.
    pub fn to_edn(&self) -> Value {
        let by_f = self.by_f.iter();
        let by_f = by_f.map(|(f, counts)| (Value::keyword(f.clone()), counts.to_map().into()));
        let mut map = self.overall.to_map().with("by-f", by_f.collect::<Map>());
        map.insert(Value::keyword("valid?"), self.valid);
        map.into()
    }
}

impl OutcomeCounts {
    fn to_map(self) -> Map {
        Map::new()
            .with("valid?", self.valid())
            .with("count", self.count())
            .with("ok-count", self.ok)
            .with("fail-count", self.fail)
            .with("info-count", self.info)
    }
}

impl Availability {
    /// The map under `:availability`.
    pub fn to_edn(&self) -> Value {
        let ok_fraction = match self.invoke_count {
            0 => Value::Int(1),
            _ => Value::float32(self.ok_fraction()),
        };
        Map::new().with("valid?", self.valid).with("ok-fraction", ok_fraction).into()
    }
}

impl Liveness {
    /// The map under `:liveness`.
    pub fn to_edn(&self) -> Value {
        Map::new()
            .with("valid?", self.valid)
            .with("attempt-count", self.attempt_count)
            .with("fail-count", self.failed.len())
            .with("failed", Value::List(self.failed.iter().map(Op::to_edn).collect()))
            .into()
    }
}

impl Repair {
    /// The map under `:repair`.
    pub fn to_edn(&self) -> Value {
        Map::new()
            .with("within-ms", milliseconds(self.within))
            .with("missed-count", self.missed)
            .with("node-count", self.nodes)
            .with("value-count", self.values)
            .with("read-count", self.reads)
            .into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_repair_is_recorded_in_results() {
        let within = Duration::from_micros(1_734_900);
        let repair = Repair { within, missed: 1, nodes: 5, values: 12, reads: 341 };
        let expected = "{:within-ms 1734, :missed-count 1, :node-count 5, :value-count 12, \
                        :read-count 341}";
        assert_eq!(repair.to_edn().to_string(), expected);
    }
}
