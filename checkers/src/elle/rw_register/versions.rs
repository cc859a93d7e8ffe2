//! The order of each register's versions, as far as it can be inferred.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    anomaly::Anomaly,
    findings::{Explanation, Findings},
    graph::{Graph, Rels},
    transaction::{Id, NIL, Transactions, external_reads, external_writes},
};
use crate::{
    edn::{Map, Set, Value},
    history::Kind,
};

/// Of each key the pairs of versions that are known to follow each other.
type Pairs = BTreeMap<Id, BTreeSet<(Id, Id)>>;

/// Which versions come before which others.
pub(super) struct Versions(Pairs);

impl Versions {
    /// Infers the order. If transactions that read before they write make it a circle for any key,
    /// that is an anomaly, and they count for none.
    pub(super) fn new(transactions: &Transactions<'_>, findings: &mut Findings) -> Versions {
        let mut pairs = initial(transactions);
        let mut all = pairs.clone();
        for (key, more) in writes_follow_reads(transactions) {
            all.entry(key).or_default().extend(more);
        }
        let mut is_order = true;
        for (key, pairs) in &all {
            for knot in knots(pairs) {
                is_order = false;
                add_cycle(transactions, *key, &knot, findings);
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

/// What a transaction read comes before what it then wrote to the same key.
fn writes_follow_reads(transactions: &Transactions<'_>) -> Pairs {
    let mut pairs = Pairs::new();
    for (_, entry) in transactions.oks() {
        let writes = external_writes(&entry.mops);
        for (key, value) in external_reads(&entry.mops) {
            let next = writes.iter().find(|(other, _)| *other == key).map(|(_, next)| *next);
            if let Some(next) = next.filter(|next| value != NIL && *next != NIL) {
                pairs.entry(key).or_default().insert((value, next));
            }
        }
    }
    pairs
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

fn add_cycle(transactions: &Transactions<'_>, key: Id, knot: &[Id], findings: &mut Findings) {
    let mut versions: Vec<&Value> = knot.iter().map(|id| transactions.value(*id)).collect();
    versions.sort_unstable();
    let sources = ["initial-state", "wfr-keys"].map(Value::keyword);
    let value = Map::new()
        .with("key", transactions.value(key).clone())
        .with("scc", versions.iter().map(|version| (*version).clone()).collect::<Set>())
        .with("sources", sources.to_vec());
    findings.add(Anomaly("cyclic-versions"), value, || {
        let key = transactions.value(key);
        let (mut among, mut lines) = (Vec::new(), Vec::new());
        for (_, entry) in transactions.oks() {
            let writes = external_writes(&entry.mops);
            for (other, read) in external_reads(&entry.mops) {
                let next = writes.iter().find(|(written, _)| *written == other);
                if let Some((_, next)) = next
                    && transactions.value(other) == key
                    && [read, *next].iter().all(|id| knot.contains(id))
                {
                    let [read, next] = [read, *next].map(|id| transactions.shown(id));
                    let key = key.json();
                    let index = entry.op.index;
                    among.push(entry);
                    lines.push(format!(
                        "the transaction at index {index} read key {key} as {read} and set it \
                         to {next}, so {read} comes before {next}"
                    ));
                }
            }
        }
        lines.push("so each of these versions would have to come before itself".to_owned());
        Explanation::of_unnamed(among, lines)
    });
}
