//! The order of each key's versions, by what was read of it.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::super::{
    order::number,
    transaction::{Entry, Id, Transactions},
};
use super::has_read;
use crate::compat::{bifurcan, clojure::Place};

/// The different lists that were read of a key, the shortest first.
pub(super) type Reads = Vec<(Id, Vec<Vec<Id>>)>;

/// What was read of each key, keys and lists of equal lengths in upstream's order. Of a key that
/// nobody read, but somebody appended to once, the list of that element counts as read.
pub(super) fn sorted_reads<'a, 'h: 'a>(
    transactions: &Transactions<'h>,
    entries: impl Iterator<Item = &'a Entry<'h>>,
) -> Reads {
    let mut lists: BTreeMap<Id, BTreeSet<&[Id]>> = BTreeMap::new();
    let mut appends: BTreeMap<Id, Option<Id>> = BTreeMap::new();
    for mop in entries.flat_map(|entry| &entry.mops) {
        if mop.writes {
            appends.entry(mop.key).and_modify(|only| *only = None).or_insert(Some(mop.value));
        } else if let Some(elements @ [_, ..]) = mop.elements.as_deref() {
            lists.entry(mop.key).or_default().insert(elements);
        }
    }
    let mut reads: Reads = Vec::new();
    for (key, only) in appends {
        if let (Some(element), false) = (only, lists.contains_key(&key)) {
            reads.push((key, vec![vec![element]]));
        }
    }
    for (key, lists) in lists {
        let mut lists: Vec<Vec<Id>> = lists.into_iter().map(<[Id]>::to_vec).collect();
        bifurcan::sort_lists(&mut lists, |element| transactions.value(element));
        lists.sort_by_key(Vec::len);
        reads.push((key, lists));
    }
    reads.sort_by_cached_key(|(key, _)| Place::of(transactions.value(*key)));
    reads
}

/// The elements of a key's longest list, each once: the order of its versions.
pub(super) fn version_order(lists: &[Vec<Id>]) -> Vec<Id> {
    let mut seen = BTreeSet::new();
    let longest = lists.last().into_iter().flatten();
    longest.copied().filter(|element| seen.insert(*element)).collect()
}

/// Who appended which element, who read it as the last one, and what came before it.
pub(super) struct Index {
    orders: FxHashMap<Id, Vec<Id>>,
    places: FxHashMap<(Id, Id), usize>,
    writers: FxHashMap<(Id, Id), u32>,
    readers: FxHashMap<(Id, Option<Id>), Vec<u32>>,
}

impl Index {
    pub(super) fn new(transactions: &Transactions<'_>, reads: &Reads) -> Index {
        let orders: FxHashMap<Id, Vec<Id>> =
            reads.iter().map(|(key, lists)| (*key, version_order(lists))).collect();
        let mut places = FxHashMap::default();
        for (key, _) in reads {
            let order = orders.get(key).into_iter().flatten();
            places.extend(order.enumerate().map(|(place, element)| ((*key, *element), place)));
        }
        let mut writers = FxHashMap::default();
        let mut readers: FxHashMap<_, Vec<u32>> = FxHashMap::default();
        for (at, entry) in transactions.possible() {
            for mop in &entry.mops {
                if mop.writes {
                    writers.insert((mop.key, mop.value), number(at));
                } else if has_read(entry.kind, mop) {
                    readers.entry((mop.key, mop.last())).or_default().push(number(at));
                }
            }
        }
        Index { orders, places, writers, readers }
    }

    /// The element before this one; for one that nobody read, the last that somebody did. `None`
    /// if it was the first.
    pub(super) fn previous(&self, key: Id, element: Id) -> Option<Id> {
        let order = self.orders.get(&key)?;
        match self.places.get(&(key, element)) {
            Some(place) => Some(order[place.checked_sub(1)?]),
            None => order.last().copied(),
        }
    }

    /// Whether a read shows the place of this element.
    pub(super) fn is_observed(&self, key: Id, element: Id) -> bool {
        self.places.contains_key(&(key, element))
    }

    /// Who appended this element.
    pub(super) fn writer(&self, key: Id, element: Id) -> Option<u32> {
        self.writers.get(&(key, element)).copied()
    }

    /// Who read a list that ends with this element, or, with `None`, an empty one.
    pub(super) fn readers(&self, key: Id, last: Option<Id>) -> &[u32] {
        self.readers.get(&(key, last)).map_or(&[], Vec::as_slice)
    }
}
