//! Results of sets in `results.edn`.

use crate::edn::{Map, Value};
use crate::history::Op;
use crate::quantiles::Quantiles;
use crate::set_full::{SetFullResults, StaleElement};

impl SetFullResults {
    /// The map under `:workload`, with its keys in the order in which Clojure happens to iterate
    /// over them. There are never duplicates: upstream looks for elements that occur less than
    /// once.
    pub fn to_edn(&self) -> Value {
        let values = |elements: &[Value]| Value::List(elements.to_vec());
        let lost = self.lost.iter().map(|lost| lost.element.clone());
        let mut map = Map::new()
            .with(
                "worst-stale",
                Value::List(self.worst_stale.iter().map(StaleElement::to_edn).collect()),
            )
            .with("duplicated-count", 0)
            .with("valid?", self.valid)
            .with("lost-count", self.lost.len())
            .with("lost", Value::List(lost.collect()))
            .with("stable-count", self.stable_count)
            .with("stale-count", self.stale.len())
            .with("stale", values(&self.stale))
            .with("never-read-count", self.never_read.len());
        if let Some(latencies) = &self.stable_latencies {
            map = map.with("stable-latencies", latencies.to_edn());
        }
        map = map.with("attempt-count", self.attempt_count);
        if let Some(latencies) = &self.lost_latencies {
            map = map.with("lost-latencies", latencies.to_edn());
        }
        map = map.with("never-read", values(&self.never_read)).with("duplicated", Map::new());
        if let Some(elements) = &self.lost_with_killed_nodes {
            map = map
                .with("lost-with-killed-nodes-count", elements.len())
                .with("lost-with-killed-nodes", values(elements));
        }
        map.into()
    }
}

impl StaleElement {
    fn to_edn(&self) -> Value {
        // Upstream calls every add `:add`, whatever the workload calls it.
        let known_by_read = self.known.f == self.last_absent.f;
        let f = if known_by_read { self.known.f.clone() } else { "add".into() };
        Map::new()
            .with("element", self.element.clone())
            .with("outcome", Value::keyword("stable"))
            .with("stable-latency", self.stable_latency)
            .with("lost-latency", Value::Nil)
            .with("known", Op { f, ..self.known.clone() }.to_edn())
            .with("last-absent", self.last_absent.to_edn())
            .into()
    }
}

impl Quantiles {
    /// A map from quantile to milliseconds.
    pub fn to_edn(&self) -> Value {
        let Quantiles { minimum, median, p95, p99, maximum } = *self;
        let entries = [
            (Value::Int(0), minimum),
            (0.5.into(), median),
            (0.95.into(), p95),
            (0.99.into(), p99),
            (Value::Int(1), maximum),
        ];
        entries.map(|(quantile, ms)| (quantile, ms.into())).into_iter().collect::<Map>().into()
    }
}

#[cfg(test)]
mod tests {
    use crate::Placement;
    use crate::set_full::check_with_kills;
    use crate::testing::history;

    #[test]
    fn results_mention_kills_only_if_there_were_any() {
        let nodes = ["n0".to_owned()];
        let placement = Placement { nodes: &nodes, concurrency: 1 };
        let judge = |kill: &str| {
            let lost = "0 invoke add 1\n0 ok add 1\n0 invoke add 2\n0 ok add 2\n";
            let later = "0 invoke read nil\n0 ok read [2]\n0 invoke read nil\n0 ok read []";
            let text = format!("{lost}{kill}{later}");
            check_with_kills(&history(&text), "add", "read", &placement)
        };
        let (without, with) = (judge(""), judge("nemesis info kill {\"n0\" :killed}\n"));
        assert_eq!(without.to_edn().get("lost-with-killed-nodes"), None);
        assert_eq!(without.valid, with.valid);
        assert_eq!(with.to_edn().get("lost-count"), Some(&2.into()));
        assert_eq!(with.to_edn().get("lost-with-killed-nodes-count"), Some(&1.into()));
    }
}
