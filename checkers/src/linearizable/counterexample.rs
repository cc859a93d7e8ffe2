//! Counterexamples: the operation that cannot be linearized, and the reasons.
//!
//! A write can always be linearized, so the operation is a read, a compare-and-set or a refusal: it
//! requires a certain value, or any value but one. The explanation therefore names the operation
//! that set the register's actual value, and the reason why no other operation can have set a
//! suitable one.

use super::{
    final_paths::{PathStep, final_paths},
    register::{NIL, OperationId, RegisterAction, ValueId},
    search_result::{LinearizationStep, SearchResult},
};
use crate::history::Op;

/// Maximum number of linearizations that are compared. More yield more values that the register may
/// have had last, which explain less and less.
const MAX_ORDERS_COMPARED: usize = 8;

/// An operation that cannot be linearized, and the reasons.
#[derive(Debug, Clone)]
pub struct Counterexample<'a> {
    /// The search result, with linearizations of all that completed before.
    pub(crate) result: SearchResult<'a>,
    /// The operation that cannot be linearized.
    pub(crate) due: OperationId,
    /// The longest linearization found of the prefix before it.
    pub(crate) linearization: Vec<LinearizationStep>,
    /// The operation that set the register's value at the end of this linearization; `None` if
    /// nothing was written.
    pub(crate) setter: Option<OperationId>,
    /// The register's values at the end of other linearizations, sorted.
    pub(crate) other_values: Vec<ValueId>,
    /// The reason why no operation can have set the required value.
    pub(crate) obstacle: Obstacle,
    /// The operation that overwrote the required value the last time that the register had it.
    pub(crate) overwriter: Option<OperationId>,
    /// The operation that had set it then; `None` if it was the initial value.
    pub(crate) former_setter: Option<OperationId>,
    /// Final paths, as in Knossos.
    pub(crate) final_paths: Vec<Vec<PathStep>>,
}

/// The reason why no operation can have set the required value just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// No operation that sets it had begun.
    NotInvoked,
    /// No operation that sets it was pending.
    NotPending,
    /// Some operations that set it were pending.
    Pending {
        /// The first of them.
        setter: OperationId,
        /// The reason why it cannot be linearized just before.
        exclusion: Exclusion,
        /// The number of other such operations.
        others: usize,
    },
}

/// The reason why a pending operation cannot be linearized just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exclusion {
    /// It requires this value.
    Requires(ValueId),
    /// It came earlier, because this operation observed its value.
    ObservedBy(OperationId),
    /// It came earlier and was overwritten.
    Overwritten,
}

impl<'a> Counterexample<'a> {
    /// Explains why there is no linearization.
    pub(super) fn of(result: SearchResult<'a>) -> Box<Counterexample<'a>> {
        let SearchResult { completions, prefix_len, linearizations, .. } = &result;
        let due = completions[*prefix_len];
        let linearizations = &linearizations[..linearizations.len().min(MAX_ORDERS_COMPARED)];
        // The first of the longest ones.
        let linearization = linearizations.iter().rev().max_by_key(|order| order.len());
        let linearization = linearization.cloned().unwrap_or_default();
        let value = result.value_after(&linearization);
        let mut other_values: Vec<ValueId> =
            linearizations.iter().map(|order| result.value_after(order)).collect();
        other_values.sort_unstable();
        other_values.dedup();
        other_values.retain(|other| *other != value);
        let changes = changes(&result, &linearization);
        let needed = result.register.operation(due).action.required_value();
        let last_time = changes.iter().rposition(|(_, before)| Some(*before) == needed);
        Box::new(Counterexample {
            setter: changes.last().map(|(setter, _)| *setter),
            obstacle: obstacle(&result, &linearization, due),
            overwriter: last_time.map(|place| changes[place].0),
            former_setter: last_time
                .and_then(|place| place.checked_sub(1))
                .map(|before| changes[before].0),
            final_paths: final_paths(&result, due),
            result,
            due,
            linearization,
            other_values,
        })
    }

    /// The completion of the operation that cannot be linearized. The operations that completed
    /// before it can be.
    pub fn completion(&self) -> &'a Op {
        self.result.register.operation(self.due).entry()
    }
}

/// The steps that changed the register, with its value before each.
fn changes(result: &SearchResult<'_>, order: &[LinearizationStep]) -> Vec<(OperationId, ValueId)> {
    let (mut value, mut changes) = (NIL, Vec::new());
    for step in order {
        let set = result.register.operation(step.operation).action.written_value();
        if let Some(set) = set.filter(|set| *set != value) {
            changes.push((step.operation, value));
            value = set;
        }
    }
    changes
}

fn obstacle(result: &SearchResult<'_>, order: &[LinearizationStep], due: OperationId) -> Obstacle {
    let operation = result.register.operation(due);
    let (since, limit) = (operation.invocation.index, operation.entry().index);
    let begun = || {
        (0..).zip(&result.register.operations).filter(|(_, other)| {
            let sets_needed =
                other.action.written_value().is_some_and(|set| operation.action.accepts(set));
            sets_needed && other.invocation.index < limit
        })
    };
    let is_value_needed = operation.action.required_value().is_some_and(|needed| needed != NIL);
    if is_value_needed && begun().next().is_none() {
        return Obstacle::NotInvoked;
    }
    let mut under_way = begun()
        .filter(|(id, other)| *id != due && other.completion.is_none_or(|end| end.index > since))
        .map(|(id, _)| id);
    under_way.next().map_or(Obstacle::NotPending, |setter| Obstacle::Pending {
        setter,
        exclusion: exclusion(result, order, setter),
        others: under_way.count(),
    })
}

fn exclusion(
    result: &SearchResult<'_>,
    order: &[LinearizationStep],
    setter: OperationId,
) -> Exclusion {
    let action = |id: OperationId| result.register.operation(id).action;
    let Some(place) = order.iter().position(|step| step.operation == setter) else {
        return Exclusion::Requires(action(setter).required_value().unwrap_or(NIL));
    };
    let finds = |next: &OperationId| {
        let found =
            |set| !matches!(action(*next), RegisterAction::Write(_)) && action(*next).accepts(set);
        action(setter).written_value().is_some_and(found)
    };
    let next = order.get(place + 1).map(|step| step.operation);
    next.filter(finds).map_or(Exclusion::Overwritten, Exclusion::ObservedBy)
}
