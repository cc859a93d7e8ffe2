//! Refusals (operations that failed with a definite error) and reads of nil, as observations of the
//! register.
//!
//! To Knossos, an operation that failed did not take effect, and says nothing. But a definite error
//! is an answer as well. `key-does-not-exist` says that nothing had been written, and
//! `precondition-failed` says that the value was another one. In a linearizable store that was so
//! at some moment between the request and the answer. Without this check, a node that loses its
//! state in a crash would pass: it refuses every read, so no read returns an old value. Maelstrom
//! also overlooks reads of nil, which it takes for reads whose result is unknown.
//!
//! So a linearizable history is searched again, with refusals and reads of nil as observers. If it
//! has only faults that Maelstrom can inject, Maelstrom's verdict stands, and a contradiction is a
//! warning. An operation that crashed or timed out observed nothing.

use super::{
    SearchLimits,
    counterexample::Counterexample,
    register::{NIL, Register, RegisterAction, RegisterOperation},
    search,
    search_result::{Conclusion, SearchStopped},
    zones,
};

/// The result of checking the refusals and reads of nil of a register that is linearizable without
/// them.
#[derive(Debug, Clone)]
pub enum RefusalCheck<'a> {
    /// A linearization agrees with them.
    Consistent,
    /// No linearization agrees with them.
    Inconsistent(Box<Counterexample<'a>>),
    /// Unknown: the search reached its limits.
    TooCostly(SearchStopped),
}

impl<'a> RefusalCheck<'a> {
    /// Checks the refusals and reads of nil of a linearizable register.
    pub(super) fn of(register: &Register<'a>, limits: SearchLimits) -> RefusalCheck<'a> {
        if register.refusals.is_empty() && !register.operations.iter().any(is_read_of_nil) {
            return RefusalCheck::Consistent;
        }
        let result = search::find(with_observations(register, |_| true), limits);
        match result.conclusion {
            Conclusion::Linearizable => return RefusalCheck::Consistent,
            Conclusion::NotLinearizable => {
                return RefusalCheck::Inconsistent(Counterexample::of(result));
            }
            Conclusion::GaveUp => {}
        }
        // Observations of a missing key are judged fast if all values differ, and are the strongest
        // evidence.
        let absent =
            with_observations(register, |action| !matches!(action, RegisterAction::ReadAnyBut(_)));
        match zones::find(absent) {
            Ok(first) if first.conclusion == Conclusion::NotLinearizable => {
                RefusalCheck::Inconsistent(Counterexample::of(first))
            }
            _ => RefusalCheck::TooCostly(result.stopped(limits)),
        }
    }
}

/// The register with the wanted refusals among its operations, and with reads of nil as reads that
/// observed nil.
fn with_observations<'a>(
    register: &Register<'a>,
    is_wanted: impl Fn(RegisterAction) -> bool,
) -> Register<'a> {
    let mut observed = register.clone();
    for operation in observed.operations.iter_mut().filter(|operation| is_read_of_nil(operation)) {
        operation.action = RegisterAction::Read(Some(NIL));
    }
    let wanted = |refusal: &&RegisterOperation<'a>| is_wanted(refusal.action);
    observed.operations.extend(register.refusals.iter().filter(wanted).copied());
    observed.operations.sort_by_key(|operation| operation.invocation.index);
    observed
}

fn is_read_of_nil(operation: &RegisterOperation<'_>) -> bool {
    operation.action == RegisterAction::Read(None) && !operation.is_indeterminate()
}
