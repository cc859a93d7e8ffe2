//! Interleaved writes (G0), as far as processes saw them.
//!
//! Upstream takes no order of versions from what a process saw one after the other, for a database
//! need not answer reads in order. If it does, a version that a process saw before another one was
//! written before it, and transactions whose writes are in a circle by that order were interleaved;
//! if it does not, reads went back to older versions. Either is worth a look, and neither is
//! certain, so it is a warning.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::super::{
    cycle::{self, Found},
    graph::{Graph, Rels},
    kind,
    order::{Triple, number},
    transaction::{Id, NIL, Transactions, external_reads, external_writes},
    warnings::{Sight, Warning},
};
use super::{ByVersion, Dependencies, Registers};
use crate::history::{Op, Process};

/// The circles of transactions whose writes were seen in a circle, one of each knot.
pub(in crate::elle) fn dirty_writes<'h>(transactions: &Transactions<'h>) -> Vec<Warning<'h>> {
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
    for (key, versions, ops) in sights(transactions) {
        let [a, b] = versions.map(|version| only((key, version)));
        if let Some(pair) = a.zip(b).filter(|(a, b)| a != b) {
            let value = |id| transactions.value(id);
            let sight = Sight { key: value(key), versions: versions.map(value), ops };
            seen.entry(pair).or_insert(sight);
        }
    }
    let edges: Vec<Triple> = seen.keys().map(|(a, b)| (*a, *b, Rels::WW)).collect();
    let graph = Graph::new(transactions.entries.len(), edges);
    let specs = kind::specs();
    let Some(g0) = specs.iter().find(|spec| spec.anomaly.name() == "G0") else { return Vec::new() };
    let warnings = graph.knots().into_iter().filter_map(|knot| {
        let shortest = cycle::shortest(&graph.part(&knot), g0, Registers::ORDER);
        let Found::Cycle(cycle) = shortest else { return None };
        let cycle: Vec<u32> = cycle.into_iter().map(|vertex| knot[vertex as usize]).collect();
        let pairs = cycle.iter().copied().zip(cycle.iter().copied().cycle().skip(1));
        let sights = pairs.filter_map(|pair| seen.get(&pair).cloned()).collect();
        let writers = cycle.iter().map(|vertex| transactions.entries[*vertex as usize].op);
        Some(Warning::DirtyWrites { writers: writers.collect(), sights })
    });
    warnings.collect()
}

/// The versions of each key that processes saw one after another, with their operations.
fn sights<'h>(transactions: &Transactions<'h>) -> Vec<(Id, [Id; 2], [&'h Op; 2])> {
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
                sights.push((key, [before, version], [op, entry.op]));
            }
        }
    }
    sights
}
