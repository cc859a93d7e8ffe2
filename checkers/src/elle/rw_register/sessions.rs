//! Interleaved writes (G0), as far as processes saw them.
//!
//! Upstream takes no order of versions from what a process saw one after the other, for a database
//! need not answer reads in order. If it does, a version that a process saw before another one was
//! written before it, and transactions whose writes are in a circle by that order were interleaved;
//! if it does not, reads went back to older versions. Either is worth a look, and neither is
//! certain, so it is a warning.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::super::super::sentence::folded;
use super::super::{
    cycle::{self, Found},
    graph::{Graph, Rels},
    kind::{self, Spec},
    order::{Triple, number},
    transaction::{Id, NIL, Transactions, external_reads, external_writes},
};
use super::{ByVersion, Dependencies, Registers};
use crate::history::{Op, Process};

/// A version of a key that a process saw before another one.
struct Sight<'h> {
    key: Id,
    versions: [Id; 2],
    ops: [&'h Op; 2],
}

/// A sentence for each circle of transactions whose writes were seen in a circle.
pub(super) fn dirty_writes(transactions: &Transactions<'_>) -> Option<String> {
    let mut writers = ByVersion::default();
    for (at, entry) in transactions.possible() {
        for version in external_writes(&entry.mops) {
            writers.entry(version).or_default().push(number(at));
        }
    }
    let only = |version| match writers.get(&version).map(Vec::as_slice) {
        Some([writer]) => Some(*writer),
        _ => None,
    };
    let mut seen: BTreeMap<(u32, u32), Sight<'_>> = BTreeMap::new();
    for sight in sights(transactions) {
        let [a, b] = sight.versions.map(|version| only((sight.key, version)));
        if let Some(pair) = a.zip(b).filter(|(a, b)| a != b) {
            seen.entry(pair).or_insert(sight);
        }
    }
    let edges: Vec<Triple> = seen.keys().map(|(a, b)| (*a, *b, Rels::WW)).collect();
    let graph = Graph::new(transactions.entries.len(), edges);
    let specs = kind::specs();
    let g0 = specs.iter().find(|spec| spec.anomaly.name() == "G0")?;
    let sentences = graph.knots().into_iter().filter_map(|knot| {
        let cycle = shortest(&graph, &knot, g0)?;
        Some(sentence(transactions, &seen, &cycle))
    });
    folded(sentences, "circles of writes")
}

fn shortest(graph: &Graph, knot: &[u32], g0: &Spec) -> Option<Vec<u32>> {
    match cycle::shortest(&graph.part(knot), g0, Registers::ORDER) {
        Found::Cycle(cycle) => {
            Some(cycle.into_iter().map(|vertex| knot[vertex as usize]).collect())
        }
        Found::Nothing | Found::Unknown => None,
    }
}

/// What processes saw of each key, one version after another.
fn sights<'h>(transactions: &Transactions<'h>) -> Vec<Sight<'h>> {
    let mut last: FxHashMap<(Process, Id), (Id, &'h Op)> = FxHashMap::default();
    let mut sights = Vec::new();
    for (_, entry) in transactions.oks() {
        let (reads, writes) = (external_reads(&entry.mops), external_writes(&entry.mops));
        for (key, version) in reads.into_iter().chain(writes) {
            let now = (version, entry.op);
            if version == NIL {
                continue;
            }
            let before = last.insert((entry.op.process, key), now);
            if let Some((before, op)) = before.filter(|(before, _)| *before != version) {
                sights.push(Sight { key, versions: [before, version], ops: [op, entry.op] });
            }
        }
    }
    sights
}

fn sentence(
    transactions: &Transactions<'_>,
    seen: &BTreeMap<(u32, u32), Sight<'_>>,
    cycle: &[u32],
) -> String {
    let pairs = cycle.iter().copied().zip(cycle.iter().copied().cycle().skip(1));
    let sights = pairs.filter_map(|pair| {
        let Sight { key, versions: [before, after], ops: [first, second] } = seen.get(&pair)?;
        let [key, before, after] = [key, before, after].map(|id| transactions.shown(*id));
        let (process, first, second) = (second.process, first.index, second.index);
        Some(format!(
            "process {process} saw key {key} as {before} (index {first}) and then as {after} \
             (index {second})"
        ))
    });
    let sights: Vec<String> = sights.collect();
    let writers: Vec<String> = cycle
        .iter()
        .map(|vertex| transactions.entries[*vertex as usize].op.index.to_string())
        .collect();
    format!(
        "either reads went back to older versions, or the writes of the transactions at index {} \
         were interleaved (G0), which upstream cannot see: {}",
        writers.join(", "),
        sights.join("; ")
    )
}
