//! Which configurations the search has seen, and how it came there.
//!
//! A configuration is a level, a value, a set of definite operations under way that have happened,
//! and a multiset of indefinite ones that have. Of two that differ in the last alone, the one whose
//! multiset is a part of the other's can do whatever the other can, so the other is not kept.

use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxBuildHasher;

use super::{
    register::{OperationId, ValueId},
    schedule::KindId,
};

/// The number of a configuration that was seen.
pub(super) type NodeId = u32;

/// The number of a multiset of kinds.
pub(super) type SpentId = u32;

/// The multiset of nothing.
pub(super) const NOTHING: SpentId = 0;

const NONE: u32 = u32::MAX;

/// A configuration without its indefinite operations: what is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// The level and the value, then the slots of definite operations that have happened and not
    /// ended.
    packed: Vec<u64>,
}

impl State {
    /// Before anything has happened.
    pub(super) fn beginning(slot_count: usize) -> State {
        State { packed: vec![0; 1 + slot_count.div_ceil(64)] }
    }

    /// How many completions have been passed.
    pub(super) fn level(&self) -> usize {
        high(self.packed[0]) as usize
    }

    /// What the register holds.
    pub(super) fn value(&self) -> ValueId {
        low(self.packed[0])
    }

    /// Lets the register hold this.
    pub(super) fn set_value(&mut self, value: ValueId) {
        self.packed[0] = self.packed[0] >> 32 << 32 | u64::from(value);
    }

    /// Whether the operation in this slot has happened.
    pub(super) fn is_done(&self, slot: usize) -> bool {
        self.packed[1 + slot / 64] >> (slot % 64) & 1 == 1
    }

    /// Notes that the operation in this slot has happened.
    pub(super) fn set_done(&mut self, slot: usize) {
        self.packed[1 + slot / 64] |= 1 << (slot % 64);
    }

    /// Passes the completion of the operation in this slot, which has happened.
    pub(super) fn pass(&mut self, slot: usize) {
        self.packed[1 + slot / 64] &= !(1 << (slot % 64));
        self.packed[0] += 1 << 32;
    }
}

/// A configuration that was seen.
struct Node {
    state: u32,
    spent: SpentId,
    /// From where the search came, and by which operation.
    parent: NodeId,
    operation: OperationId,
    /// Another one with the same state.
    next: NodeId,
}

/// All that was seen.
pub(super) struct Cache {
    states: IndexMap<Box<[u64]>, NodeId, FxBuildHasher>,
    nodes: Vec<Node>,
    spent: IndexSet<Box<[KindId]>, FxBuildHasher>,
    bytes: usize,
    comparisons: u64,
}

impl Cache {
    /// A cache that has seen nothing.
    pub(super) fn new() -> Cache {
        let nothing: Box<[KindId]> = Box::new([]);
        Cache {
            states: IndexMap::default(),
            nodes: Vec::new(),
            spent: IndexSet::from_iter([nothing]),
            bytes: 0,
            comparisons: 0,
        }
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many multisets were compared.
    pub(super) fn comparisons(&self) -> u64 {
        self.comparisons
    }

    /// The last node with this state.
    pub(super) fn find(&self, state: &State) -> Option<NodeId> {
        self.states.get(&state.packed[..]).copied()
    }

    /// Notes a configuration, unless one that can do as much has been seen. `from` is where the
    /// search came from, and by which operation.
    pub(super) fn insert(
        &mut self,
        state: &State,
        spent: SpentId,
        from: Option<(NodeId, OperationId)>,
    ) -> Option<NodeId> {
        let node = NodeId::try_from(self.nodes.len()).ok().filter(|node| *node != NONE)?;
        let (number, next) =
            if let Some((number, _, first)) = self.states.get_full_mut(&state.packed[..]) {
                let mut other = *first;
                while other != NONE {
                    self.comparisons += 1;
                    let Node { spent: before, next, .. } = self.nodes[other as usize];
                    let kinds = |id: SpentId| &self.spent[id as usize];
                    if before == spent || is_part(kinds(before), kinds(spent)) {
                        return None;
                    }
                    other = next;
                }
                (number, std::mem::replace(first, node))
            } else {
                // The box, its place in the map, and the map's index, which is half empty.
                self.bytes += state.packed.len() * 8 + 16 + 32 + 16;
                (self.states.insert_full(state.packed[..].into(), node).0, NONE)
            };
        let (parent, operation) = from.unwrap_or((NONE, NONE));
        let state = u32::try_from(number).expect("there are fewer states than nodes");
        self.nodes.push(Node { state, spent, parent, operation, next });
        self.bytes += 2 * size_of::<Node>();
        Some(node)
    }

    /// Copies what was seen into `state`, and tells what was spent.
    pub(super) fn load(&self, node: NodeId, state: &mut State) -> SpentId {
        state.packed.clear();
        state.packed.extend_from_slice(self.packed(node));
        self.nodes[node as usize].spent
    }

    /// The level of a node.
    pub(super) fn level(&self, node: NodeId) -> usize {
        high(self.packed(node)[0]) as usize
    }

    /// From where the search came to this node, and by which operation; `None` at its beginning.
    pub(super) fn from(&self, node: NodeId) -> Option<(NodeId, OperationId)> {
        let Node { parent, operation, .. } = self.nodes[node as usize];
        (parent != NONE).then_some((parent, operation))
    }

    /// All nodes, in the order in which they were seen.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        0..u32::try_from(self.nodes.len()).unwrap_or(NONE)
    }

