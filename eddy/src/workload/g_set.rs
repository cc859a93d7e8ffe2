//! Grow-only set: half of the operations add an element, the other half read all elements of a
//! node.
//!
//! The elements are the integers from 0. Judged by Jepsen's `set-full`. Maelstrom's client ignores
//! error codes, so an operation that a node refused counts as indeterminate.

use serde_json::json;

use super::{ClientContext, GSet, Operations, Parameters, Workload};
use crate::client::{ClientRequest, ErrorPolicy, Operation, ResultSource, Schema, Shape};
use crate::edn::Value;
use crate::random::Random;

impl Workload for GSet {
    fn operations(&self, _parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(SetOperations { next_element: 0 })
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("value", &["add"]))
    }

    fn spreads_values(&self) -> bool {
        true
    }
}

struct SetOperations {
    next_element: i64,
}

impl Operations for SetOperations {
    fn next(&mut self, _context: ClientContext, random: &mut Random) -> Operation {
        if random.below(2) == 0 {
            return read();
        }
        let element = self.next_element;
        self.next_element += 1;
        let body = json!({"type": "add", "element": element});
        let request = ClientRequest::new(body, Schema::new("add_ok", &[]), ResultSource::Sent);
        let add = Operation::ask("add", Value::Int(element), request);
        Operation { errors: ErrorPolicy::Unhandled, ..add }
    }

    fn has_final(&self) -> bool {
        true
    }

    fn next_final(&mut self, _context: ClientContext, _random: &mut Random) -> Option<Operation> {
        Some(read())
    }
}

fn read() -> Operation {
    let reply = Schema::new("read_ok", &[("value", Shape::List(&Shape::Any))]);
    let request = ClientRequest::new(json!({"type": "read"}), reply, ResultSource::Field("value"));
    Operation { errors: ErrorPolicy::Unhandled, ..Operation::ask("read", Value::Nil, request) }
}
