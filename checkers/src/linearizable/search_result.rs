//! Search results: linearizations of a register's operations, if there are any.

use super::{
    SearchLimits,
    register::{OperationId, Register, ValueId},
};

/// Maximum number of linearizations, and of final paths, that are reported; upstream's number.
pub(super) const MAX_ORDERS: usize = 10;

/// The result of a search for linearizations of a register's operations.
#[derive(Debug, Clone)]
pub struct SearchResult<'a> {
    /// The register that was searched.
    pub(crate) register: Register<'a>,
    /// The determinate operations in the order of their completions.
    pub(crate) completions: Vec<OperationId>,
    /// The conclusion of the search.
    pub(super) conclusion: Conclusion,
    /// The length of the longest prefix known to be linearizable, in completions. The conclusion is
    /// `Linearizable` if and only if `prefix_len == completions.len()`.
    pub(crate) prefix_len: usize,
    /// A linearization of all operations if there is one, else some linearizations of the longest
    /// linearizable prefix. Upstream's configurations are their ends.
    pub(crate) linearizations: Vec<Vec<LinearizationStep>>,
}

/// The conclusion of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conclusion {
    /// There is a linearization.
    Linearizable,
    /// There is none: the operation of the first completion after the prefix cannot be linearized.
    NotLinearizable,
    /// The search reached its limits.
    GaveUp,
}

/// A search that stopped because it reached its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchStopped {
    /// The limits.
    pub limits: SearchLimits,
    /// The number of completions that it passed.
    pub passed: usize,
    /// The number of completions.
    pub completions: usize,
}

/// One step of a linearization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinearizationStep {
    /// The operation that takes effect.
    pub(crate) operation: OperationId,
    /// True if it is linearized because its completion is next, and not because another operation
    /// requires its value.
    pub(crate) is_due: bool,
}

impl SearchResult<'_> {
    /// The operation of the first completion that was not passed; `None` if there is a
    /// linearization.
    pub(super) fn due(&self) -> Option<OperationId> {
        self.completions.get(self.prefix_len).copied()
    }

    /// The progress of a search that stopped at these limits.
    pub(super) fn stopped(&self, limits: SearchLimits) -> SearchStopped {
        SearchStopped { limits, passed: self.prefix_len, completions: self.completions.len() }
    }

    /// The register's value after these steps.
    pub(crate) fn value_after(&self, path: &[LinearizationStep]) -> ValueId {
        let sets = |step: &LinearizationStep| {
            self.register.operation(step.operation).action.written_value()
        };
        path.iter().rev().find_map(sets).unwrap_or_default()
    }

    /// The operations that were invoked before the prefix ends, and have neither completed nor been
    /// linearized, sorted by process.
    pub(crate) fn pending(&self, path: &[LinearizationStep]) -> Vec<OperationId> {
        let operations = &self.register.operations;
        let mut happened = vec![false; operations.len()];
        for step in path {
            happened[step.operation as usize] = true;
        }
        let end = self.due().and_then(|due| self.register.operation(due).completion);
        let end = end.map_or(usize::MAX, |end| end.index);
        let pending = (0..)
            .zip(operations)
            .filter(|(id, operation)| operation.invocation.index < end && !happened[*id as usize]);
        let mut pending: Vec<OperationId> = pending.map(|(id, _)| id).collect();
        pending.sort_by_key(|id| self.register.operation(*id).invocation.process);
        pending
    }
}
