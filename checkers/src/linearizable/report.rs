//! Where orders end, as Knossos reports it.

use super::{
    explain,
    finding::{Finding, Step},
    register::{Action, OperationId, Register, ValueId},
};
use crate::{
    Contradiction,
    edn::{Map, Value},
    history::Op,
};

/// How many configurations and how many paths are told; upstream's number.
pub(super) const TOLD: usize = 10;

/// How the register can be after some of the operations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Configuration {
    value: Value,
    last_op: Option<Op>,
    pending: Vec<Op>,
}

/// Why there is no order.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The completion of the operation that fits nowhere, while there is an order of all that ended
    /// before; its value is without the key.
    pub op: Op,
    /// The completion before it.
    pub previous_ok: Option<Op>,
    /// Why it fits nowhere.
    pub sentence: String,
    /// The same for a person, with the operations before it.
    pub explanation: Vec<String>,
    /// What fits nowhere, and what leaves it no room.
    pub contradiction: Contradiction,
    last_op: Option<Op>,
    final_paths: Vec<Value>,
}

/// How the register is where orders end.
pub(super) fn configurations(register: &Register<'_>, finding: &Finding) -> Vec<Configuration> {
    let configuration = |path: &Vec<Step>| {
        let last = path.last();
        Configuration {
            value: register.value(value_after(register, path)).clone(),
            last_op: last.map(|step| render(register, *step)),
            pending: pending(register, finding, path)
                .into_iter()
                .map(|operation| render(register, Step { operation, is_due: false }))
                .collect(),
        }
    };
    finding.orders.iter().take(TOLD).map(configuration).collect()
}

impl Failure {
    /// What is to be told if there is no order, because `due` fits nowhere.
    pub(super) fn of(register: &Register<'_>, finding: &Finding, due: OperationId) -> Failure {
        let completion = |operation| render(register, Step { operation, is_due: true });
        let configurations = configurations(register, finding);
        let last_ops = configurations.into_iter().filter_map(|state| state.last_op);
        let (sentence, explanation, contradiction) = explain::failure(register, finding, due);
        let previous = finding.furthest.checked_sub(1).map(|level| finding.completions[level]);
        Failure {
            op: completion(due),
            previous_ok: previous.map(completion),
            last_op: last_ops.max_by_key(|op| op.index),
            final_paths: final_paths(register, finding, due),
            sentence,
            explanation,
            contradiction,
        }
    }

    /// Adds upstream's keys.
    pub(super) fn write_edn(&self, map: Map) -> Map {
        let op = |op: &Option<Op>| op.as_ref().map_or(Value::Nil, to_edn);
        map.with("final-paths", Value::List(self.final_paths.clone()))
            .with("previous-ok", op(&self.previous_ok))
            .with("last-op", op(&self.last_op))
            .with("op", to_edn(&self.op))
    }
}

impl Configuration {
    pub(super) fn to_edn(&self) -> Value {
        Map::new()
            .with("model", model(&self.value))
            .with("last-op", self.last_op.as_ref().map_or(Value::Nil, to_edn))
            .with("pending", self.pending.iter().map(to_edn).collect::<Vec<_>>())
            .into()
    }
}

/// What the register holds after these steps.
pub(super) fn value_after(register: &Register<'_>, path: &[Step]) -> ValueId {
    let set = path.iter().rev().find_map(|step| action(register, step.operation).sets());
    set.unwrap_or_default()
}

/// What had begun where an order ends, and has neither ended nor happened, by process.
pub(super) fn pending(
    register: &Register<'_>,
    finding: &Finding,
    path: &[Step],
) -> Vec<OperationId> {
    let mut happened = vec![false; register.operations.len()];
    for step in path {
        happened[step.operation as usize] = true;
    }
    let end = finding.due().and_then(|due| register.operations[due as usize].end);
    let end = end.map_or(usize::MAX, |end| end.index);
    let had_begun = (0..)
        .zip(&register.operations)
        .filter(|(id, operation)| operation.begin.index < end && !happened[*id as usize]);
    let mut pending: Vec<OperationId> = had_begun.map(|(id, _)| id).collect();
    pending.sort_by_key(|id| register.operations[*id as usize].begin.process);
    pending
}

