//! One key's history as operations on a register, with numbers in place of values.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::layout;
use crate::{
    edn::Value,
    history::{Kind, Op, Process},
};

/// The number of an operation, in the order in which they began.
pub(crate) type OperationId = u32;

/// The number of a value of this register; equal values have equal numbers.
pub(crate) type ValueId = u32;

/// What a register holds before anything is written.
pub(crate) const NIL: ValueId = 0;

/// What an operation does, if it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    /// It finds a value. Upstream takes a read of nil for one whose result is unknown: `None`.
    Read(Option<ValueId>),
    /// It sets a value.
    Write(ValueId),
    /// It finds the first value and sets the second.
    Cas(ValueId, ValueId),
    /// It finds any other value: a compare-and-set that was refused.
    Not(ValueId),
}

impl Action {
    /// The value afterwards; `None` if it cannot happen to a register with this value.
    pub(super) fn apply(self, state: ValueId) -> Option<ValueId> {
        match self {
            Action::Write(to) => Some(to),
            Action::Cas(from, to) => (from == state).then_some(to),
            Action::Read(_) | Action::Not(_) => self.finds(state).then_some(state),
        }
    }

    /// Whether it can happen to a register with this value.
    pub(super) fn finds(self, state: ValueId) -> bool {
        match self {
            Action::Not(value) => value != state,
            _ => self.needs().is_none_or(|value| value == state),
        }
    }

    /// Whether it leaves every value as it is: it only tells something.
    pub(super) fn only_observes(self) -> bool {
        match self {
            Action::Read(_) | Action::Not(_) => true,
            Action::Write(_) => false,
            Action::Cas(from, to) => from == to,
        }
    }

    /// The value it has to find, unless any will do, or any but one.
    pub(crate) fn needs(self) -> Option<ValueId> {
        match self {
            Action::Read(value) => value,
            Action::Write(_) | Action::Not(_) => None,
            Action::Cas(from, _) => Some(from),
        }
    }

    /// The value it sets.
    pub(crate) fn sets(self) -> Option<ValueId> {
        match self {
            Action::Read(_) | Action::Not(_) => None,
            Action::Write(to) | Action::Cas(_, to) => Some(to),
        }
    }
}

/// An operation that happened, or may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    /// What it does.
    pub(crate) action: Action,
    /// Its invocation.
    pub(crate) begin: &'a Op,
    /// Its completion, if that says that it happened, or that it was refused.
    pub(crate) end: Option<&'a Op>,
}

impl<'a> Operation<'a> {
    /// The entry that knows what it did: the completion, or else the invocation.
    pub(crate) fn entry(&self) -> &'a Op {
        self.end.unwrap_or(self.begin)
    }

    /// Whether it may have happened, or never, or may happen yet.
    pub(super) fn is_indefinite(&self) -> bool {
        self.end.is_none()
    }

    /// Whether it happened, and what it found or set is known.
    pub(super) fn tells_something(&self) -> bool {
        self.end.is_some() && self.action != Action::Read(None)
    }

    /// Whether it did not happen, and only observed why it could not.
    pub(crate) fn is_refusal(&self) -> bool {
        self.end.is_some_and(|end| end.kind == Kind::Fail)
    }
}

/// The operations on one register that may have happened, in the order in which they began.
#[derive(Debug, Clone)]
pub(crate) struct Register<'a> {
    /// The key; `None` if there is one register, and no key.
    pub(crate) key: Option<&'a Value>,
    /// Each value, by its number.
    pub(super) values: Vec<&'a Value>,
    /// The operations.
    pub(crate) operations: Vec<Operation<'a>>,
    /// What was refused, and observed why; no part of `operations`, as Maelstrom has it.
    pub(super) refusals: Vec<Operation<'a>>,
}