    /// How often a kind was spent.
    pub(super) fn times_spent(&self, spent: SpentId, kind: KindId) -> usize {
        self.spent[spent as usize].iter().filter(|other| **other == kind).count()
    }

    /// What is spent after one more of this kind.
    pub(super) fn spend(&mut self, spent: SpentId, kind: KindId) -> SpentId {
        let mut kinds = self.spent[spent as usize].to_vec();
        kinds.insert(kinds.partition_point(|other| *other <= kind), kind);
        let bytes = 4 * kinds.len() + 16 + 16 + 16;
        let (number, is_new) = self.spent.insert_full(kinds.into_boxed_slice());
        self.bytes += if is_new { bytes } else { 0 };
        u32::try_from(number).expect("there are fewer multisets than nodes")
    }

    fn packed(&self, node: NodeId) -> &[u64] {
        let number = self.nodes[node as usize].state as usize;
        self.states.get_index(number).map_or(&[0], |(packed, _)| packed)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "that is the point")]
fn low(word: u64) -> u32 {
    word as u32
}

fn high(word: u64) -> u32 {
    low(word >> 32)
}

/// Whether a sorted multiset is a part of another.
fn is_part(part: &[KindId], whole: &[KindId]) -> bool {
    let mut rest = whole.iter();
    part.len() <= whole.len() && part.iter().all(|kind| rest.any(|other| other == kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiset_is_a_part_of_another_if_no_kind_is_spent_more_often() {
        for (part, whole, expected) in [
            (&[][..], &[][..], true),
            (&[1], &[1], true),
            (&[1], &[0, 1, 2], true),
            (&[1, 1], &[0, 1, 2], false),
            (&[1, 1], &[0, 1, 1, 1], true),
            (&[0, 3], &[0, 1, 2], false),
        ] {
            assert_eq!(is_part(part, whole), expected, "{part:?} in {whole:?}");
        }
    }

    #[test]
    fn what_can_do_no_more_than_another_is_not_seen() {
        let mut cache = Cache::new();
        let mut state = State::beginning(64);
        state.set_value(3);
        state.set_done(63);
        let mut other_value = state.clone();
        other_value.set_value(4);
        let one = cache.spend(NOTHING, 1);
        let two = cache.spend(one, 2);
        let other = cache.spend(NOTHING, 2);
        assert_eq!(cache.insert(&state, one, None), Some(0));
        assert_eq!(cache.insert(&state, two, None), None);
        assert_eq!(cache.insert(&state, other, Some((0, 9))), Some(1));
        assert_eq!(cache.insert(&other_value, two, None), Some(2));
        assert_eq!(cache.insert(&state, NOTHING, None), Some(3));
        assert_eq!(cache.insert(&state, one, None), None);
        let mut loaded = State::beginning(0);
        assert_eq!(cache.load(1, &mut loaded), other);
        assert_eq!((&loaded, loaded.value(), loaded.is_done(63)), (&state, 3, true));
        loaded.pass(63);
        assert_eq!((loaded.level(), loaded.value(), loaded.is_done(63)), (1, 3, false));
        assert_eq!((cache.from(0), cache.from(1)), (None, Some((0, 9))));
    }
}
