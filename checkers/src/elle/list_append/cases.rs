//! What lists show to be wrong without any graph.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::super::disguise;
use super::super::{
    anomaly::Anomaly,
    findings::{Explanation, Findings},
    transaction::{Entry, Id, Mop, Transactions},
};
use super::versions::{Reads, version_order};
use crate::{
    edn::{Map, Value},
    history::Kind,
};

/// Every append must be of another element, or nothing can be inferred; the error is a sentence.
pub(super) fn check_unique(transactions: &Transactions<'_>) -> Result<(), String> {
    let mut appended = FxHashSet::default();
    for entry in transactions.entries.iter().filter(|entry| entry.op.kind == Kind::Invoke) {
        for mop in entry.mops.iter().filter(|mop| mop.writes) {
            if !appended.insert((mop.key, mop.value)) {
                let [key, element] = [mop.key, mop.value].map(|id| transactions.shown(id));
                return Err(format!("{element} was appended to {key} more than once"));
            }
        }
    }
    Ok(())
}

/// Transactions that built upon what a failed one appended. An error if a list has what nobody
/// appended: upstream gives up on such a history.
pub(super) fn dirty_updates(
    transactions: &Transactions<'_>,
    reads: &Reads,
    findings: &mut Findings,
) -> Result<(), String> {
    let mut writers: FxHashMap<(Id, Id), &Entry<'_>> = FxHashMap::default();
    for (_, entry) in transactions.ends() {
        let appends = entry.mops.iter().filter(|mop| mop.writes);
        writers.extend(appends.map(|mop| ((mop.key, mop.value), entry)));
    }
    for (key, lists) in reads {
        let mut last: Option<&Entry<'_>> = None;
        let mut since: Vec<Id> = Vec::new();
        for element in version_order(lists) {
            since.push(element);
            let Some(writer) = writers.get(&(*key, element)).copied() else {
                let is_known = |value: &Value| {
                    let value = transactions.known(value);
                    value.is_some_and(|value| writers.contains_key(&(*key, value)))
                };
                let hint = disguise::hint(transactions.value(element), is_known);
                let [key, element] = [*key, element].map(|id| transactions.shown(id));
                return Err(format!("the list {key} has {element}, which nobody appended{hint}"));
            };
            let failed = last.filter(|last| last.kind == Kind::Fail);
            match (failed, writer.kind) {
                (Some(failed), Kind::Ok) => {
                    add_dirty_update(transactions, *key, &since, [failed, writer], findings);
                }
                (Some(_), Kind::Fail) | (_, Kind::Info | Kind::Invoke) => continue,
                (None, Kind::Ok | Kind::Fail) => {}
            }
            (last, since) = (Some(writer), vec![element]);
        }
    }
    Ok(())
}

