//! What registers show to be wrong without any graph.

use std::mem::{Discriminant, discriminant};

use rustc_hash::FxHashMap;

use super::super::{
    anomaly::Anomaly,
    findings::{Explanation, Findings},
    transaction::{Entry, Id, Mop, NIL, Transactions},
};
use crate::{
    edn::{Map, Value},
    history::Kind,
};

/// Keys must be of one type: upstream gives up on others, for `1` and `"1"` are likely the same to
/// the database. The error is a sentence.
pub(super) fn check_keys(transactions: &Transactions<'_>) -> Result<(), String> {
    let mut first: Option<(Discriminant<Value>, &Value)> = None;
    for mop in transactions.entries.iter().flat_map(|entry| &entry.mops) {
        let key = transactions.value(mop.key);
        let (kind, other) = *first.get_or_insert((discriminant(key), key));
        if kind != discriminant(key) {
            let (other, key) = (other.json(), key.json());
            return Err(format!("keys are of different types: {other} and {key}"));
        }
    }
    Ok(())
}

/// Reads of what a failed transaction wrote.
pub(super) fn aborted_reads(transactions: &Transactions<'_>, findings: &mut Findings) {
    let mut failed: FxHashMap<(Id, Id), &Entry<'_>> = FxHashMap::default();
    for (_, entry) in transactions.ends().filter(|(_, entry)| entry.kind == Kind::Fail) {
        let writes = entry.mops.iter().filter(|mop| mop.writes);
        failed.extend(writes.map(|mop| ((mop.key, mop.value), entry)));
    }
    for (entry, mop) in reads(transactions) {
        if let Some(writer) = failed.get(&(mop.key, mop.value)) {
            let how = "and failed, and yet it was read";
            add_read(transactions, "G1a", entry, mop, writer, how, findings);
        }
    }
}

/// Reads of what a transaction wrote and then overwrote itself.
pub(super) fn intermediate_reads(transactions: &Transactions<'_>, findings: &mut Findings) {
    let mut intermediate: FxHashMap<(Id, Id), &Entry<'_>> = FxHashMap::default();
    for entry in &transactions.entries {
        let mut last: FxHashMap<Id, Id> = FxHashMap::default();
        for mop in entry.mops.iter().filter(|mop| mop.writes) {
            let overwritten = last.insert(mop.key, mop.value).filter(|value| *value != NIL);
            if let Some(value) = overwritten {
                intermediate.insert((mop.key, value), entry);
            }
        }
    }
    for (entry, mop) in reads(transactions) {
        let writer = intermediate.get(&(mop.key, mop.value));
        if let Some(writer) = writer.filter(|writer| writer.op.index != entry.op.index) {
            let how = "and then replaced it itself, but it was read";
            add_read(transactions, "G1b", entry, mop, writer, how, findings);
        }
    }
}

fn add_read(
    transactions: &Transactions<'_>,
    anomaly: &'static str,
    entry: &Entry<'_>,
    mop: &Mop<'_>,
    writer: &Entry<'_>,
    how: &str,
    findings: &mut Findings,
) {
    let value = Map::new()
        .with("op", entry.op.to_edn())
        .with("mop", mop.source.clone())
        .with("writer", writer.op.to_edn());
    findings.add(Anomaly(anomaly), value, || {
        let [key, value] = [mop.key, mop.value].map(|id| transactions.value(id));
        let why = format!("T1 set key {} to {} {how} by T2", key.json(), value.json());
        Explanation::of(vec![writer, entry], vec![why]).about(value)
    });
}

/// Transactions that contradict themselves; the first contradiction of each.
pub(super) fn internal(transactions: &Transactions<'_>, findings: &mut Findings) {
    for (_, entry) in transactions.oks() {
        let mut expected: FxHashMap<Id, Id> = FxHashMap::default();
        for mop in &entry.mops {
            let before = expected.insert(mop.key, mop.value).map(|id| transactions.value(id));
            // Nil and false are no expectation to upstream.
            let before = before.filter(|value| !matches!(value, Value::Nil | Value::Bool(false)));
            let read = transactions.value(mop.value);
            let Some(before) = before.filter(|before| !mop.writes && *before != read) else {
                continue;
            };
            let value = Map::new()
                .with("op", entry.op.to_edn())
                .with("mop", mop.source.clone())
                .with("expected", before.clone());
            findings.add(Anomaly("internal"), value, || {
                let key = transactions.shown(mop.key);
                let (before, read) = (before.json(), read.json());
                let why = format!(
                    "T1 itself had read or written key {key} as {before}, and then read it as \
                     {read}"
                );
                Explanation::of(vec![entry], vec![why])
            });
            break;
        }
    }
}

/// Everything that was certainly read.
fn reads<'a, 'h>(
    transactions: &'a Transactions<'h>,
) -> impl Iterator<Item = (&'a Entry<'h>, &'a Mop<'h>)> {
    let mops = |entry: &'a Entry<'h>| entry.mops.iter().map(move |mop| (entry, mop));
    transactions.oks().flat_map(move |(_, entry)| mops(entry)).filter(|(_, mop)| !mop.writes)
}
