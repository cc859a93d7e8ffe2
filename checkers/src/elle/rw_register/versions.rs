//! The order of each register's versions, as far as it can be inferred.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    anomaly::Anomaly,
    findings::{Case, Findings},
    graph::{Graph, Rels},
    transaction::{Id, NIL, Transactions, external_reads, external_writes},
};
use crate::edn::Value;
use crate::history::{Kind, Op};

/// Of each key the pairs of versions that are known to follow each other.
type Pairs = BTreeMap<Id, BTreeSet<(Id, Id)>>;

/// Which versions come before which others.
pub(super) struct Versions(Pairs);

impl Versions {
    /// Infers the order. If transactions that read before they write make it a circle for any key,
    /// that is an anomaly, and they count for none.
    pub(super) fn new<'h>(
        transactions: &Transactions<'h>,
        findings: &mut Findings<'h>,
    ) -> Versions {
        let mut pairs = initial(transactions);
        let mut all = pairs.clone();
        let replacements = writes_follow_reads(transactions);
        for (key, replacements) in &replacements {
            let pairs = replacements.iter().map(|(_, read, written)| (*read, *written));
            all.entry(*key).or_default().extend(pairs);
        }
        let mut is_order = true;
        for (key, pairs) in &all {
            for knot in knots(pairs) {
                is_order = false;
                let among = replacements.get(key).map_or(&[][..], Vec::as_slice);
                let case = cyclic_versions(transactions, *key, &knot, among);
                findings.add(Anomaly("cyclic-versions"), case);
            }
        }
        if is_order {
            pairs = all;
        }
        Versions(pairs)
    }

    /// Keys, and a version of each that comes right before another one.
    pub(super) fn edges(&self) -> impl Iterator<Item = (Id, Id, Id)> {
        self.0.iter().flat_map(|(key, pairs)| pairs.iter().map(|(a, b)| (*key, *a, *b)))
    }

    /// Whether a version comes right before another one.
    pub(super) fn precedes(&self, key: Id, before: Id, after: Id) -> bool {
        self.0.get(&key).is_some_and(|pairs| pairs.contains(&(before, after)))
    }
}

/// Nil comes before whatever was read or may have been written.
fn initial(transactions: &Transactions<'_>) -> Pairs {
    let mut pairs = Pairs::new();
    for (_, entry) in transactions.possible() {
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

/// The replacements of each key: who read one version and then wrote another one, which therefore
/// comes after it.
type Replacements<'h> = BTreeMap<Id, Vec<(&'h Op, Id, Id)>>;

fn writes_follow_reads<'h>(transactions: &Transactions<'h>) -> Replacements<'h> {
    let mut replacements = Replacements::new();
    for (_, entry) in transactions.oks() {
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

/// The sets of versions that come before each other.
fn knots(pairs: &BTreeSet<(Id, Id)>) -> Vec<Vec<Id>> {
    let versions: BTreeSet<Id> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    let versions: Vec<Id> = versions.into_iter().collect();
    let number = |version| {
        let place = versions.binary_search(&version).ok()?;
        u32::try_from(place).ok()
    };
    let edges = pairs.iter().filter_map(|(a, b)| Some((number(*a)?, number(*b)?, Rels::WW)));
    let graph = Graph::new(versions.len(), edges.collect());
    let version = |vertex: &u32| versions[*vertex as usize];
    graph.knots().iter().map(|knot| knot.iter().map(version).collect()).collect()
}

fn cyclic_versions<'h>(
    transactions: &Transactions<'h>,
    key: Id,
    knot: &[Id],
    replacements: &[(&'h Op, Id, Id)],
) -> Case<'h> {
    let value = |id: &Id| transactions.value(*id);
    let mut versions: Vec<&Value> = knot.iter().map(value).collect();
    versions.sort_unstable();
    let inside = replacements.iter().filter(|(_, a, b)| [a, b].iter().all(|id| knot.contains(id)));
    let replacements = inside.map(|(transaction, a, b)| (*transaction, [value(a), value(b)]));
    Case::CyclicVersions { key: value(&key), versions, replacements: replacements.collect() }
}
