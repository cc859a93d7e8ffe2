//! Cache of configurations that the search has visited, with the step that led to each.
//!
//! A configuration is a level, a value, the set of pending determinate operations that are
//! linearized, and a multiset of linearized indeterminate ones, as classes of equal actions. If two
//! configurations differ only in this multiset, and one multiset contains the other, then the
//! configuration with the smaller one can do whatever the other can, so the other is not kept.

use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxBuildHasher;

use super::{
    register::{OperationId, ValueId},
    search_index::ClassId,
};

/// The index of a visited configuration.
pub(super) type ConfigurationId = u32;

/// The index of a multiset of classes.
pub(super) type MultisetId = u32;

/// The empty multiset.
pub(super) const EMPTY: MultisetId = 0;

const NONE: u32 = u32::MAX;

/// A configuration without its indeterminate operations: the key of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeterminateState {
    /// The level (high half) and the value (low half), then a bit for each slot, set if its
    /// operation is linearized and still pending.
    packed: Vec<u64>,
}

impl DeterminateState {
    /// The state before the first operation.
    pub(super) fn initial(slot_count: usize) -> DeterminateState {
        DeterminateState { packed: vec![0; 1 + slot_count.div_ceil(64)] }
    }

    /// The level: the number of completions passed.
    pub(super) fn level(&self) -> usize {
        high(self.packed[0]) as usize
    }

    /// The register's value.
    pub(super) fn value(&self) -> ValueId {
        low(self.packed[0])
    }

    /// Sets the register's value.
    pub(super) fn set_value(&mut self, value: ValueId) {
        self.packed[0] = self.packed[0] >> 32 << 32 | u64::from(value);
    }

    /// True if the operation in this slot is linearized.
    pub(super) fn is_linearized(&self, slot: usize) -> bool {
        self.packed[1 + slot / 64] >> (slot % 64) & 1 == 1
    }

    /// Marks the operation in this slot as linearized.
    pub(super) fn set_linearized(&mut self, slot: usize) {
        self.packed[1 + slot / 64] |= 1 << (slot % 64);
    }

    /// Passes the completion of the operation in this slot, which must be linearized, and frees the
    /// slot.
    pub(super) fn pass_completion(&mut self, slot: usize) {
        self.packed[1 + slot / 64] &= !(1 << (slot % 64));
        self.packed[0] += 1 << 32;
    }
}

/// A visited configuration.
struct Configuration {
    state: u32,
    indeterminate: MultisetId,
    /// The configuration from which the search came, and the operation that it linearized.
    parent: ConfigurationId,
    operation: OperationId,
    /// Another configuration with the same state, or `NONE`.
    next_with_state: ConfigurationId,
}

/// All visited configurations.
pub(super) struct Cache {
    states: IndexMap<Box<[u64]>, ConfigurationId, FxBuildHasher>,
    configurations: Vec<Configuration>,
    multisets: IndexSet<Box<[ClassId]>, FxBuildHasher>,
    bytes: usize,
    comparisons: u64,
}

impl Cache {
    /// An empty cache.
    pub(super) fn new() -> Cache {
        let nothing: Box<[ClassId]> = Box::new([]);
        Cache {
            states: IndexMap::default(),
            configurations: Vec::new(),
            multisets: IndexSet::from_iter([nothing]),
            bytes: 0,
            comparisons: 0,
        }
    }

    /// The approximate size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of multiset comparisons so far.
    pub(super) fn comparisons(&self) -> u64 {
        self.comparisons
    }

    /// The last configuration with this state.
    pub(super) fn find(&self, state: &DeterminateState) -> Option<ConfigurationId> {
        self.states.get(&state.packed[..]).copied()
    }

    /// Adds a configuration, unless a visited one can do whatever it can. `from` is the
    /// configuration from which the search came, and the operation that it linearized.
    pub(super) fn insert(
        &mut self,
        state: &DeterminateState,
        indeterminate: MultisetId,
        from: Option<(ConfigurationId, OperationId)>,
    ) -> Option<ConfigurationId> {
        let id = ConfigurationId::try_from(self.configurations.len())
            .ok()
            .filter(|configuration| *configuration != NONE)?;
        let (number, next) =
            if let Some((number, _, first)) = self.states.get_full_mut(&state.packed[..]) {
                let mut other = *first;
                while other != NONE {
                    self.comparisons += 1;
                    let Configuration { indeterminate: before, next_with_state, .. } =
                        self.configurations[other as usize];
                    let classes = |id: MultisetId| &self.multisets[id as usize];
                    if before == indeterminate
                        || is_submultiset(classes(before), classes(indeterminate))
                    {
                        return None;
                    }
                    other = next_with_state;
                }
                (number, std::mem::replace(first, id))
            } else {
                // The box, its map entry, and the map's index, which is half empty.
                self.bytes += state.packed.len() * 8 + 16 + 32 + 16;
                (self.states.insert_full(state.packed[..].into(), id).0, NONE)
            };
        let (parent, operation) = from.unwrap_or((NONE, NONE));
        let state = u32::try_from(number).expect("there are fewer states than configurations");
        self.configurations.push(Configuration {
            state,
            indeterminate,
            parent,
            operation,
            next_with_state: next,
        });
        self.bytes += 2 * size_of::<Configuration>();
        Some(id)
    }

