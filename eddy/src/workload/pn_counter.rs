//! A counter that can also decrease: operations add small numbers, or read the sum of a node.
//!
//! The deltas are uniform from −5 to 4; for the grow-only counter, negative ones are drawn again.
//! Before that, reads are as likely as adds. Maelstrom's client ignores error codes, so an
//! operation that a node refused counts as indeterminate.

use serde_json::json;

use super::{ClientContext, Operations, Parameters, PnCounter, Workload};
use crate::client::{ClientRequest, ErrorPolicy, Operation, ResultSource, Schema, Shape};
use crate::edn::Value;
use crate::random::Random;

impl Workload for PnCounter {
    fn operations(&self, _parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(CounterOperations { min_delta: -5 })
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("add", &["add"]))
    }
}

pub(super) struct CounterOperations {
    /// The smallest delta.
    pub(super) min_delta: i64,
}

impl Operations for CounterOperations {
    fn next(&mut self, _context: ClientContext, random: &mut Random) -> Operation {
        while random.below(2) == 1 {
            let delta = i64::try_from(random.below(10)).unwrap_or_default() - 5;
            if delta >= self.min_delta {
                return add(delta);
            }
        }
        read()
    }

    fn has_final(&self) -> bool {
        true
    }

    fn next_final(&mut self, _context: ClientContext, _random: &mut Random) -> Option<Operation> {
        Some(read())
    }
}

fn add(delta: i64) -> Operation {
    let body = json!({"type": "add", "delta": delta});
    let request = ClientRequest::new(body, Schema::new("add_ok", &[]), ResultSource::Sent);
    Operation {
        errors: ErrorPolicy::Unhandled,
        ..Operation::ask("add", Value::Int(delta), request)
    }
}

fn read() -> Operation {
    let reply = Schema::new("read_ok", &[("value", Shape::Integer)]);
    let request = ClientRequest::new(json!({"type": "read"}), reply, ResultSource::Field("value"));
    Operation { errors: ErrorPolicy::Unhandled, ..Operation::ask("read", Value::Nil, request) }
}
