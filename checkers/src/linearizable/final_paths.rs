//! Knossos' final paths: continuations of each linearization up to an operation that contradicts
//! it.

use std::{collections::VecDeque, iter::once};

use super::{
    register::{OperationId, ValueId},
    search_result::{LinearizationStep, MAX_ORDERS, SearchResult},
};

/// A step of a final path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathStep {
    /// The operation.
    pub(crate) step: LinearizationStep,
    /// The register's value before the step.
    pub(crate) before: ValueId,
    /// The value afterwards; `None` if the operation contradicts `before`.
    pub(crate) after: Option<ValueId>,
}

/// The shortest final paths; each begins with the last step of its linearization.
pub(super) fn final_paths(result: &SearchResult<'_>, due: OperationId) -> Vec<Vec<PathStep>> {
    let due = LinearizationStep { operation: due, is_due: true };
    let mut found = Vec::new();
    for order in &result.linearizations {
        let others = result.pending(order);
        let start = result.value_after(order);
        let last =
            order.last().map(|step| PathStep { step: *step, before: start, after: Some(start) });
        let mut paths = VecDeque::from([Vec::from_iter(last)]);
        while let Some(path) = paths.pop_front() {
            let before = path.last().and_then(|last| last.after).unwrap_or(start);
            let others = others.iter().filter(|other| {
                let mut steps = path.iter().map(|taken| taken.step.operation);
                **other != due.operation && steps.all(|taken| taken != **other)
            });
            let others = others.map(|other| LinearizationStep { operation: *other, is_due: false });
            for step in once(due).chain(others) {
                if found.len() == MAX_ORDERS {
                    return found;
                }
                let after = result.register.operation(step.operation).action.apply(before);
                let longer = [&path[..], &[PathStep { step, before, after }]].concat();
                if after.is_none() {
                    found.push(longer);
                } else if paths.len() < MAX_ORDERS {
                    paths.push_back(longer);
                }
            }
        }
    }
    found
}
