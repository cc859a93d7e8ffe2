//! One key's history as operations on a register, with numbers in place of values.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{layout, refusals};
use crate::{
    edn::Value,
    history::{Kind, Op, Process},
};

/// The number of an operation, in the order in which they began.
pub(super) type OperationId = u32;

/// The number of a value of this register; equal values have equal numbers.
pub(super) type ValueId = u32;

/// What a register holds before anything is written.
pub(super) const NIL: ValueId = 0;

/// What an operation does, if it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
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
    pub(super) fn needs(self) -> Option<ValueId> {
        match self {
            Action::Read(value) => value,
            Action::Write(_) | Action::Not(_) => None,
            Action::Cas(from, _) => Some(from),
        }
    }

    /// The value it sets.
    pub(super) fn sets(self) -> Option<ValueId> {
        match self {
            Action::Read(_) | Action::Not(_) => None,
            Action::Write(to) | Action::Cas(_, to) => Some(to),
        }
    }
}

/// An operation that happened, or may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    /// What it does.
    pub(super) action: Action,
    /// Its invocation.
    pub(super) begin: &'a Op,
    /// Its completion, if that says that it happened, or that it was refused.
    pub(super) end: Option<&'a Op>,
}

impl<'a> Operation<'a> {
    /// The entry that knows what it did: the completion, or else the invocation.
    pub(super) fn entry(&self) -> &'a Op {
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
    pub(super) fn is_refusal(&self) -> bool {
        self.end.is_some_and(|end| end.kind == Kind::Fail)
    }
}

/// The operations on one register that may have happened, in the order in which they began.
#[derive(Debug, Clone)]
pub(super) struct Register<'a> {
    /// The key; `None` if there is one register, and no key.
    pub(super) key: Option<&'a Value>,
    /// Each value, by its number.
    pub(super) values: Vec<Value>,
    /// The operations.
    pub(super) operations: Vec<Operation<'a>>,
    /// What was refused, and observed why; no part of `operations`, as Maelstrom has it.
    pub(super) refusals: Vec<Operation<'a>>,
}

impl<'a> Register<'a> {
    /// Reads the operations on a register, or says why they make no sense.
    pub(super) fn of(key: Option<&'a Value>, ops: &[&'a Op]) -> Result<Register<'a>, String> {
        let pairs = pairs(ops)?;
        let mut register = Register {
            key,
            values: vec![Value::Nil],
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

    /// What sentences call it: `key 0`.
    pub(super) fn name(&self) -> String {
        name(self.key)
    }

    /// What an operation was asked or answered, without the key.
    pub(super) fn argument<'b>(&self, op: &'b Op) -> &'b Value {
        match self.key {
            Some(_) => layout::key_and_argument(&op.value).map_or(&Value::Nil, |pair| pair.1),
            None => &op.value,
        }
    }

    /// The value of this number.
    pub(super) fn value(&self, number: ValueId) -> &Value {
        &self.values[number as usize]
    }

    fn action(
        &mut self,
        begin: &'a Op,
        known: &'a Op,
        numbers: &mut Numbers<'a>,
    ) -> Result<Action, String> {
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
            (f, argument) => {
                let index = begin.index;
                let argument = argument.json();
                Err(format!("a register knows no `{f}` of {argument}, as at index {index}"))
            }
        }
    }

    /// What an operation observed that was refused, if it is a register's and said why.
    fn refusal(&mut self, begin: &'a Op, end: &'a Op, numbers: &mut Numbers<'a>) -> Option<Action> {
        match (refusals::reason(begin, end)?, self.argument(begin).as_sequence()) {
            (refusals::Reason::Absent, _) => Some(Action::Read(Some(NIL))),
            (refusals::Reason::Different, Some([from, _])) => {
                Some(Action::Not(self.number(from, numbers)))
            }
            (refusals::Reason::Different, _) => None,
        }
    }

    fn number(&mut self, value: &'a Value, numbers: &mut Numbers<'a>) -> ValueId {
        *numbers.entry(value).or_insert_with(|| {
            self.values.push(value.clone());
            ValueId::try_from(self.values.len() - 1).expect("a history of 2^32 values")
        })
    }
}

/// What sentences call a register.
pub(super) fn name(key: Option<&Value>) -> String {
    key.map_or_else(|| "the register".to_owned(), |key| format!("key {}", key.json()))
}

/// The number of each value.
type Numbers<'a> = FxHashMap<&'a Value, ValueId>;

type Pair<'a> = (&'a Op, Option<&'a Op>);

/// Each invocation with its completion. As upstream has it, a process whose operation has no known
/// end begins no other.
fn pairs<'a>(ops: &[&'a Op]) -> Result<Vec<Pair<'a>>, String> {
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    let mut open: BTreeMap<Process, usize> = BTreeMap::new();
    for op in ops {
        let (process, index) = (op.process, op.index);
        match (op.kind, open.get(&process)) {
            (Kind::Invoke, None) => {
                open.insert(process, pairs.len());
                pairs.push((op, None));
            }
            (Kind::Invoke, Some(at)) => {
                let first = pairs[*at].0.index;
                return Err(format!(
                    "process {process} begins an operation at index {index}, \
                     and the one from index {first} has not ended"
                ));
            }
            (Kind::Ok | Kind::Fail, Some(at)) => {
                pairs[*at].1 = Some(op);
                open.remove(&process);
            }
            (Kind::Ok | Kind::Fail, None) => {
                return Err(format!("what process {process} ends at index {index} never began"));
            }
            (Kind::Info, _) => {}
        }
    }
    Ok(pairs)
}
