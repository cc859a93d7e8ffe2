//! Whether there is any cycle that a model forbids, without showing one.
//!
//! This needs no search: a subgraph has a cycle if a component of it has. Snapshot isolation
//! forbids cycles in which no two anti-dependencies follow each other; those are the cycles of a
//! graph with two copies of each vertex, where the copy that may go on with an anti-dependency is
//! reached by other edges only.

use super::anomaly::Anomaly;
use super::graph::{Graph, Rels, members};
use super::model::ConsistencyModel;
use crate::edn::{Map, Set, Value};

/// What must be acyclic for a model to hold.
struct Spec {
    model: ConsistencyModel,
    anomaly: &'static str,
    base: &'static [Rels],
    /// Whether an anti-dependency may follow each edge.
    extended: bool,
}

const WW: Rels = Rels::WW;
const WR: Rels = Rels::WR;
const RW: Rels = Rels::RW;
const PROCESS: Rels = Rels::PROCESS;
const REALTIME: Rels = Rels::REALTIME;

const fn spec(
    model: ConsistencyModel,
    anomaly: &'static str,
    base: &'static [Rels],
    extended: bool,
) -> Spec {
    Spec { model, anomaly, base, extended }
}

/// Upstream's list, the weakest models first.
const SPECS: [Spec; 13] = {
    use ConsistencyModel as M;
    [
        spec(M::ReadUncommitted, "PL-1-cycle-exists", &[WW], false),
        spec(M::ReadCommitted, "PL-2-cycle-exists", &[WW, WR], false),
        spec(M::SnapshotIsolation, "PL-SI-cycle-exists", &[WW, WR], true),
        spec(M::RepeatableRead, "PL-2.99-cycle-exists", &[WW, WR, RW], false),
        spec(M::Serializable, "PL-3-cycle-exists", &[WW, WR, RW], false),
        spec(
            M::StrongSessionReadUncommitted,
            "strong-session-PL-1-cycle-exists",
            &[WW, PROCESS],
            false,
        ),
        spec(
            M::StrongSessionReadCommitted,
            "strong-session-PL-2-cycle-exists",
            &[WW, WR, PROCESS],
            false,
        ),
        spec(
            M::StrongSessionSnapshotIsolation,
            "strong-session-snapshot-isolation-cycle-exists",
            &[WW, WR, PROCESS],
            true,
        ),
        spec(
            M::StrongSessionSerializable,
            "strong-session-serializable-cycle-exists",
            &[WW, WR, RW, PROCESS],
            false,
        ),
        spec(M::StrongReadUncommitted, "strong-PL-1-cycle-exists", &[WW, REALTIME], false),
        spec(M::StrongReadCommitted, "strong-PL-2-cycle-exists", &[WW, WR, REALTIME], false),
        spec(
            M::StrongSnapshotIsolation,
            "strong-snapshot-isolation-cycle-exists",
            &[WW, WR, REALTIME],
            true,
        ),
        spec(M::StrictSerializable, "PL-SS-cycle-exists", &[WW, WR, RW, REALTIME], false),
    ]
};

/// A model that a cycle rules out.
#[derive(Debug)]
pub(super) struct Existence {
    pub(super) anomaly: Anomaly,
    pub(super) model: ConsistencyModel,
    /// The smallest set of vertices that has such a cycle.
    pub(super) knot: Vec<u32>,
    subgraph: Value,
}

impl Existence {
    /// The case as results have it; `index` tells the place of a vertex in the history.
    pub(super) fn to_edn(&self, index: impl Fn(u32) -> usize) -> Value {
        let mut indices: Vec<usize> = self.knot.iter().map(|vertex| index(*vertex)).collect();
        indices.sort_unstable();
        Map::new()
            .with("type", Value::keyword(self.anomaly.name()))
            .with("not", Value::keyword(self.model.name_in_results()))
            .with("subgraph", self.subgraph.clone())
            .with("scc-size", indices.len())
            .with("scc", indices.into_iter().map(Value::from).collect::<Set>())
            .into()
    }
}

/// The weakest models that cycles of this graph rule out.
pub(super) fn check(graph: &Graph) -> Vec<Existence> {
    let (mut found, mut ruled_out) = (Vec::new(), std::collections::BTreeSet::new());
    for spec in &SPECS {
        if ruled_out.contains(&spec.model) {
            continue;
        }
        let base = spec.base.iter().fold(Rels::NONE, |all, rel| all.union(*rel));
        let knots = if spec.extended { extended_knots(graph, base) } else { knots(graph, base) };
        if let Some(knot) = knots.into_iter().min_by_key(Vec::len) {
            ruled_out.extend(spec.model.with_stronger());
            let (anomaly, model) = (Anomaly(spec.anomaly), spec.model);
            found.push(Existence { anomaly, model, knot, subgraph: subgraph(spec) });
        }
    }
    found
}

