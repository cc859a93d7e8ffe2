//! A key's history as operations on a register, with numbers in place of values.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::ops_by_key;
use crate::{
    edn::Value,
    history::{Kind, Op, Process},
};

/// The index of an operation, in the order of invocations.
pub(crate) type OperationId = u32;

/// The index of a value of this register; equal values have equal indices.
pub(crate) type ValueId = u32;

/// The register's initial value.
pub(crate) const NIL: ValueId = 0;

/// The read or the write that an operation performs when it takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RegisterAction {
    /// Observes a value. `None` is a read of nil, whose result upstream takes for unknown.
    Read(Option<ValueId>),
    /// Writes a value.
    Write(ValueId),
    /// Observes the first value and writes the second.
    Cas(ValueId, ValueId),
    /// Observes any value but this one: a compare-and-set that was refused.
    ReadAnyBut(ValueId),
}

impl RegisterAction {
    /// The value afterwards; `None` if the action is impossible at this value.
    pub(super) fn apply(self, state: ValueId) -> Option<ValueId> {
        match self {
            RegisterAction::Write(to) => Some(to),
            RegisterAction::Cas(from, to) => (from == state).then_some(to),
            RegisterAction::Read(_) | RegisterAction::ReadAnyBut(_) => {
                self.accepts(state).then_some(state)
            }
        }
    }

    /// True if the action is possible at this value.
    pub(super) fn accepts(self, state: ValueId) -> bool {
        match self {
            RegisterAction::ReadAnyBut(value) => value != state,
            _ => self.required_value().is_none_or(|value| value == state),
        }
    }

    /// True if it changes no value.
    pub(super) fn is_read_only(self) -> bool {
        match self {
            RegisterAction::Read(_) | RegisterAction::ReadAnyBut(_) => true,
            RegisterAction::Write(_) => false,
            RegisterAction::Cas(from, to) => from == to,
        }
    }

    /// The only value at which it is possible; `None` if there are several.
    pub(crate) fn required_value(self) -> Option<ValueId> {
        match self {
            RegisterAction::Read(value) => value,
            RegisterAction::Write(_) | RegisterAction::ReadAnyBut(_) => None,
            RegisterAction::Cas(from, _) => Some(from),
        }
    }

    /// The value that it writes.
    pub(crate) fn written_value(self) -> Option<ValueId> {
        match self {
            RegisterAction::Read(_) | RegisterAction::ReadAnyBut(_) => None,
            RegisterAction::Write(to) | RegisterAction::Cas(_, to) => Some(to),
        }
    }
}

/// An operation that took effect, or may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegisterOperation<'a> {
    /// Its effect.
    pub(crate) action: RegisterAction,
    /// Its invocation.
    pub(crate) invocation: &'a Op,
    /// Its completion, if that is `ok` or a refusal; `None` if it is indeterminate.
    pub(crate) completion: Option<&'a Op>,
}

impl<'a> RegisterOperation<'a> {
    /// The entry with its result: the completion, or else the invocation.
    pub(crate) fn entry(&self) -> &'a Op {
        self.completion.unwrap_or(self.invocation)
    }

    /// True if it may have taken effect, may do so later, or may never do so.
    pub(super) fn is_indeterminate(&self) -> bool {
        self.completion.is_none()
    }

    /// True if it took effect with a known value.
    pub(super) fn is_evidence(&self) -> bool {
        self.completion.is_some() && self.action != RegisterAction::Read(None)
    }

    /// True if it failed, and observed the reason.
    pub(crate) fn is_refusal(&self) -> bool {
        self.completion.is_some_and(|end| end.kind == Kind::Fail)
    }
}

/// The operations on one register that may have taken effect, in the order of their invocations.
#[derive(Debug, Clone)]
pub(crate) struct Register<'a> {
    /// The key; `None` if there is one register, and no key.
    pub(crate) key: Option<&'a Value>,
    /// The values by [`ValueId`].
    pub(super) values: Vec<&'a Value>,
    pub(crate) operations: Vec<RegisterOperation<'a>>,
    /// Refusals that observed the register. They are not part of `operations`, as in Maelstrom.
    pub(super) refusals: Vec<RegisterOperation<'a>>,
}

/// The reason why a register's history is malformed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Malformed<'a> {
    /// A register has no operation of this function, or with this argument.
    UnknownOperation(&'a Op, &'a Value),
    /// A process invoked the second operation before the first one completed.
    OverlappingInvocations(&'a Op, &'a Op),
    /// A completion without an invocation.
    NeverInvoked(&'a Op),
}

