//! The reasons why an operation fits nowhere.
//!
//! A write fits everywhere, so such an operation had to find a certain value, or any other one. The
//! question is always who set the value that was there, and why nobody can have set another one.

use super::{
    final_paths::{PathStep, final_paths},
    finding::{Finding, Step},
    register::{Action, NIL, OperationId, ValueId},
};
use crate::history::Op;

/// The most orders that are compared. More find more values that the register may have had at last,
/// which say less and less.
const MOST_ORDERS: usize = 8;

/// An operation that fits nowhere, and why.
#[derive(Debug, Clone)]
pub struct Failure<'a> {
    /// The operations, with orders of all that ended before.
    pub(crate) finding: Finding<'a>,
    /// The operation that fits nowhere.
    pub(crate) due: OperationId,
    /// The longest order found of what came before.
    pub(crate) order: Vec<Step>,
    /// The operation that gave the register the value that it has at the end of this order; `None`
    /// if nothing was written.
    pub(crate) setter: Option<OperationId>,
    /// The values that it has at the end of other orders, sorted.
    pub(crate) other_values: Vec<ValueId>,
    /// The obstacle to every operation that could have set the needed value.
    pub(crate) obstacle: Obstacle,
    /// The operation that overwrote what was needed, when the register had that for the last time.
    pub(crate) overwriter: Option<OperationId>,
    /// The operation that had set it then, unless it was there in the beginning.
    pub(crate) former_setter: Option<OperationId>,
    /// Knossos' final paths.
    pub(crate) final_paths: Vec<Vec<PathStep>>,
}

/// The reason why no operation can have set what was needed just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// No operation that sets it had begun.
    NotBegun,
    /// No operation that sets it was under way.
    NotUnderWay,
    /// There were some under way.
    UnderWay {
        /// The first of them.
        setter: OperationId,
        /// The reason why it cannot have happened just before.
        why_not: WhyNot,
        /// The number of further ones.
        others: usize,
    },
}

/// The reason why an operation under way cannot have happened just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhyNot {
    /// It would have had to find this value.
    Needs(ValueId),
    /// It came earlier, for this operation found what it had set.
    FoundBy(OperationId),
    /// It came earlier and was overwritten.
    Overwritten,
}

impl<'a> Failure<'a> {
    /// Explains why there is no order.
    pub(super) fn of(finding: Finding<'a>) -> Box<Failure<'a>> {
        let Finding { completions, furthest, orders, .. } = &finding;
        let due = completions[*furthest];
        let orders = &orders[..orders.len().min(MOST_ORDERS)];
        // Of the longest ones, the first.
        let order = orders.iter().rev().max_by_key(|order| order.len());
        let order = order.cloned().unwrap_or_default();
        let value = finding.value_after(&order);
        let mut other_values: Vec<ValueId> =
            orders.iter().map(|order| finding.value_after(order)).collect();
        other_values.sort_unstable();
        other_values.dedup();
        other_values.retain(|other| *other != value);
        let changes = changes(&finding, &order);
        let needed = finding.register.operation(due).action.needs();
        let last_time = changes.iter().rposition(|(_, before)| Some(*before) == needed);
        Box::new(Failure {
            setter: changes.last().map(|(setter, _)| *setter),
            obstacle: obstacle(&finding, &order, due),
            overwriter: last_time.map(|place| changes[place].0),
            former_setter: last_time
                .and_then(|place| place.checked_sub(1))
                .map(|before| changes[before].0),
            final_paths: final_paths(&finding, due),
            finding,
            due,
            order,
            other_values,
        })
    }

    /// The completion of the operation that fits nowhere, while there is an order of all that
    /// ended before.
    pub fn completion(&self) -> &'a Op {
        self.finding.register.operation(self.due).entry()
    }
}

/// The steps that changed the register, and its value before each.
fn changes(finding: &Finding<'_>, order: &[Step]) -> Vec<(OperationId, ValueId)> {
    let (mut value, mut changes) = (NIL, Vec::new());
    for step in order {
        let set = finding.register.operation(step.operation).action.sets();
        if let Some(set) = set.filter(|set| *set != value) {
            changes.push((step.operation, value));
            value = set;
        }
    }
    changes
}

fn obstacle(finding: &Finding<'_>, order: &[Step], due: OperationId) -> Obstacle {
    let operation = finding.register.operation(due);
    let (since, limit) = (operation.begin.index, operation.entry().index);
    let begun = || {
        (0..).zip(&finding.register.operations).filter(|(_, other)| {
            let sets_needed = other.action.sets().is_some_and(|set| operation.action.finds(set));
            sets_needed && other.begin.index < limit
        })
    };
    let is_value_needed = operation.action.needs().is_some_and(|needed| needed != NIL);
    if is_value_needed && begun().next().is_none() {
        return Obstacle::NotBegun;
    }
    let mut under_way = begun()
        .filter(|(id, other)| *id != due && other.end.is_none_or(|end| end.index > since))
        .map(|(id, _)| id);
    under_way.next().map_or(Obstacle::NotUnderWay, |setter| Obstacle::UnderWay {
        setter,
        why_not: why_not(finding, order, setter),
        others: under_way.count(),
    })
}

fn why_not(finding: &Finding<'_>, order: &[Step], setter: OperationId) -> WhyNot {
    let action = |id: OperationId| finding.register.operation(id).action;
    let Some(place) = order.iter().position(|step| step.operation == setter) else {
        return WhyNot::Needs(action(setter).needs().unwrap_or(NIL));
    };
    let finds = |next: &OperationId| {
        let found = |set| !matches!(action(*next), Action::Write(_)) && action(*next).finds(set);
        action(setter).sets().is_some_and(found)
    };
    let next = order.get(place + 1).map(|step| step.operation);
    next.filter(finds).map_or(WhyNot::Overwritten, WhyNot::FoundBy)
}