fn knots(graph: &Graph, allowed: Rels) -> Vec<Vec<u32>> {
    let mut knots = members(&graph.components(|edge| edge.rels.meets(allowed)));
    knots.retain(|knot| match knot[..] {
        [vertex] => graph.rels(vertex, vertex).meets(allowed),
        _ => true,
    });
    knots
}

/// The knots of what is reached by an allowed edge, or by one and an anti-dependency after it.
fn extended_knots(graph: &Graph, allowed: Rels) -> Vec<Vec<u32>> {
    let mut edges = Vec::new();
    for from in graph.vertices() {
        for edge in graph.out(from) {
            if edge.rels.meets(allowed) {
                edges.push((2 * from, 2 * edge.to, edge.rels));
                edges.push((2 * from, 2 * edge.to + 1, edge.rels));
            }
            if edge.rels.meets(RW) {
                edges.push((2 * from + 1, 2 * edge.to, edge.rels));
            }
        }
    }
    let doubled = Graph::new(2 * graph.len(), edges);
    let any = WW.union(WR).union(RW).union(PROCESS).union(REALTIME);
    let mut knots = knots(&doubled, any);
    for knot in &mut knots {
        knot.retain(|vertex| vertex % 2 == 0);
        for vertex in knot {
            *vertex /= 2;
        }
    }
    knots
}

/// How upstream writes down what was searched; `p` stands for predicates, which nobody reads here.
fn subgraph(spec: &Spec) -> Value {
    let keyword = |name: &'static str| Value::keyword(name);
    let mut union = vec![keyword("union")];
    for rel in spec.base {
        let names: &[&'static str] = match *rel {
            Rels::WW => &["ww", "wwp"],
            Rels::WR => &["wr", "wrp"],
            Rels::RW if spec.model == ConsistencyModel::RepeatableRead => &["rw"],
            Rels::RW => &["rw", "rwp"],
            Rels::PROCESS => &["process"],
            _ => &["realtime"],
        };
        union.extend(names.iter().map(|name| keyword(name)));
    }
    let union = Value::Vector(union);
    if !spec.extended {
        return union;
    }
    let anti = Value::Vector(["union", "rw", "rwp"].map(keyword).into());
    Value::Vector(vec![keyword("extension"), union, anti])
}

/// Of these anomalies, those that only say what a concrete one among them shows.
pub(super) fn redundant(anomalies: impl IntoIterator<Item = Anomaly>) -> Vec<Anomaly> {
    let concrete = anomalies.into_iter().filter(|anomaly| !anomaly.is_existence());
    let impossible = super::model::impossible(concrete);
    let specs = SPECS.iter().filter(|spec| impossible.contains(&spec.model));
    specs.map(|spec| Anomaly(spec.anomaly)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(edges: &[(u32, u32, Rels)], expected: &[&str]) {
        let found = super::check(&Graph::new(5, edges.to_vec()));
        let names: Vec<_> = found.iter().map(|existence| existence.anomaly.name()).collect();
        assert_eq!(names, expected, "{edges:?}");
    }

    #[test]
    fn the_weakest_models_are_named_that_a_cycle_rules_out() {
        check(&[(0, 1, WW), (1, 2, RW)], &[]);
        check(&[(0, 1, WW), (1, 0, WW)], &["PL-1-cycle-exists"]);
        check(&[(0, 1, WR), (1, 0, WW)], &["PL-2-cycle-exists"]);
        check(&[(0, 1, WR), (1, 0, RW)], &["PL-SI-cycle-exists", "PL-2.99-cycle-exists"]);
        check(&[(0, 1, RW), (1, 0, RW)], &["PL-2.99-cycle-exists"]);
        check(&[(0, 1, RW), (1, 2, RW), (2, 0, WW)], &["PL-2.99-cycle-exists"]);
        check(
            &[(0, 1, RW), (1, 0, REALTIME)],
            &["strong-snapshot-isolation-cycle-exists", "PL-SS-cycle-exists"][..1],
        );
        check(&[(2, 2, WR)], &["PL-2-cycle-exists"]);
    }

    #[test]
    fn the_smallest_knot_is_shown() {
        let graph = Graph::new(5, vec![(0, 1, WW), (1, 2, WW), (2, 0, WW), (3, 4, WW), (4, 3, WW)]);
        let found = super::check(&graph);
        assert_eq!(found[0].knot, [3, 4]);
        let expected = "{:type :PL-1-cycle-exists, :not :read-uncommitted, \
                        :subgraph [:union :ww :wwp], :scc-size 2, :scc #{13 14}}";
        assert_eq!(found[0].to_edn(|vertex| vertex as usize + 10).to_string(), expected);
    }
}
