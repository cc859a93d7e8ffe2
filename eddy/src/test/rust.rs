//! The Rust source of a test, to be pasted into a `#[test]`.

use std::fmt::{self, Display};

use super::Test;
use crate::checkers::availability::Goal;
use crate::checkers::elle::ConsistencyModel;
use crate::concurrency::Concurrency;
use crate::latency::{Distribution, Latency};
use crate::nemesis::strike::DurationLiteral;
use crate::network::Delivery;
use crate::topology::Topology;
use crate::workload::{self, Workload};

/// Displays a test as Rust source: the fields that differ from the defaults.
pub(crate) struct RustSource<'a>(pub(crate) &'a Test);

impl Display for RustSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let test = self.0;
        let defaults = Test { nodes: 0, ..Test::default() };
        let mut fields = vec![("workload", workload(test.workload))];
        let mut add = |differs: bool, name, value: String| {
            if differs {
                fields.push((name, value));
            }
        };
        if test.ids.is_empty() {
            add(true, "nodes", test.nodes.to_string());
        } else {
            add(true, "ids", format!("{:?}.map(String::from).into()", test.ids));
        }
        add(test.concurrency != defaults.concurrency, "concurrency", concurrency(test.concurrency));
        add(differ(test.rate, defaults.rate), "rate", format!("{:?}", test.rate));
        add(
            test.time_limit != defaults.time_limit,
            "time_limit",
            DurationLiteral(test.time_limit).to_string(),
        );
        add(test.latency != defaults.latency, "latency", latency(test.latency));
        add(test.delivery != defaults.delivery, "delivery", delivery(test.delivery));
        add(test.topology != defaults.topology, "topology", topology(test.topology));
        let Test { key_count, max_txn_length: length, max_writes_per_key, .. } = *test;
        add(key_count != defaults.key_count, "key_count", key_count.to_string());
        add(length != defaults.max_txn_length, "max_txn_length", length.to_string());
        add(
            max_writes_per_key != defaults.max_writes_per_key,
            "max_writes_per_key",
            max_writes_per_key.to_string(),
        );
        let models = &test.consistency_models;
        add(*models != defaults.consistency_models, "consistency_models", consistency(models));
        let faults: Vec<String> =
            test.faults.iter().map(|fault| format!("Fault::{fault:?}")).collect();
        add(!faults.is_empty(), "faults", format!("[{}].into()", faults.join(", ")));
        let interval = test.nemesis_interval;
        let is_idle = faults.is_empty() || interval == defaults.nemesis_interval;
        add(!is_idle, "nemesis_interval", DurationLiteral(interval).to_string());
        add(!test.strikes.is_empty(), "strikes", strikes(test));
        let is_struck = !faults.is_empty() || !test.strikes.is_empty();
        let until = test.faults_until;
        let ends_early = is_struck && until != defaults.faults_until;
        add(ends_early, "faults_until", DurationLiteral(until).to_string());
        add(test.availability != defaults.availability, "availability", goal(test.availability));
        add(test.lenient, "lenient", test.lenient.to_string());
        add(test.seed != defaults.seed, "seed", test.seed.to_string());
        f.write_str("Test {\n")?;
        for (name, value) in fields {
            writeln!(f, "    {name}: {value},")?;
        }
        f.write_str("    ..Test::default()\n}")
    }
}

/// The path of a workload. Maelstrom's are in [`crate::workload`]; others have only their name,
/// since their module is unknown.
fn workload(workload: &'static dyn Workload) -> String {
    let module = if workload::ALL.contains(&workload) { "workload::" } else { "" };
    format!("&{module}{workload:?}")
}

fn differ(one: f64, other: f64) -> bool {
    one.to_bits() != other.to_bits()
}

fn concurrency(concurrency: Concurrency) -> String {
    format!("{:?}.parse().unwrap()", concurrency.to_string())
}

fn latency(Latency { mean, distribution }: Latency) -> String {
    let mean = DurationLiteral(mean);
    match distribution {
        Distribution::Constant => format!("Latency {{ mean: {mean}, ..Latency::default() }}"),
        other => format!("Latency {{ mean: {mean}, distribution: Distribution::{other:?} }}"),
    }
}