impl<'a> Register<'a> {
    /// Reads the operations on a register.
    pub(super) fn of(
        key: Option<&'a Value>,
        ops: &[&'a Op],
    ) -> Result<Register<'a>, Malformed<'a>> {
        let pairs = pairs(ops)?;
        let mut register = Register {
            key,
            values: vec![&Value::Nil],
            operations: Vec::with_capacity(pairs.len()),
            refusals: Vec::new(),
        };
        let mut numbers = FxHashMap::from_iter([(&Value::Nil, NIL)]);
        for (invocation, completion) in pairs {
            if let Some(completion) = completion.filter(|end| end.kind == Kind::Fail) {
                if let Some(action) = register.refusal(invocation, completion, &mut numbers) {
                    register.refusals.push(RegisterOperation {
                        action,
                        invocation,
                        completion: Some(completion),
                    });
                }
                continue;
            }
            let completion = completion.filter(|end| end.kind == Kind::Ok);
            let action =
                register.action(invocation, completion.unwrap_or(invocation), &mut numbers)?;
            register.operations.push(RegisterOperation { action, invocation, completion });
        }
        Ok(register)
    }

    /// The determinate operations in the order of their completions.
    pub(super) fn completions(&self) -> Vec<OperationId> {
        let ended = (0..).zip(&self.operations);
        let ended = ended.filter_map(|(id, operation)| Some((operation.completion?.index, id)));
        let mut ended: Vec<(usize, OperationId)> = ended.collect();
        ended.sort_unstable();
        ended.into_iter().map(|(_, id)| id).collect()
    }

    /// The operation of this index.
    pub(crate) fn operation(&self, number: OperationId) -> &RegisterOperation<'a> {
        &self.operations[number as usize]
    }

    /// The argument or the result of an entry, without the key.
    pub(crate) fn argument<'b>(&self, op: &'b Op) -> &'b Value {
        match self.key {
            Some(_) => ops_by_key::key_and_argument(&op.value).map_or(&Value::Nil, |pair| pair.1),
            None => &op.value,
        }
    }

    /// The value of this index.
    pub(crate) fn value(&self, number: ValueId) -> &'a Value {
        self.values[number as usize]
    }

    fn action(
        &mut self,
        invocation: &'a Op,
        entry: &'a Op,
        numbers: &mut ValueIds<'a>,
    ) -> Result<RegisterAction, Malformed<'a>> {
        let argument = self.argument(entry);
        match (invocation.f.as_ref(), argument) {
            ("read", Value::Nil) => Ok(RegisterAction::Read(None)),
            ("read", value) => Ok(RegisterAction::Read(Some(self.intern(value, numbers)))),
            ("write", value) => Ok(RegisterAction::Write(self.intern(value, numbers))),
            ("cas", Value::List(pair) | Value::Vector(pair)) => {
                // Clojure's destructuring takes the first two elements, and nil for missing ones.
                let mut at = |place| self.intern(pair.get(place).unwrap_or(&Value::Nil), numbers);
                Ok(RegisterAction::Cas(at(0), at(1)))
            }
            _ => Err(Malformed::UnknownOperation(invocation, argument)),
        }
    }

    /// The observation of a refusal, if its error implies one: the key did not exist (Maelstrom's
    /// error 20), or a compare-and-set found another value (error 22).
    fn refusal(
        &mut self,
        invocation: &'a Op,
        completion: &'a Op,
        numbers: &mut ValueIds<'a>,
    ) -> Option<RegisterAction> {
        let error = completion.error.as_ref()?;
        let name = error.as_sequence().map_or(Some(error), |error| error.first())?;
        let Value::Keyword(name) = name else { return None };
        match (&*invocation.f, &**name, self.argument(invocation).as_sequence()) {
            ("read" | "write" | "cas", "key-does-not-exist", _) => {
                Some(RegisterAction::Read(Some(NIL)))
            }
            ("cas", "precondition-failed", Some([from, _])) => {
                Some(RegisterAction::ReadAnyBut(self.intern(from, numbers)))
            }
            _ => None,
        }
    }

    fn intern(&mut self, value: &'a Value, numbers: &mut ValueIds<'a>) -> ValueId {
        *numbers.entry(value).or_insert_with(|| {
            self.values.push(value);
            ValueId::try_from(self.values.len() - 1).expect("a history of 2^32 values")
        })
    }
}

/// The index of each value.
type ValueIds<'a> = FxHashMap<&'a Value, ValueId>;

type OpPair<'a> = (&'a Op, Option<&'a Op>);

/// Pairs each invocation with its completion. As in Knossos, a process with an indeterminate
/// operation invokes no other.
fn pairs<'a>(ops: &[&'a Op]) -> Result<Vec<OpPair<'a>>, Malformed<'a>> {
    let mut pairs: Vec<OpPair<'a>> = Vec::new();
    let mut pending: BTreeMap<Process, usize> = BTreeMap::new();
    for op in ops {
        match (op.kind, pending.get(&op.process)) {
            (Kind::Invoke, None) => {
                pending.insert(op.process, pairs.len());
                pairs.push((op, None));
            }
            (Kind::Invoke, Some(at)) => {
                return Err(Malformed::OverlappingInvocations(pairs[*at].0, op));
            }
            (Kind::Ok | Kind::Fail, Some(at)) => {
                pairs[*at].1 = Some(op);
                pending.remove(&op.process);
            }
            (Kind::Ok | Kind::Fail, None) => return Err(Malformed::NeverInvoked(op)),
            (Kind::Info, _) => {}
        }
    }
    Ok(pairs)
}