/// Ways to go on from the last configurations, each up to the operation that contradicts it: the
/// shortest ones.
fn final_paths(register: &Register<'_>, finding: &Finding, due: OperationId) -> Vec<Value> {
    let due = Step { operation: due, is_due: true };
    let mut found = Vec::new();
    for before in &finding.orders {
        let others = pending(register, finding, before);
        let start = value_after(register, before);
        let beginning: Vec<Step> = before.last().copied().into_iter().collect();
        let mut ways = std::collections::VecDeque::from([beginning.clone()]);
        while let Some(way) = ways.pop_front() {
            let others = others.iter().filter(|other| {
                **other != due.operation && way.iter().all(|step| step.operation != **other)
            });
            let others = others.map(|other| Step { operation: *other, is_due: false });
            for step in std::iter::once(due).chain(others) {
                if found.len() == TOLD {
                    return found;
                }
                let mut longer = way.clone();
                longer.push(step);
                let (path, fits) = path(register, start, &longer, beginning.len());
                if !fits {
                    found.push(path);
                } else if ways.len() < TOLD {
                    ways.push_back(longer);
                }
            }
        }
    }
    found
}

/// Steps and what the register holds after each, and whether all of them fit; the first ones lead
/// to `start`.
fn path(register: &Register<'_>, start: ValueId, way: &[Step], first: usize) -> (Value, bool) {
    let (mut value, mut fits, mut path) = (start, true, Vec::new());
    for (number, step) in way.iter().enumerate() {
        let action = action(register, step.operation);
        let after = if number < first { Some(start) } else { action.apply(value) };
        let model = match after {
            Some(after) => model(register.value(after)),
            None => inconsistent(register, action, value),
        };
        fits &= after.is_some();
        value = after.unwrap_or(value);
        path.push(Map::new().with("op", to_edn(&render(register, *step))).with("model", model));
    }
    (path.into_iter().map(Value::Map).collect::<Vec<_>>().into(), fits)
}

fn action(register: &Register<'_>, operation: OperationId) -> Action {
    register.operations[operation as usize].action
}

fn model(value: &Value) -> Value {
    let fields = Map::new().with("value", value.clone());
    Value::Tagged("knossos.model.CASRegister".to_owned(), Box::new(fields.into()))
}

fn inconsistent(register: &Register<'_>, action: Action, value: ValueId) -> Value {
    // Clojure's `str` makes nothing of nil.
    let text = |value: ValueId| match register.value(value) {
        Value::Nil => String::new(),
        value => value.plain().to_string(),
    };
    let message = match action {
        Action::Cas(from, to) => {
            format!("can't CAS {} from {} to {}", text(value), text(from), text(to))
        }
        Action::Not(from) => {
            format!("can't refuse to CAS {} from {}", text(value), text(from))
        }
        other => {
            let read = other.needs().map(text).unwrap_or_default();
            format!("can't read {read} from register {}", text(value))
        }
    };
    let fields = Map::new().with("msg", message);
    Value::Tagged("knossos.model.Inconsistent".to_owned(), Box::new(fields.into()))
}

/// The completion of an operation that was due, or its invocation with what is known of its result;
/// without the key.
fn render(register: &Register<'_>, step: Step) -> Op {
    let operation = register.operations[step.operation as usize];
    let known = operation.entry();
    let entry = if step.is_due { known } else { operation.begin };
    Op { value: register.argument(known).clone(), ..entry.clone() }
}

/// An operation as Knossos quotes it: no record, and in another order.
fn to_edn(op: &Op) -> Value {
    let mut map = Map::new()
        .with("process", op.process)
        .with("type", op.kind)
        .with("f", Value::keyword(op.f.clone()))
        .with("value", op.value.clone())
        .with("index", op.index)
        .with("time", op.time);
    for (key, value) in &op.extra {
        map = map.with(key.clone(), value.clone());
    }
    if let Some(error) = &op.error {
        map = map.with("error", error.clone());
    }
    map.into()
}