/// The reason why operations on a register make no sense.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Malformed<'a> {
    /// No register knows the operation that begins here, or none with this argument.
    Unknown(&'a Op, &'a Value),
    /// A process began the first of these and had not ended it when it began the second.
    Overlap(&'a Op, &'a Op),
    /// Nobody began what ended here.
    NeverBegan(&'a Op),
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
        for (begin, end) in pairs {
            if let Some(end) = end.filter(|end| end.kind == Kind::Fail) {
                if let Some(action) = register.refusal(begin, end, &mut numbers) {
                    register.refusals.push(Operation { action, begin, end: Some(end) });
                }
                continue;
            }
            let end = end.filter(|end| end.kind == Kind::Ok);
            let action = register.action(begin, end.unwrap_or(begin), &mut numbers)?;
            register.operations.push(Operation { action, begin, end });
        }
        Ok(register)
    }

    /// The definite operations in the order in which they ended.
    pub(super) fn completions(&self) -> Vec<OperationId> {
        let ended = (0..).zip(&self.operations);
        let ended = ended.filter_map(|(id, operation)| Some((operation.end?.index, id)));
        let mut ended: Vec<(usize, OperationId)> = ended.collect();
        ended.sort_unstable();
        ended.into_iter().map(|(_, id)| id).collect()
    }

    /// The operation of this number.
    pub(crate) fn operation(&self, number: OperationId) -> &Operation<'a> {
        &self.operations[number as usize]
    }

    /// What an operation was asked or answered, without the key.
    pub(crate) fn argument<'b>(&self, op: &'b Op) -> &'b Value {
        match self.key {
            Some(_) => layout::key_and_argument(&op.value).map_or(&Value::Nil, |pair| pair.1),
            None => &op.value,
        }
    }

    /// The value of this number.
    pub(crate) fn value(&self, number: ValueId) -> &'a Value {
        self.values[number as usize]
    }

    fn action(
        &mut self,
        begin: &'a Op,
        known: &'a Op,
        numbers: &mut Numbers<'a>,
    ) -> Result<Action, Malformed<'a>> {
        let argument = self.argument(known);
        match (begin.f.as_ref(), argument) {
            ("read", Value::Nil) => Ok(Action::Read(None)),
            ("read", value) => Ok(Action::Read(Some(self.number(value, numbers)))),
            ("write", value) => Ok(Action::Write(self.number(value, numbers))),
            ("cas", Value::List(pair) | Value::Vector(pair)) => {
                // Clojure binds the first two, and nil to what is missing.
                let mut at = |place| self.number(pair.get(place).unwrap_or(&Value::Nil), numbers);
                Ok(Action::Cas(at(0), at(1)))
            }
            _ => Err(Malformed::Unknown(begin, argument)),
        }
    }

    /// The observation of an operation that was refused, if its error tells one: the key did not
    /// exist (Maelstrom's error 20), or a compare-and-set found another value (error 22).
    fn refusal(&mut self, begin: &'a Op, end: &'a Op, numbers: &mut Numbers<'a>) -> Option<Action> {
        let error = end.error.as_ref()?;
        let name = error.as_sequence().map_or(Some(error), |error| error.first())?;
        let Value::Keyword(name) = name else { return None };
        match (&*begin.f, &**name, self.argument(begin).as_sequence()) {
            ("read" | "write" | "cas", "key-does-not-exist", _) => Some(Action::Read(Some(NIL))),
            ("cas", "precondition-failed", Some([from, _])) => {
                Some(Action::Not(self.number(from, numbers)))
            }
            _ => None,
        }
    }

    fn number(&mut self, value: &'a Value, numbers: &mut Numbers<'a>) -> ValueId {
        *numbers.entry(value).or_insert_with(|| {
            self.values.push(value);
            ValueId::try_from(self.values.len() - 1).expect("a history of 2^32 values")
        })
    }
}

/// The number of each value.
type Numbers<'a> = FxHashMap<&'a Value, ValueId>;

type Pair<'a> = (&'a Op, Option<&'a Op>);

/// Each invocation with its completion. As upstream has it, a process whose operation has no known
/// end begins no other.
fn pairs<'a>(ops: &[&'a Op]) -> Result<Vec<Pair<'a>>, Malformed<'a>> {
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    let mut open: BTreeMap<Process, usize> = BTreeMap::new();
    for op in ops {
        match (op.kind, open.get(&op.process)) {
            (Kind::Invoke, None) => {
                open.insert(op.process, pairs.len());
                pairs.push((op, None));
            }
            (Kind::Invoke, Some(at)) => {
                return Err(Malformed::Overlap(pairs[*at].0, op));
            }
            (Kind::Ok | Kind::Fail, Some(at)) => {
                pairs[*at].1 = Some(op);
                open.remove(&op.process);
            }
            (Kind::Ok | Kind::Fail, None) => return Err(Malformed::NeverBegan(op)),
            (Kind::Info, _) => {}
        }
    }
    Ok(pairs)
}
