//! The outcome of looking for an order of a register's operations.

use super::{
    Limits,
    register::{OperationId, Register, ValueId},
};

/// The most orders that are told, and ways to go on from them; upstream's number.
pub(super) const TOLD: usize = 10;

/// The outcome of looking for an order of a register's operations.
#[derive(Debug, Clone)]
pub struct Finding<'a> {
    /// The operations.
    pub(crate) register: Register<'a>,
    /// Definite operations in the order of their ends.
    pub(crate) completions: Vec<OperationId>,
    /// Whether there is an order.
    pub(super) conclusion: Conclusion,
    /// How many completions there is an order for, as far as is known.
    pub(crate) furthest: usize,
    /// An order that explains all of them; or else some of those that explain the first ones, up to
    /// the one that fits nowhere. Upstream's configurations are what they end with.
    pub(crate) orders: Vec<Vec<Step>>,
}

/// Whether there is an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conclusion {
    /// There is.
    Order,
    /// There is none: the completion behind the furthest fits nowhere.
    NoOrder,
    /// It would cost too much to find out.
    GaveUp,
}

/// A search that was given up because it would have cost more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaveUp {
    /// The cost that it could have had.
    pub limits: Limits,
    /// The completions that it got past.
    pub passed: usize,
    /// The number of completions.
    pub completions: usize,
}

/// One operation of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// Which.
    pub(crate) operation: OperationId,
    /// Whether it happens because it ended, and not because another one needs it.
    pub(crate) is_due: bool,
}

impl Finding<'_> {
    /// The operation whose completion fits nowhere, or was not passed; `None` if there is an order.
    pub(super) fn due(&self) -> Option<OperationId> {
        self.completions.get(self.furthest).copied()
    }

    /// The progress of a search that was given up within these limits.
    pub(super) fn gave_up(&self, limits: Limits) -> GaveUp {
        GaveUp { limits, passed: self.furthest, completions: self.completions.len() }
    }

    /// The value of the register after these steps.
    pub(crate) fn value_after(&self, path: &[Step]) -> ValueId {
        let sets = |step: &Step| self.register.operation(step.operation).action.sets();
        path.iter().rev().find_map(sets).unwrap_or_default()
    }

    /// The operations that had begun where an order ends, and had neither ended nor happened, by
    /// process.
    pub(crate) fn pending(&self, path: &[Step]) -> Vec<OperationId> {
        let operations = &self.register.operations;
        let mut happened = vec![false; operations.len()];
        for step in path {
            happened[step.operation as usize] = true;
        }
        let end = self.due().and_then(|due| self.register.operation(due).end);
        let end = end.map_or(usize::MAX, |end| end.index);
        let pending = (0..)
            .zip(operations)
            .filter(|(id, operation)| operation.begin.index < end && !happened[*id as usize]);
        let mut pending: Vec<OperationId> = pending.map(|(id, _)| id).collect();
        pending.sort_by_key(|id| self.register.operation(*id).begin.process);
        pending
    }
}