fn add_dirty_update(
    transactions: &Transactions<'_>,
    key: Id,
    since: &[Id],
    [failed, writer]: [&Entry<'_>; 2],
    findings: &mut Findings,
) {
    let elements = values(transactions, since);
    let dots = Value::Symbol("...".to_owned());
    let key = transactions.value(key);
    let value = Map::new()
        .with("key", key.clone())
        .with("values", elements.clone())
        .with("txns", vec![failed.op.to_edn(), dots, writer.op.to_edn()]);
    findings.add(Anomaly("dirty-update"), value, || {
        let (key, elements) = (key.json(), elements.json());
        let why = format!(
            "T1 failed, and yet reads of {key} show {elements}: what T1 appended is there, and T2 \
             was appended behind it"
        );
        Explanation::of(vec![failed, writer], vec![why])
    });
}

/// Reads of what a failed transaction appended.
pub(super) fn aborted_reads(transactions: &Transactions<'_>, findings: &mut Findings) {
    let mut failed: FxHashMap<(Id, Id), &Entry<'_>> = FxHashMap::default();
    for (_, entry) in transactions.ends().filter(|(_, entry)| entry.kind == Kind::Fail) {
        let writes = entry.mops.iter().filter(|mop| mop.writes);
        failed.extend(writes.map(|mop| ((mop.key, mop.value), entry)));
    }
    for (entry, mop) in reads(transactions) {
        for element in mop.elements.iter().flatten() {
            if let Some(writer) = failed.get(&(mop.key, *element)) {
                let how = "and failed, and yet it was seen";
                add_read(transactions, "G1a", entry, mop, (*element, writer), how, findings);
            }
        }
    }
}

/// Reads that end in the middle of what another transaction appended.
pub(super) fn intermediate_reads(transactions: &Transactions<'_>, findings: &mut Findings) {
    let mut intermediate: FxHashMap<(Id, Id), &Entry<'_>> = FxHashMap::default();
    for entry in &transactions.entries {
        let mut last: FxHashMap<Id, Id> = FxHashMap::default();
        for mop in entry.mops.iter().filter(|mop| mop.writes) {
            if let Some(element) = last.insert(mop.key, mop.value) {
                intermediate.insert((mop.key, element), entry);
            }
        }
    }
    for (entry, mop) in reads(transactions) {
        let Some(last) = mop.last() else { continue };
        let writer = intermediate.get(&(mop.key, last));
        if let Some(writer) = writer.filter(|writer| writer.op.index != entry.op.index) {
            let how = "and more after it, which was not yet seen";
            add_read(transactions, "G1b", entry, mop, (last, writer), how, findings);
        }
    }
}

fn add_read(
    transactions: &Transactions<'_>,
    anomaly: &'static str,
    entry: &Entry<'_>,
    mop: &Mop<'_>,
    (element, writer): (Id, &Entry<'_>),
    how: &str,
    findings: &mut Findings,
) {
    let value = Map::new()
        .with("op", entry.op.to_edn())
        .with("mop", mop.source.clone())
        .with("writer", writer.op.to_edn())
        .with("element", transactions.value(element).clone());
    findings.add(Anomaly(anomaly), value, || {
        let [key, element] = [mop.key, element].map(|id| transactions.value(id));
        let (what, key) = (element.json(), key.json());
        let why = format!("T1 appended {what} to {key} {how} by T2");
        Explanation::of(vec![writer, entry], vec![why]).about(element)
    });
}

/// Reads that have an element more than once.
pub(super) fn duplicates(transactions: &Transactions<'_>, findings: &mut Findings) {
    for (_, entry) in transactions.possible() {
        for mop in entry.mops.iter().filter(|mop| !mop.writes) {
            let mut sorted: Vec<Id> = mop.elements.iter().flatten().copied().collect();
            sorted.sort_unstable();
            let mut duplicates: Vec<(&Value, usize)> = sorted
                .chunk_by(|a, b| a == b)
                .filter(|chunk| chunk.len() > 1)
                .map(|chunk| (transactions.value(chunk[0]), chunk.len()))
                .collect();
            if duplicates.is_empty() {
                continue;
            }
            duplicates.sort_unstable();
            let times: Map =
                duplicates.iter().map(|(element, n)| ((*element).clone(), (*n).into())).collect();
            let value = Map::new()
                .with("op", entry.op.to_edn())
                .with("mop", mop.source.clone())
                .with("duplicates", times);
            findings.add(Anomaly("duplicate-elements"), value, || {
                let key = transactions.shown(mop.key);
                let (element, times) = duplicates[0];
                let what = element.json();
                let how = format!(
                    "T1 read {key} with {what} in it {times} times, which was appended once"
                );
                Explanation::of(vec![entry], vec![how]).about(element)
            });
        }
    }
}

/// Keys of which two reads contradict each other.
pub(super) fn incompatible_orders(
    transactions: &Transactions<'_>,
    sorted: &Reads,
    findings: &mut Findings,
) {
    for (key, lists) in sorted {
        let pairs = lists.iter().zip(lists.iter().skip(1));
        let Some((a, b)) = pairs.into_iter().find(|(a, b)| !b.starts_with(a)) else { continue };
        let lists = [values(transactions, a), values(transactions, b)];
        let value =
            Map::new().with("key", transactions.value(*key).clone()).with("values", lists.to_vec());
        findings.add(Anomaly("incompatible-order"), value, || {
            explain_order(transactions, *key, [a, b])
        });
    }
}

/// Who read these two lists, and why both cannot be.
fn explain_order<'a>(
    transactions: &'a Transactions<'a>,
    key: Id,
    lists: [&Vec<Id>; 2],
) -> Explanation<'a> {
    let reader = |list: &Vec<Id>| {
        reads(transactions)
            .find(|(_, mop)| mop.key == key && mop.elements.as_ref() == Some(list))
            .map(|(entry, _)| entry)
    };
    let readers = lists.into_iter().filter_map(reader).collect();
    let [a, b] = lists.map(|list| values(transactions, list).json().to_string());
    let place = lists[0].iter().zip(lists[1]).take_while(|(x, y)| x == y).count() + 1;
    let key = transactions.shown(key);
    let why = format!(
        "T1 read {key} as {a}, T2 as {b}: lists only grow at their ends, so one of these should \
         begin with the other, but they differ from place {place} on"
    );
    Explanation::of(readers, vec![why])
}

/// Everything that was certainly read.
fn reads<'a, 'h>(
    transactions: &'a Transactions<'h>,
) -> impl Iterator<Item = (&'a Entry<'h>, &'a Mop<'h>)> {
    let mops = |entry: &'a Entry<'h>| entry.mops.iter().map(move |mop| (entry, mop));
    transactions.oks().flat_map(move |(_, entry)| mops(entry)).filter(|(_, mop)| !mop.writes)
}

pub(super) fn values(transactions: &Transactions<'_>, ids: &[Id]) -> Value {
    Value::Vector(ids.iter().map(|id| transactions.value(*id).clone()).collect())
}
