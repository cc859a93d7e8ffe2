//! Broadcast: half of the operations tell a node a new value, the other half read what a node has.
//!
//! The values are the integers from 0. Judged by Jepsen's `set-full` with `broadcast` for `add`.

use serde_json::json;

use super::{Broadcast, Operations, Parameters, Turn, Workload};
use crate::client::{Errors, Operation, Outcome, Request, Schema, Shape};
use crate::edn::Value;
use crate::random::Random;
use crate::topology::Topology;

impl Workload for Broadcast {
    fn operations(&self, parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(Values { topology: parameters.topology, next: 0 })
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("value", &["broadcast"]))
    }

    fn spreads_values(&self) -> bool {
        true
    }
}

struct Values {
    topology: Topology,
    next: i64,
}

impl Operations for Values {
    fn setup(&self, nodes: &[String]) -> Option<Operation> {
        let body = json!({"type": "topology", "topology": self.topology.neighbors(nodes)});
        let request = Request::new(body, Schema::new("topology_ok", &[]), Outcome::Sent);
        Some(Operation::ask("topology", Value::Nil, request))
    }

    fn next(&mut self, _turn: Turn, random: &mut Random) -> Operation {
        if random.below(2) == 0 {
            return read();
        }
        let message = self.next;
        self.next += 1;
        let body = json!({"type": "broadcast", "message": message});
        let request = Request::new(body, Schema::new("broadcast_ok", &[]), Outcome::Sent);
        Operation::ask("broadcast", Value::Int(message), request)
    }

    fn has_last(&self) -> bool {
        true
    }

    fn last(&mut self, _turn: Turn, _random: &mut Random) -> Option<Operation> {
        Some(read())
    }
}

fn read() -> Operation {
    let reply = Schema::new("read_ok", &[("messages", Shape::List(&Shape::Any))]);
    let request = Request::new(json!({"type": "read"}), reply, Outcome::Field("messages"));
    Operation { errors: Errors::Harmless, ..Operation::ask("read", Value::Nil, request) }
}
