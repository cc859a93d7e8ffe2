//! The version order of each key, inferred from its reads.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::super::{
    order::vertex_of,
    transaction::{InternedId, TxnEntry, TxnHistory},
};
use super::counts_as_read;
use crate::compat::{bifurcan, clojure::TriePosition};

/// For each key, the distinct lists that were read of it, ordered by length.
pub(super) type ReadsByKey = Vec<(InternedId, Vec<Vec<InternedId>>)>;

/// Collects the reads of each key. Keys, and lists of equal length, are in upstream's order. If a
/// key was never read and appended to once, the list of that element counts as read.
pub(super) fn sorted_reads<'a, 'h: 'a>(
    transactions: &TxnHistory<'h>,
    entries: impl Iterator<Item = &'a TxnEntry<'h>>,
) -> ReadsByKey {
    let mut lists: BTreeMap<InternedId, BTreeSet<&[InternedId]>> = BTreeMap::new();
    let mut appends: BTreeMap<InternedId, Option<InternedId>> = BTreeMap::new();
    for mop in entries.flat_map(|entry| &entry.mops) {
        if mop.is_write {
            appends.entry(mop.key).and_modify(|only| *only = None).or_insert(Some(mop.value));
        } else if let Some(elements @ [_, ..]) = mop.elements.as_deref() {
            lists.entry(mop.key).or_default().insert(elements);
        }
    }
    let mut reads: ReadsByKey = Vec::new();
    for (key, only) in appends {
        if let (Some(element), false) = (only, lists.contains_key(&key)) {
            reads.push((key, vec![vec![element]]));
        }
    }
    for (key, lists) in lists {
        let mut lists: Vec<Vec<InternedId>> =
            lists.into_iter().map(<[InternedId]>::to_vec).collect();
        bifurcan::sort_lists(&mut lists, |element| transactions.value(element));
        lists.sort_by_key(Vec::len);
        reads.push((key, lists));
    }
    reads.sort_by_cached_key(|(key, _)| TriePosition::of(transactions.value(*key)));
    reads
}

/// The version order of a key: the distinct elements of its longest list.
pub(super) fn version_order(lists: &[Vec<InternedId>]) -> Vec<InternedId> {
    let mut seen = BTreeSet::new();
    let longest = lists.last().into_iter().flatten();
    longest.copied().filter(|element| seen.insert(*element)).collect()
}

/// The version order of each key, and the writers and readers of each version.
pub(super) struct VersionIndex {
    orders: FxHashMap<InternedId, Vec<InternedId>>,
    /// The position of each element in the version order of its key.
    positions: FxHashMap<(InternedId, InternedId), usize>,
    /// The writer of each element of a key.
    writers: FxHashMap<(InternedId, InternedId), u32>,
    /// The readers of the lists that end with an element; `None` is the empty list.
    readers: FxHashMap<(InternedId, Option<InternedId>), Vec<u32>>,
}

impl VersionIndex {
    pub(super) fn new(transactions: &TxnHistory<'_>, reads: &ReadsByKey) -> VersionIndex {
        let orders: FxHashMap<InternedId, Vec<InternedId>> =
            reads.iter().map(|(key, lists)| (*key, version_order(lists))).collect();
        let mut positions = FxHashMap::default();
        for (key, _) in reads {
            let order = orders.get(key).into_iter().flatten();
            positions.extend(order.enumerate().map(|(place, element)| ((*key, *element), place)));
        }
        let mut writers = FxHashMap::default();
        let mut readers: FxHashMap<_, Vec<u32>> = FxHashMap::default();
        for (at, entry) in transactions.possibly_committed() {
            for mop in &entry.mops {
                if mop.is_write {
                    writers.insert((mop.key, mop.value), vertex_of(at));
                } else if counts_as_read(entry.kind, mop) {
                    readers.entry((mop.key, mop.last())).or_default().push(vertex_of(at));
                }
            }
        }
        VersionIndex { orders, positions, writers, readers }
    }

    /// The element before this one; `None` if it is the first. An element that nobody read comes
    /// after the last one that somebody read.
    pub(super) fn previous(&self, key: InternedId, element: InternedId) -> Option<InternedId> {
        let order = self.orders.get(&key)?;
        match self.positions.get(&(key, element)) {
            Some(place) => Some(order[place.checked_sub(1)?]),
            None => order.last().copied(),
        }
    }

    /// True if some read shows the position of this element.
    pub(super) fn is_observed(&self, key: InternedId, element: InternedId) -> bool {
        self.positions.contains_key(&(key, element))
    }

    /// The transaction that appended this element.
    pub(super) fn writer(&self, key: InternedId, element: InternedId) -> Option<u32> {
        self.writers.get(&(key, element)).copied()
    }

    /// The transactions that read a list ending with this element, or an empty list for `None`.
    pub(super) fn readers(&self, key: InternedId, last: Option<InternedId>) -> &[u32] {
        self.readers.get(&(key, last)).map_or(&[], Vec::as_slice)
    }
}
