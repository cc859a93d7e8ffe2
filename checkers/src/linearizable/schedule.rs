//! What the search looks up: who is under way when which operation has to have happened.
//!
//! The search passes the completions of definite operations one after the other; a *level* is how
//! many it has passed. Definite operations under way have *slots*, which are free again when they
//! end, so a set of them takes as many bits as there were clients and not as there are operations.

use super::register::{Action, Operation, OperationId, Register, ValueId};

/// The number of a kind of indefinite operations, which do the same.
pub(super) type KindId = u32;

/// A register's operations, level by level.
pub(super) struct Schedule<'a> {
    /// The operations.
    pub(super) operations: &'a [Operation<'a>],
    /// Definite operations in the order of their ends: at each level, the one that has to happen.
    pub(super) order: Vec<OperationId>,
    /// For each level, the definite operations under way that only observe.
    pub(super) observers: Lists,
    /// For each level, those that change something.
    pub(super) changers: Lists,
    /// How many slots there are.
    pub(super) slot_count: usize,
    /// Indefinite operations that do the same and change something, each list by beginning.
    pub(super) kinds: Vec<(Action, Vec<OperationId>)>,
    slots: Vec<u32>,
    kind_of: Vec<KindId>,
}

impl<'a> Schedule<'a> {
    /// Lays out the operations of a register.
    pub(super) fn of(register: &'a Register<'a>) -> Schedule<'a> {
        let operations = &register.operations[..];
        let mut schedule = Schedule {
            operations,
            order: register.completions(),
            observers: Lists::default(),
            changers: Lists::default(),
            slot_count: 0,
            kinds: Vec::new(),
            slots: vec![0; operations.len()],
            kind_of: vec![0; operations.len()],
        };
        schedule.lay_out_definite();
        schedule.collect_kinds();
        schedule
    }

    /// How many levels there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// What an operation does.
    pub(super) fn action(&self, operation: OperationId) -> Action {
        self.operations[operation as usize].action
    }

    /// The slot of a definite operation, while it is under way.
    pub(super) fn slot(&self, operation: OperationId) -> usize {
        self.slots[operation as usize] as usize
    }

    /// The kind of an indefinite operation, if it is not a definite one.
    pub(super) fn kind_of(&self, operation: OperationId) -> Option<KindId> {
        let is_indefinite = self.operations[operation as usize].is_indefinite();
        is_indefinite.then(|| self.kind_of[operation as usize])
    }

    /// Whether an operation began before the one ended that has to happen at this level.
    pub(super) fn has_begun(&self, operation: OperationId, level: usize) -> bool {
        self.operations[operation as usize].begin.index < self.end_index(self.order[level])
    }

    /// Where a definite operation ended.
    fn end_index(&self, operation: OperationId) -> usize {
        self.operations[operation as usize].end.map_or(usize::MAX, |end| end.index)
    }

    fn lay_out_definite(&mut self) {
        let mut events: Vec<(usize, bool, OperationId)> = Vec::new();
        for (id, operation) in (0..).zip(self.operations) {
            if let Some(end) = operation.end {
                events.extend([(operation.begin.index, false, id), (end.index, true, id)]);
            }
        }
        events.sort_unstable();
        let mut under_way: Vec<OperationId> = Vec::new();
        let mut free: Vec<u32> = Vec::new();
        for (_, is_end, id) in events {
            if is_end {
                let (observers, changers): (Vec<_>, Vec<_>) =
                    under_way.iter().partition(|id| self.action(**id).only_observes());
                self.observers.push(observers);
                self.changers.push(changers);
                under_way.retain(|other| *other != id);
                free.push(self.slots[id as usize]);
            } else {
                self.slots[id as usize] = free.pop().unwrap_or_else(|| {
                    self.slot_count += 1;
                    u32::try_from(self.slot_count - 1).expect("2^32 clients")
                });
                under_way.push(id);
            }
        }
    }

    fn collect_kinds(&mut self) {
        let mut by_action = std::collections::BTreeMap::<Action, Vec<OperationId>>::new();
        for (id, operation) in (0..).zip(self.operations) {
            // What only observes and need not happen says nothing.
            if operation.is_indefinite() && !operation.action.only_observes() {
                by_action.entry(operation.action).or_default().push(id);
            }
        }
        for (kind, ids) in (0..).zip(by_action.values()) {
            for id in ids {
                self.kind_of[*id as usize] = kind;
            }
        }
        self.kinds = by_action.into_iter().collect();
    }
}

/// Many lists in one.
#[derive(Default)]
pub(super) struct Lists {
    items: Vec<OperationId>,
    ends: Vec<usize>,
}

impl Lists {
    fn push(&mut self, list: Vec<OperationId>) {
        self.items.extend(list);
        self.ends.push(self.items.len());
    }

    /// The list of this number.
    pub(super) fn get(&self, number: usize) -> &[OperationId] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[start..self.ends[number]]
    }
}

/// Some values.
#[derive(Default)]
pub(super) struct Values(Vec<u64>);

impl Values {
    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds one.
    pub(super) fn insert(&mut self, value: ValueId) {
        let (word, bit) = (value as usize / 64, value % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    /// Whether it is one of them.
    pub(super) fn contains(&self, value: ValueId) -> bool {
        self.0.get(value as usize / 64).is_some_and(|word| word >> (value % 64) & 1 == 1)
    }
}
