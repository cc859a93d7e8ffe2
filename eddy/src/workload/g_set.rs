//! A set that only grows: half of the operations add an element, the other half read what a node
//! has.
//!
//! The elements are the integers from 0. Judged by Jepsen's `set-full`. Maelstrom's client does not
//! look at errors, so an operation that was refused may as well have happened.

use serde_json::json;

use super::{GSet, Operations, Parameters, Turn, Workload};
use crate::client::{Errors, Operation, Outcome, Request, Schema, Shape};
use crate::edn::Value;
use crate::random::Random;

impl Workload for GSet {
    fn operations(&self, _parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(Elements { next: 0 })
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("value", &["add"]))
    }

    fn spreads_values(&self) -> bool {
        true
    }
}

struct Elements {
    next: i64,
}

impl Operations for Elements {
    fn next(&mut self, _turn: Turn, random: &mut Random) -> Operation {
        if random.below(2) == 0 {
            return read();
        }
        let element = self.next;
        self.next += 1;
        let body = json!({"type": "add", "element": element});
        let request = Request::new(body, Schema::new("add_ok", &[]), Outcome::Sent);
        let add = Operation::ask("add", Value::Int(element), request);
        Operation { errors: Errors::Unhandled, ..add }
    }

    fn has_last(&self) -> bool {
        true
    }

    fn last(&mut self, _turn: Turn, _random: &mut Random) -> Option<Operation> {
        Some(read())
    }
}

fn read() -> Operation {
    let reply = Schema::new("read_ok", &[("value", Shape::List(&Shape::Any))]);
    let request = Request::new(json!({"type": "read"}), reply, Outcome::Field("value"));
    Operation { errors: Errors::Unhandled, ..Operation::ask("read", Value::Nil, request) }
}
