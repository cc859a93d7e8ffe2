//! Refused operations and reads of nil as observations of the register.
//!
//! To Knossos an operation that failed did not happen, and says nothing. But a definite error is an
//! answer as well: `key-does-not-exist` says that nothing had been written, `precondition-failed`
//! says that the value was another one, and in a linearizable store that was so at some moment
//! between the request and the answer. A node that forgets all it knew when it dies would pass
//! otherwise: nobody reads an old value from it, for it refuses every read. Maelstrom overlooks
//! reads of nil likewise, which it takes for reads whose result is unknown.
//!
//! So a history for which there is an order is searched again, with refusals and reads of nil as
//! observers. Where only faults struck that Maelstrom has, its verdict stands, and what contradicts
//! it is a warning. What crashed or had no answer in time observed nothing.

use super::{
    Limits,
    failure::Failure,
    finding::{Conclusion, GaveUp},
    register::{Action, NIL, Operation, Register},
    search, zones,
};

/// The evidence of refusals and reads of nil on a history that is linearizable without them.
#[derive(Debug, Clone)]
pub enum Refusals<'a> {
    /// Nothing that contradicts it.
    Consistent,
    /// That there is no order.
    Contradict(Box<Failure<'a>>),
    /// Nobody knows what: to find out would cost too much.
    TooCostly(GaveUp),
}

impl<'a> Refusals<'a> {
    /// Judges a register, for whose operations there is an order, by what it refused.
    pub(super) fn of(register: &Register<'a>, limits: Limits) -> Refusals<'a> {
        if register.refusals.is_empty() && !register.operations.iter().any(is_read_of_nil) {
            return Refusals::Consistent;
        }
        let finding = search::finding(with_observations(register, |_| true), limits);
        match finding.conclusion {
            Conclusion::Order => return Refusals::Consistent,
            Conclusion::NoOrder => return Refusals::Contradict(Failure::of(finding)),
            Conclusion::GaveUp => {}
        }
        // Those that found nothing are told fast where all values differ, and tell most.
        let absent = with_observations(register, |action| !matches!(action, Action::Not(_)));
        match zones::finding(absent) {
            Ok(first) if first.conclusion == Conclusion::NoOrder => {
                Refusals::Contradict(Failure::of(first))
            }
            _ => Refusals::TooCostly(finding.gave_up(limits)),
        }
    }
}

/// The same register, with refusals that are wanted among its operations, and with reads of nil
/// that found nil.
fn with_observations<'a>(
    register: &Register<'a>,
    is_wanted: impl Fn(Action) -> bool,
) -> Register<'a> {
    let mut observed = register.clone();
    for operation in observed.operations.iter_mut().filter(|operation| is_read_of_nil(operation)) {
        operation.action = Action::Read(Some(NIL));
    }
    let wanted = |refusal: &&Operation<'a>| is_wanted(refusal.action);
    observed.operations.extend(register.refusals.iter().filter(wanted).copied());
    observed.operations.sort_by_key(|operation| operation.begin.index);
    observed
}

fn is_read_of_nil(operation: &Operation<'_>) -> bool {
    operation.action == Action::Read(None) && !operation.is_indefinite()
}
