//! A counter: operations add small numbers, or read what a node has.
//!
//! The deltas are −5 to 4, each as likely, or those of them that are not negative. As many reads
//! are drawn as adds, before the negative are left out. Maelstrom's client does not look at errors,
//! so an operation that was refused may as well have happened.

use serde_json::json;

use super::{Operations, Parameters, PnCounter, Turn, Workload};
use crate::client::{Errors, Operation, Outcome, Request, Schema, Shape};
use crate::edn::Value;
use crate::random::Random;

impl Workload for PnCounter {
    fn operations(&self, _parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(Counter { least: -5 })
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("add", &["add"]))
    }
}

pub(super) struct Counter {
    /// The least delta.
    pub(super) least: i64,
}

impl Operations for Counter {
    fn next(&mut self, _turn: Turn, random: &mut Random) -> Operation {
        while random.below(2) == 1 {
            let delta = i64::try_from(random.below(10)).unwrap_or_default() - 5;
            if delta >= self.least {
                return add(delta);
            }
        }
        read()
    }

    fn has_last(&self) -> bool {
        true
    }

    fn last(&mut self, _turn: Turn, _random: &mut Random) -> Option<Operation> {
        Some(read())
    }
}

fn add(delta: i64) -> Operation {
    let body = json!({"type": "add", "delta": delta});
    let request = Request::new(body, Schema::new("add_ok", &[]), Outcome::Sent);
    Operation { errors: Errors::Unhandled, ..Operation::ask("add", Value::Int(delta), request) }
}

fn read() -> Operation {
    let reply = Schema::new("read_ok", &[("value", Shape::Integer)]);
    let request = Request::new(json!({"type": "read"}), reply, Outcome::Field("value"));
    Operation { errors: Errors::Unhandled, ..Operation::ask("read", Value::Nil, request) }
}
