//! Index for the search: the pending operations at each completion.
//!
//! The search passes the completions of determinate operations in order; a *level* is the number of
//! completions passed. Pending determinate operations have *slots*, which are reused after their
//! completion, so a set of them takes one bit for each client, not for each operation.

use super::register::{OperationId, Register, RegisterAction, RegisterOperation, ValueId};

/// The index of a class of indeterminate operations: those with the same action.
pub(super) type ClassId = u32;

/// A register's operations by level.
pub(super) struct SearchIndex<'a> {
    pub(super) operations: &'a [RegisterOperation<'a>],
    /// The determinate operations in the order of their completions: the one at each level has to
    /// be linearized there.
    pub(super) completions: Vec<OperationId>,
    /// For each level, the pending determinate operations that are read-only.
    pub(super) observers: PackedLists,
    /// For each level, the other pending determinate operations.
    pub(super) mutators: PackedLists,
    /// The number of slots.
    pub(super) slot_count: usize,
    /// Classes of indeterminate operations that are not read-only, each sorted by invocation.
    pub(super) classes: Vec<(RegisterAction, Vec<OperationId>)>,
    slots: Vec<u32>,
    class_of: Vec<ClassId>,
}

impl<'a> SearchIndex<'a> {
    /// Indexes the operations of a register.
    pub(super) fn of(register: &'a Register<'a>) -> SearchIndex<'a> {
        let operations = &register.operations[..];
        let mut index = SearchIndex {
            operations,
            completions: register.completions(),
            observers: PackedLists::default(),
            mutators: PackedLists::default(),
            slot_count: 0,
            classes: Vec::new(),
            slots: vec![0; operations.len()],
            class_of: vec![0; operations.len()],
        };
        index.index_determinate();
        index.collect_classes();
        index
    }

    /// The number of levels.
    pub(super) fn len(&self) -> usize {
        self.completions.len()
    }

    /// The action of an operation.
    pub(super) fn action(&self, operation: OperationId) -> RegisterAction {
        self.operations[operation as usize].action
    }

    /// The slot of a determinate operation, while it is pending.
    pub(super) fn slot(&self, operation: OperationId) -> usize {
        self.slots[operation as usize] as usize
    }

    /// The class of an indeterminate operation; `None` for a determinate one.
    pub(super) fn class_of(&self, operation: OperationId) -> Option<ClassId> {
        let is_indeterminate = self.operations[operation as usize].is_indeterminate();
        is_indeterminate.then(|| self.class_of[operation as usize])
    }

    /// True if an operation was invoked before the completion at this level.
    pub(super) fn has_begun(&self, operation: OperationId, level: usize) -> bool {
        self.operations[operation as usize].invocation.index
            < self.end_index(self.completions[level])
    }

    /// The index of a determinate operation's completion.
    fn end_index(&self, operation: OperationId) -> usize {
        self.operations[operation as usize].completion.map_or(usize::MAX, |end| end.index)
    }

    fn index_determinate(&mut self) {
        let mut events: Vec<(usize, bool, OperationId)> = Vec::new();
        for (id, operation) in (0..).zip(self.operations) {
            if let Some(end) = operation.completion {
                events.extend([(operation.invocation.index, false, id), (end.index, true, id)]);
            }
        }
        events.sort_unstable();
        let mut pending: Vec<OperationId> = Vec::new();
        let mut free: Vec<u32> = Vec::new();
        for (_, is_end, id) in events {
            if is_end {
                let (observers, mutators): (Vec<_>, Vec<_>) =
                    pending.iter().partition(|id| self.action(**id).is_read_only());
                self.observers.push(observers);
                self.mutators.push(mutators);
                pending.retain(|other| *other != id);
                free.push(self.slots[id as usize]);
            } else {
                self.slots[id as usize] = free.pop().unwrap_or_else(|| {
                    self.slot_count += 1;
                    u32::try_from(self.slot_count - 1).expect("2^32 clients")
                });
                pending.push(id);
            }
        }
    }

    fn collect_classes(&mut self) {
        let mut by_action = std::collections::BTreeMap::<RegisterAction, Vec<OperationId>>::new();
        for (id, operation) in (0..).zip(self.operations) {
            // An indeterminate operation that changes nothing need not be linearized.
            if operation.is_indeterminate() && !operation.action.is_read_only() {
                by_action.entry(operation.action).or_default().push(id);
            }
        }
        for (class, ids) in (0..).zip(by_action.values()) {
            for id in ids {
                self.class_of[*id as usize] = class;
            }
        }
        self.classes = by_action.into_iter().collect();
    }
}

/// Many lists in one vector.
#[derive(Default)]
pub(super) struct PackedLists {
    items: Vec<OperationId>,
    ends: Vec<usize>,
}

impl PackedLists {
    fn push(&mut self, list: Vec<OperationId>) {
        self.items.extend(list);
        self.ends.push(self.items.len());
    }

    /// The list of this index.
    pub(super) fn get(&self, number: usize) -> &[OperationId] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[start..self.ends[number]]
    }
}

/// A set of values, as a bit set.
#[derive(Default)]
pub(super) struct ValueSet(Vec<u64>);

impl ValueSet {
    /// Removes all values.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a value.
    pub(super) fn insert(&mut self, value: ValueId) {
        let (word, bit) = (value as usize / 64, value % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    /// True if the set contains the value.
    pub(super) fn contains(&self, value: ValueId) -> bool {
        self.0.get(value as usize / 64).is_some_and(|word| word >> (value % 64) & 1 == 1)
    }
}
