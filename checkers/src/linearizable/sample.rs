//! Histories of a store that is linearizable, for tests and benchmarks.
//!
//! Each operation happens at some moment between its beginning and its end, on one register for
//! each key, so the moments are an order that explains the history.

use std::collections::BTreeMap;

use crate::{
    edn::Value,
    history::{History, Kind, Op, Process},
    random::Random,
};

/// What a history is to be like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// How many operations begin.
    pub operations: usize,
    /// How many clients there are, each of which does one thing after the other.
    pub clients: u64,
    /// How many keys they work on.
    pub keys: u64,
    /// How many values they write: from 0.
    pub values: u64,
    /// The fraction of operations whose end nobody learns: of those that change something. A read
    /// fails instead.
    pub lost: f64,
    /// The fraction of operations that are refused before they happen, whatever the value is.
    pub refused: f64,
}

/// An operation under way.
struct Call {
    f: &'static str,
    argument: [Value; 2],
    /// What the client will hear, once it has happened.
    heard: Option<Heard>,
}

/// How an operation ends: with its value, or with the name of the error that refuses it.
type Heard = Result<[Value; 2], &'static str>;

impl Sample {
    /// A history of this kind.
    pub fn history(&self, random: &mut Random) -> History {
        let mut clock = Clock { ops: Vec::new() };
        let mut registers: BTreeMap<Value, Value> = BTreeMap::new();
        let mut calls: BTreeMap<u64, Call> = BTreeMap::new();
        // Lost operations that happen some time after their client has given up.
        let mut late: Vec<Call> = Vec::new();
        let mut processes: Vec<u64> = (0..self.clients).collect();
        let mut begun = 0;
        while begun < self.operations || !calls.is_empty() {
            let client = usize::try_from(random.below(self.clients)).unwrap_or(0);
            let process = processes[client];
            if random.below(20) == 0 && !late.is_empty() {
                let number = random.below(late.len() as u64);
                let mut call = late.swap_remove(usize::try_from(number).unwrap_or(0));
                call.happen(&mut registers);
            }
            match calls.remove(&process) {
                None if begun < self.operations => {
                    begun += 1;
                    let call = self.call(&registers, random);
                    clock.record(Kind::Invoke, process, call.f, &call.argument);
                    calls.insert(process, call);
                }
                None => {}
                Some(mut call) => match &call.heard {
                    Some(Ok(value)) => clock.record(Kind::Ok, process, call.f, value),
                    Some(Err(error)) => clock.record_error(Kind::Fail, process, &call, error),
                    None if random.fraction() < self.refused => {
                        call.heard = Some(Err("temporarily-unavailable"));
                        calls.insert(process, call);
                    }
                    None if random.fraction() < self.lost => {
                        let kind = if call.f == "read" { Kind::Fail } else { Kind::Info };
                        clock.record_error(kind, process, &call, "net-timeout");
                        if kind == Kind::Info {
                            processes[client] += self.clients;
                            late.push(call);
                        }
                    }
                    None => {
                        call.happen(&mut registers);
                        calls.insert(process, call);
                    }
                },
            }
        }
        History::from_ops(clock.ops)
    }

    fn call(&self, registers: &BTreeMap<Value, Value>, random: &mut Random) -> Call {
        let key = Value::from(random.below(self.keys));
        let mut value = || Value::from(random.below(self.values));
        let (a, b) = (value(), value());
        let (f, argument) = match (random.below(4), registers.get(&key)) {
            (0, _) => ("read", Value::Nil),
            (1, _) => ("write", a),
            // Whoever draws what is there tends to succeed.
            (2, Some(now)) => ("cas", vec![now.clone(), b].into()),
            _ => ("cas", vec![a, b].into()),
        };
        Call { f, argument: [key, argument], heard: None }
    }
}

impl Call {
    fn happen(&mut self, registers: &mut BTreeMap<Value, Value>) {
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
        self.heard = Some(refusal.map_or_else(|| Ok([key.clone(), found]), Err));
    }
}

struct Clock {
    ops: Vec<Op>,
}

impl Clock {
    fn record(&mut self, kind: Kind, process: u64, f: &'static str, value: &[Value; 2]) {
        let index = self.ops.len();
        let time = 1_000_000 * index as u64;
        let op = Op::invoke(index, time, Process::Client(process), f, value.to_vec());
        self.ops.push(Op { kind, ..op });
    }

    fn record_error(&mut self, kind: Kind, process: u64, call: &Call, error: &'static str) {
        self.record(kind, process, call.f, &call.argument);
        if let Some(op) = self.ops.last_mut() {
            op.error = Some(vec![Value::keyword(error), Value::Nil].into());
        }
    }
}
