//! One key's history as operations on a register, with numbers in place of values.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::{
    edn::Value,
    history::{Kind, Op, Process},
};

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
}

impl Action {
    /// The value afterwards; `None` if it cannot happen to a register with this value.
    pub(super) fn apply(self, state: ValueId) -> Option<ValueId> {
        match self {
            Action::Write(to) => Some(to),
            Action::Cas(from, to) => (from == state).then_some(to),
            Action::Read(value) => value.is_none_or(|value| value == state).then_some(state),
        }
    }

    /// Whether it leaves every value as it is: it only tells something.
    pub(super) fn only_observes(self) -> bool {
        match self {
            Action::Read(_) => true,
            Action::Write(_) => false,
            Action::Cas(from, to) => from == to,
        }
    }

    /// The value it has to find, unless any will do.
    pub(super) fn needs(self) -> Option<ValueId> {
        match self {
            Action::Read(value) => value,
            Action::Write(_) => None,
            Action::Cas(from, _) => Some(from),
        }
    }

    /// The value it sets.
    pub(super) fn sets(self) -> Option<ValueId> {
        match self {
            Action::Read(_) => None,
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
    /// Its completion, if that says that it happened.
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
}

/// The operations on one key that may have happened, in the order in which they began.
#[derive(Debug, Clone)]
pub(super) struct Register<'a> {
    /// The key.
    pub(super) key: &'a Value,
    /// Each value, by its number.
    pub(super) values: Vec<Value>,
    /// The operations.
    pub(super) operations: Vec<Operation<'a>>,
}

/// The operations of clients by key, and those that name none.
pub(super) fn by_key<'a>(
    ops: impl Iterator<Item = &'a Op>,
) -> (BTreeMap<&'a Value, Vec<&'a Op>>, Vec<&'a Op>) {
    let (mut keys, mut without_key) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
    for op in ops {
        match op.value.as_sequence() {
            Some([key, _]) => keys.entry(key).or_default().push(op),
            _ => without_key.push(op),
        }
    }
    (keys, without_key)
}

impl<'a> Register<'a> {
    /// Reads the operations on a key, or says why they make no sense.
    pub(super) fn of(key: &'a Value, ops: &[&'a Op]) -> Result<Register<'a>, String> {
        let mut register =
            Register { key, values: vec![Value::Nil], operations: Vec::with_capacity(ops.len()) };
        let mut numbers = FxHashMap::from_iter([(&Value::Nil, NIL)]);
        for (begin, end) in pairs(ops)? {
            if end.is_some_and(|end| end.kind == Kind::Fail) {
                continue;
            }
            let end = end.filter(|end| end.kind == Kind::Ok);
            let action = register.action(begin, end.unwrap_or(begin), &mut numbers)?;
            register.operations.push(Operation { action, begin, end });
        }
        Ok(register)
    }

    /// The same operations, with reads of nil that found nil.
    pub(super) fn with_nil_as_value(&self) -> Register<'a> {
        let mut register = self.clone();
        for operation in &mut register.operations {
            if operation.action == Action::Read(None) {
                operation.action = Action::Read(Some(NIL));
            }
        }
        register
    }

    /// The value of this number.
    pub(super) fn value(&self, number: ValueId) -> &Value {
        &self.values[number as usize]
    }

    fn action(
        &mut self,
        begin: &'a Op,
        known: &'a Op,
        numbers: &mut FxHashMap<&'a Value, ValueId>,
    ) -> Result<Action, String> {
        let mut number = |value: &'a Value| {
            *numbers.entry(value).or_insert_with(|| {
                self.values.push(value.clone());
                ValueId::try_from(self.values.len() - 1).expect("a history of 2^32 values")
            })
        };
        let argument = known.value.as_sequence().and_then(|pair| pair.get(1));
        let argument = argument.unwrap_or(&Value::Nil);
        match (begin.f.as_ref(), argument) {
            ("read", Value::Nil) => Ok(Action::Read(None)),
            ("read", value) => Ok(Action::Read(Some(number(value)))),
            ("write", value) => Ok(Action::Write(number(value))),
            ("cas", Value::List(pair) | Value::Vector(pair)) => {
                // Clojure binds the first two, and nil to what is missing.
                let mut at = |place| number(pair.get(place).unwrap_or(&Value::Nil));
                Ok(Action::Cas(at(0), at(1)))
            }
            (f, argument) => {
                let index = begin.index;
                Err(format!("a register knows no `{f}` of {argument}, as at index {index}"))
            }
        }
    }
}

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
