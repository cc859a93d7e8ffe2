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
    finding::{Conclusion, Finding},
    register::{Action, NIL, Operation, Register},
    report::Failure,
};
use crate::{
    edn::Value,
    history::{Kind, Op},
};

/// Why an operation was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The key did not exist: `key-does-not-exist`, Maelstrom's error 20.
    Absent,
    /// A compare-and-set found another value than it expected: `precondition-failed`, error 22.
    Different,
}

/// What refusals and reads of nil say of a history that is linearizable without them.
pub(super) enum Evidence<'a> {
    /// Nothing that contradicts it.
    Consistent,
    /// That there is no order.
    Contradiction(Register<'a>, Finding),
    /// Nobody knows, for a reason that is a clause.
    Unknown(String),
}

/// Why an operation was refused, if its error says so.
pub(super) fn reason(begin: &Op, end: &Op) -> Option<Reason> {
    let error = end.error.as_ref().filter(|_| end.kind == Kind::Fail)?;
    let name = error.as_sequence().map_or(Some(error), |error| error.first())?;
    let Value::Keyword(name) = name else { return None };
    match (&*begin.f, &**name) {
        ("read" | "write" | "cas", "key-does-not-exist") => Some(Reason::Absent),
        ("cas", "precondition-failed") => Some(Reason::Different),
        _ => None,
    }
}

/// What refusals and reads of nil say of a register for whose operations there is an order.
pub(super) fn evidence<'a>(register: &Register<'a>, limits: Limits) -> Evidence<'a> {
    let observed = with_observations(register, |_| true);
    if observed.operations.len() == register.operations.len()
        && register.operations.iter().zip(&observed.operations).all(|(a, b)| a.action == b.action)
    {
        return Evidence::Consistent;
    }
    let finding = Finding::of(&observed, limits);
    match finding.conclusion {
        Conclusion::Order => return Evidence::Consistent,
        Conclusion::NoOrder => return Evidence::Contradiction(observed, finding),
        Conclusion::GaveUp => {}
    }
    // Those that found nothing are told fast where all values differ, and tell most.
    let absent = with_observations(register, |action| !matches!(action, Action::Not(_)));
    match Finding::of_distinct(&absent) {
        Some(first) if first.conclusion == Conclusion::NoOrder => {
            Evidence::Contradiction(absent, first)
        }
        _ => Evidence::Unknown(finding.why_it_gave_up(limits)),
    }
}

/// A warning that evidence goes unpunished, for a history that Maelstrom could have recorded.
pub(super) fn warning(register: &Register<'_>, failure: &Failure) -> String {
    let Failure { op, sentence, .. } = failure;
    let (what, but) = match (op.kind, &*op.f, &op.value) {
        (Kind::Fail, ..) => {
            let but = "takes it for an operation that did not happen and says nothing";
            ("a refusal".to_owned(), but)
        }
        (_, "read", Value::Nil) => ("a read of null".to_owned(), "takes it for unknown"),
        _ => (format!("what {} refused", register.name()), "does not ask why"),
    };
    format!("{what} goes unpunished, for Maelstrom {but}: {sentence}")
}

/// The same register, with refusals that are wanted among its operations, and with reads of nil
/// that found nil.
fn with_observations<'a>(
    register: &Register<'a>,
    is_wanted: impl Fn(Action) -> bool,
) -> Register<'a> {
    let mut observed = register.clone();
    for operation in &mut observed.operations {
        if operation.action == Action::Read(None) && !operation.is_indefinite() {
            operation.action = Action::Read(Some(NIL));
        }
    }
    let wanted = |refusal: &&Operation<'a>| is_wanted(refusal.action);
    observed.operations.extend(register.refusals.iter().filter(wanted).copied());
    observed.operations.sort_by_key(|operation| operation.begin.index);
    observed
}
