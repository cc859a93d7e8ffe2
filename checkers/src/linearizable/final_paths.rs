//! Ways to go on where orders end, each up to the operation that contradicts it: Knossos' final
//! paths.

use std::{collections::VecDeque, iter::once};

use super::{
    finding::{Finding, Step, TOLD},
    register::{OperationId, ValueId},
};

/// A step of such a way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathStep {
    /// The operation.
    pub(crate) step: Step,
    /// The value of the register before.
    pub(crate) before: ValueId,
    /// The value afterwards; `None` if the operation contradicts the one before.
    pub(crate) after: Option<ValueId>,
}

/// The shortest ways to go on; each begins with the last step of its order.
pub(super) fn final_paths(finding: &Finding<'_>, due: OperationId) -> Vec<Vec<PathStep>> {
    let due = Step { operation: due, is_due: true };
    let mut found = Vec::new();
    for order in &finding.orders {
        let others = finding.pending(order);
        let start = finding.value_after(order);
        let last =
            order.last().map(|step| PathStep { step: *step, before: start, after: Some(start) });
        let mut ways = VecDeque::from([Vec::from_iter(last)]);
        while let Some(way) = ways.pop_front() {
            let before = way.last().and_then(|last| last.after).unwrap_or(start);
            let others = others.iter().filter(|other| {
                let mut steps = way.iter().map(|taken| taken.step.operation);
                **other != due.operation && steps.all(|taken| taken != **other)
            });
            let others = others.map(|other| Step { operation: *other, is_due: false });
            for step in once(due).chain(others) {
                if found.len() == TOLD {
                    return found;
                }
                let after = finding.register.operation(step.operation).action.apply(before);
                let longer = [&way[..], &[PathStep { step, before, after }]].concat();
                if after.is_none() {
                    found.push(longer);
                } else if ways.len() < TOLD {
                    ways.push_back(longer);
                }
            }
        }
    }
    found
}
