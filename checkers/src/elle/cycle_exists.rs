//! The `…-cycle-exists` anomalies: a model is violated, though the search may have no cycle to
//! show.
//!
//! This needs no search: a graph has a cycle if and only if it has a nontrivial strongly connected
//! component or a self-loop. Snapshot isolation forbids cycles in which no two anti-dependencies
//! are adjacent. Those are the cycles of a graph with two copies of each vertex: only the second
//! copy can be left by an anti-dependency, and only other edges lead to it.

use std::collections::BTreeSet;

use super::anomaly::Anomaly;
use super::graph::{Graph, Rels, group_by_component};
use super::model::{self, ConsistencyModel};

/// The subgraph that must be acyclic for a model to hold.
pub(super) struct CycleExistsSpec {
    pub(super) model: ConsistencyModel,
    pub(super) anomaly: Anomaly,
    pub(super) base: Rels,
    /// True if an anti-dependency may follow each edge (snapshot isolation).
    pub(super) extended: bool,
}

/// Upstream's list, ordered from the weakest model.
static SPECS: [CycleExistsSpec; 13] = {
    use ConsistencyModel as M;
    const WRITES: Rels = Rels::WW;
    const READS: Rels = WRITES.union(Rels::WR);
    const DATA: Rels = READS.union(Rels::RW);
    const PROCESS: Rels = Rels::PROCESS;
    const REALTIME: Rels = Rels::REALTIME;
    const fn spec(model: M, anomaly: &'static str, base: Rels) -> CycleExistsSpec {
        let extended = matches!(
            model,
            M::SnapshotIsolation | M::StrongSessionSnapshotIsolation | M::StrongSnapshotIsolation
        );
        CycleExistsSpec { model, anomaly: Anomaly(anomaly), base, extended }
    }
    [
        spec(M::ReadUncommitted, "PL-1-cycle-exists", WRITES),
        spec(M::ReadCommitted, "PL-2-cycle-exists", READS),
        spec(M::SnapshotIsolation, "PL-SI-cycle-exists", READS),
        spec(M::RepeatableRead, "PL-2.99-cycle-exists", DATA),
        spec(M::Serializable, "PL-3-cycle-exists", DATA),
        spec(
            M::StrongSessionReadUncommitted,
            "strong-session-PL-1-cycle-exists",
            WRITES.union(PROCESS),
        ),
        spec(
            M::StrongSessionReadCommitted,
            "strong-session-PL-2-cycle-exists",
            READS.union(PROCESS),
        ),
        spec(
            M::StrongSessionSnapshotIsolation,
            "strong-session-snapshot-isolation-cycle-exists",
            READS.union(PROCESS),
        ),
        spec(
            M::StrongSessionSerializable,
            "strong-session-serializable-cycle-exists",
            DATA.union(PROCESS),
        ),
        spec(M::StrongReadUncommitted, "strong-PL-1-cycle-exists", WRITES.union(REALTIME)),
        spec(M::StrongReadCommitted, "strong-PL-2-cycle-exists", READS.union(REALTIME)),
        spec(
            M::StrongSnapshotIsolation,
            "strong-snapshot-isolation-cycle-exists",
            READS.union(REALTIME),
        ),
        spec(M::StrictSerializable, "PL-SS-cycle-exists", DATA.union(REALTIME)),
    ]
};

/// The weakest models that this graph violates, each with the vertices of the smallest component
/// that has a forbidden cycle.
pub(super) fn check(graph: &Graph) -> Vec<(&'static CycleExistsSpec, Vec<u32>)> {
    let (mut found, mut ruled_out) = (Vec::new(), BTreeSet::new());
    for spec in &SPECS {
        if ruled_out.contains(&spec.model) {
            continue;
        }
        let components =
            if spec.extended { extended_components } else { cyclic_components }(graph, spec.base);
        if let Some(component) = components.into_iter().min_by_key(Vec::len) {
            ruled_out.extend(spec.model.with_stronger());
            found.push((spec, component));
        }
    }
    found
}

/// The components of the subgraph with these relations that have a cycle.
fn cyclic_components(graph: &Graph, allowed: Rels) -> Vec<Vec<u32>> {
    let mut components =
        group_by_component(&graph.components(|edge| edge.rels.intersects(allowed)));
    components.retain(|component| match component[..] {
        [vertex] => graph.rels(vertex, vertex).intersects(allowed),
        _ => true,
    });
    components
}

/// The components that have a cycle of allowed edges, each optionally followed by an
/// anti-dependency.
fn extended_components(graph: &Graph, allowed: Rels) -> Vec<Vec<u32>> {
    let mut edges = Vec::new();
    for from in graph.vertices() {
        for edge in graph.out_edges(from) {
            if edge.rels.intersects(allowed) {
                edges.push((2 * from, 2 * edge.to, edge.rels));
                edges.push((2 * from, 2 * edge.to + 1, edge.rels));
            }
            if edge.rels.intersects(Rels::RW) {
                edges.push((2 * from + 1, 2 * edge.to, edge.rels));
            }
        }
    }
    let doubled = Graph::new(2 * graph.len(), edges);
    let mut components = cyclic_components(&doubled, allowed.union(Rels::RW));
    for component in &mut components {
        component.retain(|vertex| vertex % 2 == 0);
        for vertex in component {
            *vertex /= 2;
        }
    }
    components
}

/// The `…-cycle-exists` anomalies that a concrete anomaly among these already implies.
pub(super) fn redundant(anomalies: impl IntoIterator<Item = Anomaly>) -> Vec<Anomaly> {
    let concrete = anomalies.into_iter().filter(|anomaly| !anomaly.is_cycle_exists());
    let impossible = model::impossible(concrete);
    let specs = SPECS.iter().filter(|spec| impossible.contains(&spec.model));
    specs.map(|spec| spec.anomaly).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WW: Rels = Rels::WW;
    const WR: Rels = Rels::WR;
    const RW: Rels = Rels::RW;
    const REALTIME: Rels = Rels::REALTIME;

    #[track_caller]
    fn check(edges: &[(u32, u32, Rels)], expected: &[&str]) {
        let found = super::check(&Graph::new(5, edges.to_vec()));
        let names: Vec<_> = found.iter().map(|(spec, _)| spec.anomaly.name()).collect();
        assert_eq!(names, expected, "{edges:?}");
    }

    #[test]
    fn the_weakest_violated_models_are_named() {
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
    fn the_smallest_component_is_named() {
        let graph = Graph::new(5, vec![(0, 1, WW), (1, 2, WW), (2, 0, WW), (3, 4, WW), (4, 3, WW)]);
        let found = super::check(&graph);
        assert_eq!(found[0].1, [3, 4]);
    }
}
