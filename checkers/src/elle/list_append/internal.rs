//! Internal anomalies: transactions that contradict themselves, whatever the others did.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{
    anomaly::Anomaly,
    findings::{Case, Findings},
    transaction::{InternedId, Mop, TxnHistory},
};

/// The list of a key that a transaction must read, given its own earlier micro-operations.
struct ExpectedList {
    list: Vec<InternedId>,
    /// True if `list` is the whole list, false if it is only the end.
    is_whole: bool,
}

/// Finds the first contradiction of each transaction with itself.
pub(super) fn internal_anomalies<'h>(transactions: &TxnHistory<'h>, findings: &mut Findings<'h>) {
    for (_, entry) in transactions.committed() {
        let mut expected: FxHashMap<InternedId, ExpectedList> = FxHashMap::default();
        // The keys that were read as nil. An append to such a key gives a list that is known
        // entirely.
        let mut absent: FxHashSet<InternedId> = FxHashSet::default();
        for mop in &entry.mops {
            if mop.is_write {
                let (list, is_whole) = (Vec::new(), absent.contains(&mop.key));
                let none = ExpectedList { list, is_whole };
                expected.entry(mop.key).or_insert(none).list.push(mop.value);
                continue;
            }
            let read = mop.elements.as_deref();
            let contradicts = |expected: &&ExpectedList| match expected {
                ExpectedList { list, is_whole: true } => read != Some(list),
                ExpectedList { list, .. } => read.is_none_or(|read| !read.ends_with(list)),
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
                expected.insert(mop.key, ExpectedList { list: read.to_vec(), is_whole: true });
            } else {
                absent.insert(mop.key);
            }
        }
    }
}

/// Finds the first element of each transaction that it read before it appended it.
pub(super) fn future_reads<'h>(transactions: &TxnHistory<'h>, findings: &mut Findings<'h>) {
    for (_, entry) in transactions.committed() {
        let mut seen: FxHashMap<(InternedId, InternedId), &Mop<'h>> = FxHashMap::default();
        for mop in &entry.mops {
            for element in mop.elements.iter().flatten() {
                seen.entry((mop.key, *element)).or_insert(mop);
            }
            let read = seen.get(&(mop.key, mop.value)).filter(|_| mop.is_write);
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