    /// Copies a configuration's state into `state`, and returns its multiset of indeterminate
    /// operations.
    pub(super) fn load(&self, id: ConfigurationId, state: &mut DeterminateState) -> MultisetId {
        state.packed.clear();
        state.packed.extend_from_slice(self.packed(id));
        self.configurations[id as usize].indeterminate
    }

    /// The level of a configuration.
    pub(super) fn level(&self, id: ConfigurationId) -> usize {
        high(self.packed(id)[0]) as usize
    }

    /// The configuration from which the search came, and the operation that it linearized; `None`
    /// at the start.
    pub(super) fn parent(&self, id: ConfigurationId) -> Option<(ConfigurationId, OperationId)> {
        let Configuration { parent, operation, .. } = self.configurations[id as usize];
        (parent != NONE).then_some((parent, operation))
    }

    /// All configurations, in the order in which they were visited.
    pub(super) fn ids(&self) -> impl Iterator<Item = ConfigurationId> + use<> {
        0..u32::try_from(self.configurations.len()).unwrap_or(NONE)
    }

    /// The multiplicity of a class in a multiset.
    pub(super) fn multiplicity(&self, indeterminate: MultisetId, class: ClassId) -> usize {
        self.multisets[indeterminate as usize].iter().filter(|other| **other == class).count()
    }

    /// The multiset with one more of this class.
    pub(super) fn with_class(&mut self, indeterminate: MultisetId, class: ClassId) -> MultisetId {
        let mut classes = self.multisets[indeterminate as usize].to_vec();
        classes.insert(classes.partition_point(|other| *other <= class), class);
        let bytes = 4 * classes.len() + 16 + 16 + 16;
        let (number, is_new) = self.multisets.insert_full(classes.into_boxed_slice());
        self.bytes += if is_new { bytes } else { 0 };
        u32::try_from(number).expect("there are fewer multisets than configurations")
    }

    fn packed(&self, configuration: ConfigurationId) -> &[u64] {
        let number = self.configurations[configuration as usize].state as usize;
        self.states.get_index(number).map_or(&[0], |(packed, _)| packed)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
fn low(word: u64) -> u32 {
    word as u32
}

fn high(word: u64) -> u32 {
    low(word >> 32)
}

/// True if a sorted multiset is contained in another.
fn is_submultiset(part: &[ClassId], whole: &[ClassId]) -> bool {
    let mut rest = whole.iter();
    part.len() <= whole.len() && part.iter().all(|class| rest.any(|other| other == class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiset_contains_another_if_each_class_is_at_least_as_frequent() {
        for (part, whole, expected) in [
            (&[][..], &[][..], true),
            (&[1], &[1], true),
            (&[1], &[0, 1, 2], true),
            (&[1, 1], &[0, 1, 2], false),
            (&[1, 1], &[0, 1, 1, 1], true),
            (&[0, 3], &[0, 1, 2], false),
        ] {
            assert_eq!(is_submultiset(part, whole), expected, "{part:?} in {whole:?}");
        }
    }

    #[test]
    fn dominated_configurations_are_not_cached() {
        let mut cache = Cache::new();
        let mut state = DeterminateState::initial(64);
        state.set_value(3);
        state.set_linearized(63);
        let mut other_value = state.clone();
        other_value.set_value(4);
        let one = cache.with_class(EMPTY, 1);
        let two = cache.with_class(one, 2);
        let other = cache.with_class(EMPTY, 2);
        assert_eq!(cache.insert(&state, one, None), Some(0));
        assert_eq!(cache.insert(&state, two, None), None);
        assert_eq!(cache.insert(&state, other, Some((0, 9))), Some(1));
        assert_eq!(cache.insert(&other_value, two, None), Some(2));
        assert_eq!(cache.insert(&state, EMPTY, None), Some(3));
        assert_eq!(cache.insert(&state, one, None), None);
        let mut loaded = DeterminateState::initial(0);
        assert_eq!(cache.load(1, &mut loaded), other);
        assert_eq!((&loaded, loaded.value(), loaded.is_linearized(63)), (&state, 3, true));
        loaded.pass_completion(63);
        assert_eq!((loaded.level(), loaded.value(), loaded.is_linearized(63)), (1, 3, false));
        assert_eq!((cache.parent(0), cache.parent(1)), (None, Some((0, 9))));
    }
}
