//! Interleaved writes (G0), inferred from the order in which processes observed versions.
//!
//! Upstream infers no version order from the successive reads of a process, because a database need
//! not give monotonic reads. If it does, then a version that a process observed first was written
//! first, and a cycle of writes in that order means interleaved transactions. If it does not, then
//! reads went back to older versions. Either is worth knowing, and neither is certain, so the
//! result is a warning.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::super::{
    cycle::{self, CycleSearchOutcome},
    cycle_kinds,
    graph::{Graph, Rels},
    order::{EdgeTriple, vertex_of},
    transaction::{InternedId, NIL, TxnHistory, external_reads, external_writes},
    warnings::{Observation, Warning},
};
use super::{ByVersion, Dependencies, RegisterDependencies};
use crate::history::{Op, Process};

/// The warnings about cycles of writes, one for each nontrivial component.
pub(in crate::elle) fn dirty_writes<'h>(transactions: &TxnHistory<'h>) -> Vec<Warning<'h>> {
    let mut writers = ByVersion::default();
    for (at, entry) in transactions.possibly_committed() {
        for version in external_writes(&entry.mops) {
            writers.entry(version).or_default().push(vertex_of(at));
        }
    }
    let only = |version| match writers.get(&version).map(Vec::as_slice) {
        Some([writer]) => Some(*writer),
        _ => None,
    };
    let mut seen: BTreeMap<(u32, u32), Observation<'_>> = BTreeMap::new();
    for (key, versions, ops) in observations(transactions) {
        let [a, b] = versions.map(|version| only((key, version)));
        if let Some(pair) = a.zip(b).filter(|(a, b)| a != b) {
            let value = |id| transactions.value(id);
            let observation = Observation { key: value(key), versions: versions.map(value), ops };
            seen.entry(pair).or_insert(observation);
        }
    }
    let edges: Vec<EdgeTriple> = seen.keys().map(|(a, b)| (*a, *b, Rels::WW)).collect();
    let graph = Graph::new(transactions.entries.len(), edges);
    let specs = cycle_kinds::specs();
    let Some(g0) = specs.iter().find(|spec| spec.anomaly.name() == "G0") else { return Vec::new() };
    let warnings = graph.nontrivial_components().into_iter().filter_map(|component| {
        let shortest =
            cycle::shortest(&graph.subgraph(&component), g0, RegisterDependencies::ORDER);
        let CycleSearchOutcome::Cycle(cycle) = shortest else { return None };
        let cycle: Vec<u32> = cycle.into_iter().map(|vertex| component[vertex as usize]).collect();
        let pairs = cycle.iter().copied().zip(cycle.iter().copied().cycle().skip(1));
        let observations = pairs.filter_map(|pair| seen.get(&pair).cloned()).collect();
        let writers = cycle.iter().map(|vertex| transactions.entries[*vertex as usize].op);
        Some(Warning::DirtyWrites { writers: writers.collect(), observations })
    });
    warnings.collect()
}

/// The pairs of versions of a key that a process observed one after the other, with the operations.
fn observations<'h>(
    transactions: &TxnHistory<'h>,
) -> Vec<(InternedId, [InternedId; 2], [&'h Op; 2])> {
    let mut last: FxHashMap<(Process, InternedId), (InternedId, &'h Op)> = FxHashMap::default();
    let mut observations = Vec::new();
    for (_, entry) in transactions.committed() {
        let (reads, writes) = (external_reads(&entry.mops), external_writes(&entry.mops));
        for (key, version) in reads.into_iter().chain(writes) {
            let now = (version, entry.op);
            if version == NIL {
                continue;
            }
            let before = last.insert((entry.op.process, key), now);
            if let Some((before, op)) = before.filter(|(before, _)| *before != version) {
                observations.push((key, [before, version], [op, entry.op]));
            }
        }
    }
    observations
}
