//! Transactions that contradict themselves, whatever the others did.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{
    anomaly::Anomaly,
    findings::{Explanation, Findings},
    transaction::{Entry, Id, Mop, Transactions},
};
use super::cases::values;
use crate::edn::{Map, Value};

/// What a transaction must see of a key by its own earlier operations.
enum Expected {
    /// Exactly this list.
    All(Vec<Id>),
    /// A list that ends with this.
    End(Vec<Id>),
}

/// Transactions that contradict themselves; the first contradiction of each.
pub(super) fn contradictions(transactions: &Transactions<'_>, findings: &mut Findings) {
    for (_, entry) in transactions.oks() {
        let mut expected: FxHashMap<Id, Expected> = FxHashMap::default();
        // Keys that were read as nil: an append to them gives a list that is known entirely.
        let mut absent: FxHashSet<Id> = FxHashSet::default();
        for mop in &entry.mops {
            if mop.writes {
                let is_absent = absent.contains(&mop.key);
                let none = if is_absent { Expected::All } else { Expected::End }(Vec::new());
                let (Expected::All(list) | Expected::End(list)) =
                    expected.entry(mop.key).or_insert(none);
                list.push(mop.value);
                continue;
            }
            let read = mop.elements.as_deref();
            let fits = match expected.get(&mop.key) {
                None => true,
                Some(Expected::All(list)) => read == Some(list),
                Some(Expected::End(end)) => read.is_some_and(|read| read.ends_with(end)),
            };
            if !fits {
                add_internal(transactions, entry, mop, &expected, findings);
                break;
            }
            if let Some(read) = read {
                expected.insert(mop.key, Expected::All(read.to_vec()));
            } else {
                absent.insert(mop.key);
            }
        }
    }
}

fn add_internal(
    transactions: &Transactions<'_>,
    entry: &Entry<'_>,
    mop: &Mop<'_>,
    expected: &FxHashMap<Id, Expected>,
    findings: &mut Findings,
) {
    let expected = match expected.get(&mop.key) {
        Some(Expected::All(list)) => values(transactions, list),
        Some(Expected::End(end)) => {
            let unknown = std::iter::once(Value::Symbol("...".to_owned()));
            let end = end.iter().map(|id| transactions.value(*id).clone());
            Value::Vector(unknown.chain(end).collect())
        }
        None => return,
    };
    let value = Map::new()
        .with("op", entry.op.to_edn())
        .with("mop", mop.source.clone())
        .with("expected", expected.clone());
    findings.add(Anomaly("internal"), value, || {
        let [key, read] = [mop.key, mop.value].map(|id| transactions.shown(id));
        let expected = expected.json();
        let why = format!(
            "by what T1 itself read and appended before, it had to read {key} as {expected}, and \
             it read {read}"
        );
        Explanation::of(vec![entry], vec![why])
    });
}

/// Transactions that read what they append only afterwards; the first such read of each.
pub(super) fn future_reads(transactions: &Transactions<'_>, findings: &mut Findings) {
    for (_, entry) in transactions.oks() {
        let mut seen: FxHashMap<(Id, Id), &Mop<'_>> = FxHashMap::default();
        for mop in &entry.mops {
            for element in mop.elements.iter().flatten() {
                seen.entry((mop.key, *element)).or_insert(mop);
            }
            if !mop.writes {
                continue;
            }
            if let Some(read) = seen.get(&(mop.key, mop.value)) {
                let element = transactions.value(mop.value);
                let value = Map::new()
                    .with("op", entry.op.to_edn())
                    .with("mop", read.source.clone())
                    .with("element", element.clone());
                findings.add(Anomaly("future-read"), value, || {
                    let key = transactions.shown(mop.key);
                    let what = element.json();
                    let how = format!("T1 read {what} in {key}, and appended it afterwards");
                    Explanation::of(vec![entry], vec![how]).about(element)
                });
                break;
            }
        }
    }
}
