//! Transactions that contradict themselves, whatever the others did.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{
    anomaly::Anomaly,
    findings::{Case, Findings},
    transaction::{Id, Mop, Transactions},
};

/// What a transaction must see of a key by its own earlier operations.
struct Expected {
    list: Vec<Id>,
    /// True for the whole list, false for its end alone.
    is_whole: bool,
}

/// Transactions that contradict themselves; the first contradiction of each.
pub(super) fn contradictions<'h>(transactions: &Transactions<'h>, findings: &mut Findings<'h>) {
    for (_, entry) in transactions.oks() {
        let mut expected: FxHashMap<Id, Expected> = FxHashMap::default();
        // Keys that were read as nil: an append to them gives a list that is known entirely.
        let mut absent: FxHashSet<Id> = FxHashSet::default();
        for mop in &entry.mops {
            if mop.writes {
                let (list, is_whole) = (Vec::new(), absent.contains(&mop.key));
                let none = Expected { list, is_whole };
                expected.entry(mop.key).or_insert(none).list.push(mop.value);
                continue;
            }
            let read = mop.elements.as_deref();
            let contradicts = |expected: &&Expected| match expected {
                Expected { list, is_whole: true } => read != Some(list),
                Expected { list, .. } => read.is_none_or(|read| !read.ends_with(list)),
            };
            if let Some(expected) = expected.get(&mop.key).filter(contradicts) {
                let [key, read] = [mop.key, mop.value].map(|id| transactions.value(id));
                let case = Case::Internal {
                    transaction: entry.op,
                    mop: mop.source,
                    key,
                    read,
                    expected: transactions.list(&expected.list),
                    is_whole: expected.is_whole,
                };
                findings.add(Anomaly("internal"), case);
                break;
            }
            if let Some(read) = read {
                expected.insert(mop.key, Expected { list: read.to_vec(), is_whole: true });
            } else {
                absent.insert(mop.key);
            }
        }
    }
}

/// Transactions that read what they append only afterwards; the first such read of each.
pub(super) fn future_reads<'h>(transactions: &Transactions<'h>, findings: &mut Findings<'h>) {
    for (_, entry) in transactions.oks() {
        let mut seen: FxHashMap<(Id, Id), &Mop<'h>> = FxHashMap::default();
        for mop in &entry.mops {
            for element in mop.elements.iter().flatten() {
                seen.entry((mop.key, *element)).or_insert(mop);
            }
            let read = seen.get(&(mop.key, mop.value)).filter(|_| mop.writes);
            if let Some(read) = read {
                let [key, element] = [mop.key, mop.value].map(|id| transactions.value(id));
                let (transaction, mop) = (entry.op, read.source);
                let case = Case::FutureRead { transaction, mop, key, element };
                findings.add(Anomaly("future-read"), case);
                break;
            }
        }
    }
}