fn delivery(delivery: Delivery) -> String {
    format!("Delivery::{delivery:?}")
}

fn topology(topology: Topology) -> String {
    format!("Topology::{topology:?}")
}

fn consistency(models: &[ConsistencyModel]) -> String {
    let models: Vec<String> =
        models.iter().map(|model| format!("ConsistencyModel::{model:?}")).collect();
    format!("vec![{}]", models.join(", "))
}

fn goal(goal: Goal) -> String {
    format!("Goal::{goal:?}")
}

fn strikes(test: &Test) -> String {
    let strikes: Vec<String> = test.strikes.iter().map(ToString::to_string).collect();
    match &strikes[..] {
        [one] => format!("vec![{one}]"),
        many => format!("vec![\n        {},\n    ]", many.join(",\n        ")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checkers::Verdict;
    use crate::history::History;
    use crate::nemesis::{Fault, Strike};
    use crate::workload::{CheckContext, Operations, Parameters, WorkloadChecker};

    /// A workload that Maelstrom lacks.
    #[derive(Debug)]
    struct OwnWorkload;

    impl WorkloadChecker for OwnWorkload {
        fn name(&self) -> &'static str {
            "lock"
        }

        fn functions(&self) -> &'static [&'static str] {
            &["acquire", "release"]
        }

        fn check(&self, _: &History, _: &CheckContext<'_>) -> Verdict {
            Verdict::unknown()
        }
    }

    impl Workload for OwnWorkload {
        fn operations(&self, parameters: &Parameters) -> Box<dyn Operations> {
            workload::Echo.operations(parameters)
        }
    }

    #[test]
    fn a_test_displays_as_the_rust_that_makes_it() {
        #[track_caller]
        fn check(test: &Test) {
            let source = include_str!("rust.rs").replace("\n        ", "\n");
            let shown = RustSource(test).to_string();
            assert!(source.contains(&format!("= {shown};\n")), "not what was written:\n{shown}");
        }
        #[rustfmt::skip]
        let short = Test {
            workload: &workload::Echo,
            nodes: 1,
            ..Test::default()
        };
        check(&short);
        #[rustfmt::skip]
        let own = Test {
            workload: &OwnWorkload,
            nodes: 1,
            ..Test::default()
        };
        check(&own);
        #[rustfmt::skip]
        let long = Test {
            workload: &workload::Broadcast,
            ids: ["a", "b"].map(String::from).into(),
            concurrency: "2n".parse().unwrap(),
            rate: 10.5,
            time_limit: Duration::from_millis(1500),
            latency: Latency { mean: Duration::ZERO, distribution: Distribution::Uniform },
            delivery: Delivery::Plain,
            topology: Topology::Tree4,
            faults: [Fault::Kill, Fault::OneWay].into(),
            nemesis_interval: Duration::from_secs(2),
            strikes: vec![
                Strike::kill(["a"], Duration::from_millis(100), Duration::from_millis(900)),
                Strike::lose(0.5, ["a", "b"], Duration::ZERO, Duration::from_nanos(1)),
            ],
            faults_until: Duration::from_secs(1),
            availability: Goal::Fraction(0.5),
            lenient: true,
            seed: 17,
            ..Test::default()
        };
        check(&long);
        #[rustfmt::skip]
        let one = Test {
            workload: &workload::UniqueIds,
            nodes: 3,
            latency: Latency { mean: Duration::from_millis(20), ..Latency::default() },
            strikes: vec![Strike::mute(["n1"], Duration::ZERO, Duration::from_millis(900))],
            availability: Goal::Total,
            ..Test::default()
        };
        check(&one);
    }

    #[test]
    fn the_end_of_faults_is_shown_only_if_there_are_faults() {
        let faults_until = Duration::from_secs(1);
        let peaceful = Test { faults_until, ..Test::default() };
        assert!(!RustSource(&peaceful).to_string().contains("faults_until"));
        let struck = Test { faults: [Fault::Loss].into(), ..peaceful };
        assert!(RustSource(&struck).to_string().contains("faults_until: Duration::from_secs(1),"));
    }
}
