//! Generator of linearizable histories, for tests and benchmarks.
//!
//! Each operation takes effect at one moment between its invocation and its completion, on one
//! register for each key. The order of these moments is a linearization.

use std::collections::BTreeMap;

use crate::{
    edn::Value,
    history::{History, Kind, Op, Process},
    random::Random,
};

/// A generator of linearizable histories.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistoryGenerator {
    /// The number of operations.
    pub operations: usize,
    /// The number of clients, each with at most one pending operation.
    pub clients: u64,
    /// The number of keys.
    pub keys: u64,
    /// The number of different values that operations write, from 0.
    pub values: u64,
    /// The fraction of writes and compare-and-sets that end indeterminate. Reads fail instead.
    pub indeterminate: f64,
    /// The fraction of operations that fail as unavailable, without taking effect.
    pub unavailable: f64,
}

/// A pending operation.
struct PendingOperation {
    f: &'static str,
    argument: [Value; 2],
    /// Its result, once it has taken effect.
    result: Option<PendingResult>,
}

/// The result of an operation: its value, or the name of the error.
type PendingResult = Result<[Value; 2], &'static str>;

impl HistoryGenerator {
    /// Generates a history.
    pub fn history(&self, random: &mut Random) -> History {
        let mut recorder = Recorder { ops: Vec::new() };
        let mut registers: BTreeMap<Value, Value> = BTreeMap::new();
        let mut pending: BTreeMap<u64, PendingOperation> = BTreeMap::new();
        // Indeterminate operations that may take effect after their client has given up.
        let mut late: Vec<PendingOperation> = Vec::new();
        let mut processes: Vec<u64> = (0..self.clients).collect();
        let mut begun = 0;
        while begun < self.operations || !pending.is_empty() {
            let client = usize::try_from(random.below(self.clients)).unwrap_or(0);
            let process = processes[client];
            if random.below(20) == 0 && !late.is_empty() {
                let number = random.below(late.len() as u64);
                let mut operation = late.swap_remove(usize::try_from(number).unwrap_or(0));
                operation.take_effect(&mut registers);
            }
            match pending.remove(&process) {
                None if begun < self.operations => {
                    begun += 1;
                    let operation = self.invoke(&registers, random);
                    recorder.record(Kind::Invoke, process, operation.f, &operation.argument);
                    pending.insert(process, operation);
                }
                None => {}
                Some(mut operation) => match &operation.result {
                    Some(Ok(value)) => recorder.record(Kind::Ok, process, operation.f, value),
                    Some(Err(error)) => {
                        recorder.record_error(Kind::Fail, process, &operation, error);
                    }
                    None if random.fraction() < self.unavailable => {
                        operation.result = Some(Err("temporarily-unavailable"));
                        pending.insert(process, operation);
                    }
                    None if random.fraction() < self.indeterminate => {
                        let kind = if operation.f == "read" { Kind::Fail } else { Kind::Info };
                        recorder.record_error(kind, process, &operation, "net-timeout");
                        if kind == Kind::Info {
                            processes[client] += self.clients;
                            late.push(operation);
                        }
                    }
                    None => {
                        operation.take_effect(&mut registers);
                        pending.insert(process, operation);
                    }
                },
            }
        }
        History::from_ops(recorder.ops)
    }

    fn invoke(&self, registers: &BTreeMap<Value, Value>, random: &mut Random) -> PendingOperation {
        let key = Value::from(random.below(self.keys));
        let mut value = || Value::from(random.below(self.values));
        let (a, b) = (value(), value());
        let (f, argument) = match (random.below(4), registers.get(&key)) {
            (0, _) => ("read", Value::Nil),
            (1, _) => ("write", a),
            // Mostly the actual value, so that it tends to succeed.
            (2, Some(now)) => ("cas", vec![now.clone(), b].into()),
            _ => ("cas", vec![a, b].into()),
        };
        PendingOperation { f, argument: [key, argument], result: None }
    }
}

impl PendingOperation {
    fn take_effect(&mut self, registers: &mut BTreeMap<Value, Value>) {
        let [key, argument] = &self.argument;
        let register = registers.entry(key.clone()).or_insert(Value::Nil);
        let mut found = argument.clone();
        let mut refusal = None;
        match (self.f, argument.as_sequence()) {
            ("write", _) => *register = argument.clone(),
            ("cas", Some([from, to])) if from == register => *register = to.clone(),
            _ if *register == Value::Nil => refusal = Some("key-does-not-exist"),
            ("cas", _) => refusal = Some("precondition-failed"),
            _ => found = register.clone(),
        }
        self.result = Some(refusal.map_or_else(|| Ok([key.clone(), found]), Err));
    }
}

struct Recorder {
    ops: Vec<Op>,
}

impl Recorder {
    fn record(&mut self, kind: Kind, process: u64, f: &'static str, value: &[Value; 2]) {
        let index = self.ops.len();
        let time = 1_000_000 * index as u64;
        let op = Op::invoke(index, time, Process::Client(process), f, value.to_vec());
        self.ops.push(Op { kind, ..op });
    }

    fn record_error(
        &mut self,
        kind: Kind,
        process: u64,
        operation: &PendingOperation,
        error: &'static str,
    ) {
        self.record(kind, process, operation.f, &operation.argument);
        if let Some(op) = self.ops.last_mut() {
            op.error = Some(vec![Value::keyword(error), Value::Nil].into());
        }
    }
}
