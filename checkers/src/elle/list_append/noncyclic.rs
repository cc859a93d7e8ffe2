//! The anomalies of lists that need no dependency graph.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{
    anomaly::Anomaly,
    findings::{AnalysisError, Case, Findings},
    transaction::{InternedId, TxnEntry, TxnHistory},
};
use super::versions::{ReadsByKey, version_order};
use crate::history::{Kind, Op};

/// Checks that no element is appended to a key twice; otherwise nothing can be inferred.
pub(super) fn check_unique_appends<'h>(
    transactions: &TxnHistory<'h>,
) -> Result<(), AnalysisError<'h>> {
    let mut appended = FxHashSet::default();
    for entry in transactions.entries.iter().filter(|entry| entry.op.kind == Kind::Invoke) {
        for mop in entry.mops.iter().filter(|mop| mop.is_write) {
            if !appended.insert((mop.key, mop.value)) {
                let [key, value] = [mop.key, mop.value].map(|id| transactions.value(id));
                return Err(AnalysisError::DuplicateWrite { key, value });
            }
        }
    }
    Ok(())
}

/// Dirty updates: transactions that appended after what a failed one appended. An element that
/// nobody appended is an error, because upstream gives up on such a history.
pub(super) fn dirty_updates<'h>(
    transactions: &TxnHistory<'h>,
    reads: &ReadsByKey,
    findings: &mut Findings<'h>,
) -> Result<(), AnalysisError<'h>> {
    let mut writers: FxHashMap<(InternedId, InternedId), &TxnEntry<'h>> = FxHashMap::default();
    for (_, entry) in transactions.outcomes() {
        let appends = entry.mops.iter().filter(|mop| mop.is_write);
        writers.extend(appends.map(|mop| ((mop.key, mop.value), entry)));
    }
    for (id, lists) in reads {
        let key = transactions.value(*id);
        let mut last: Option<&TxnEntry<'h>> = None;
        let mut since: Vec<InternedId> = Vec::new();
        for element in version_order(lists) {
            since.push(element);
            let Some(writer) = writers.get(&(*id, element)).copied() else {
                let is_known = |other| writers.contains_key(&(*id, other));
                let origin = transactions.origin(element, is_known);
                return Err(AnalysisError::GarbageRead {
                    key,
                    value: transactions.value(element),
                    origin,
                });
            };
            let failed = last.filter(|last| last.kind == Kind::Fail);
            match (failed, writer.kind) {
                (Some(failed), Kind::Ok) => {
                    let (failed, writer) = (failed.op, writer.op);
                    let elements = transactions.list(&since);
                    let case = Case::DirtyUpdate { failed, writer, key, elements };
                    findings.add(Anomaly("dirty-update"), case);
                }
                (Some(_), Kind::Fail) | (_, Kind::Info | Kind::Invoke) => continue,
                (None, Kind::Ok | Kind::Fail) => {}
            }
            (last, since) = (Some(writer), vec![element]);
        }
    }
    Ok(())
}

/// Reads that contain an element more than once.
pub(super) fn duplicates<'h>(transactions: &TxnHistory<'h>, findings: &mut Findings<'h>) {
    for (_, entry) in transactions.possibly_committed() {
        for mop in entry.mops.iter().filter(|mop| !mop.is_write) {
            let mut sorted: Vec<InternedId> = mop.elements.iter().flatten().copied().collect();
            sorted.sort_unstable();
            let repeated = sorted.chunk_by(|a, b| a == b).filter(|chunk| chunk.len() > 1);
            let mut times: Vec<_> =
                repeated.map(|chunk| (transactions.value(chunk[0]), chunk.len())).collect();
            if !times.is_empty() {
                times.sort_unstable();
                let (reader, mop, key) = (entry.op, mop.source, transactions.value(mop.key));
                let case = Case::DuplicateElements { reader, mop, key, times };
                findings.add(Anomaly("duplicate-elements"), case);
            }
        }
    }
}

/// Keys with two reads neither of which is a prefix of the other.
pub(super) fn incompatible_orders<'h>(
    transactions: &TxnHistory<'h>,
    reads: &ReadsByKey,
    findings: &mut Findings<'h>,
) {
    let pairs = reads.iter().filter_map(|(key, lists)| {
        let pair = lists.windows(2).find(|pair| !pair[1].starts_with(&pair[0]))?;
        Some((*key, pair))
    });
    let pairs: Vec<(InternedId, &[Vec<InternedId>])> = pairs.collect();
    // The first committed transaction that read each of these lists.
    let mut readers: FxHashMap<(InternedId, &[InternedId]), Option<&Op>> = FxHashMap::default();
    for (key, pair) in &pairs {
        readers.extend(pair.iter().map(|list| ((*key, &list[..]), None)));
    }
    for (entry, mop) in transactions.committed_reads().filter(|_| !pairs.is_empty()) {
        let list = mop.elements.as_deref().unwrap_or_default();
        if let Some(reader @ None) = readers.get_mut(&(mop.key, list)) {
            *reader = Some(entry.op);
        }
    }
    for (key, pair) in pairs {
        let [a, b] = [&pair[0], &pair[1]];
        let place = a.iter().zip(b).take_while(|(x, y)| x == y).count() + 1;
        let lists = [a, b].map(|list| transactions.list(list));
        let readers = [a, b].into_iter().filter_map(|list| readers[&(key, &list[..])]).collect();
        let key = transactions.value(key);
        let case = Case::IncompatibleOrder { key, lists, place, readers };
        findings.add(Anomaly("incompatible-order"), case);
    }
}
