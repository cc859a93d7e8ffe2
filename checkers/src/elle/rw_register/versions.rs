//! The partial version order of each register.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    anomaly::Anomaly,
    findings::{Case, Findings},
    graph::{Graph, Rels},
    transaction::{InternedId, NIL, TxnHistory, external_reads, external_writes},
};
use crate::edn::Value;
use crate::history::{Kind, Op};

/// For each key, the pairs of versions of which the second is known to follow the first.
type VersionPairs = BTreeMap<InternedId, BTreeSet<(InternedId, InternedId)>>;

/// The version graph of each key.
pub(super) struct VersionGraph(VersionPairs);

impl VersionGraph {
    /// Infers the order. If writes that follow reads make it cyclic for any key, that is an
    /// anomaly, and then none of them counts, for any key.
    pub(super) fn new<'h>(
        transactions: &TxnHistory<'h>,
        findings: &mut Findings<'h>,
    ) -> VersionGraph {
        let mut pairs = initial_edges(transactions);
        let mut all = pairs.clone();
        let replacements = writes_follow_reads(transactions);
        for (key, replacements) in &replacements {
            let pairs = replacements.iter().map(|(_, read, written)| (*read, *written));
            all.entry(*key).or_default().extend(pairs);
        }
        let mut is_order = true;
        for (key, pairs) in &all {
            for component in nontrivial_components(pairs) {
                is_order = false;
                let among = replacements.get(key).map_or(&[][..], Vec::as_slice);
                let case = cyclic_versions(transactions, *key, &component, among);
                findings.add(Anomaly("cyclic-versions"), case);
            }
        }
        if is_order {
            pairs = all;
        }
        VersionGraph(pairs)
    }

    /// The edges of the version graphs: key, version, and a version that directly follows it.
    pub(super) fn edges(&self) -> impl Iterator<Item = (InternedId, InternedId, InternedId)> {
        self.0.iter().flat_map(|(key, pairs)| pairs.iter().map(|(a, b)| (*key, *a, *b)))
    }

    /// True if a version is known to directly precede another one.
    pub(super) fn precedes(&self, key: InternedId, before: InternedId, after: InternedId) -> bool {
        self.0.get(&key).is_some_and(|pairs| pairs.contains(&(before, after)))
    }
}

/// The edges from nil, the initial version, to all versions that were read or may have been
/// written.
fn initial_edges(transactions: &TxnHistory<'_>) -> VersionPairs {
    let mut pairs = VersionPairs::new();
    for (_, entry) in transactions.possibly_committed() {
        let mut versions = external_writes(&entry.mops);
        if entry.kind == Kind::Ok {
            versions.extend(external_reads(&entry.mops));
        }
        for (key, value) in versions.into_iter().filter(|(_, value)| *value != NIL) {
            pairs.entry(key).or_default().insert((NIL, value));
        }
    }
    pairs
}

/// For each key, the transactions that read one version and then wrote another one, which therefore
/// comes after it.
type Replacements<'h> = BTreeMap<InternedId, Vec<(&'h Op, InternedId, InternedId)>>;

fn writes_follow_reads<'h>(transactions: &TxnHistory<'h>) -> Replacements<'h> {
    let mut replacements = Replacements::new();
    for (_, entry) in transactions.committed() {
        let writes = external_writes(&entry.mops);
        for (key, read) in external_reads(&entry.mops) {
            let written = writes.iter().find(|(other, _)| *other == key).map(|(_, next)| *next);
            if let Some(written) = written.filter(|written| read != NIL && *written != NIL) {
                replacements.entry(key).or_default().push((entry.op, read, written));
            }
        }
    }
    replacements
}

/// The nontrivial strongly connected components of a version graph.
fn nontrivial_components(pairs: &BTreeSet<(InternedId, InternedId)>) -> Vec<Vec<InternedId>> {
    let versions: BTreeSet<InternedId> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    let versions: Vec<InternedId> = versions.into_iter().collect();
    let number = |version| {
        let place = versions.binary_search(&version).ok()?;
        u32::try_from(place).ok()
    };
    let edges = pairs.iter().filter_map(|(a, b)| Some((number(*a)?, number(*b)?, Rels::WW)));
    let graph = Graph::new(versions.len(), edges.collect());
    let version = |vertex: &u32| versions[*vertex as usize];
    graph
        .nontrivial_components()
        .iter()
        .map(|component| component.iter().map(version).collect())
        .collect()
}

fn cyclic_versions<'h>(
    transactions: &TxnHistory<'h>,
    key: InternedId,
    component: &[InternedId],
    replacements: &[(&'h Op, InternedId, InternedId)],
) -> Case<'h> {
    let value = |id: &InternedId| transactions.value(*id);
    let mut versions: Vec<&Value> = component.iter().map(value).collect();
    versions.sort_unstable();
    let inside =
        replacements.iter().filter(|(_, a, b)| [a, b].iter().all(|id| component.contains(id)));
    let replacements = inside.map(|(transaction, a, b)| (*transaction, [value(a), value(b)]));
    Case::CyclicVersions { key: value(&key), versions, replacements: replacements.collect() }
}
