//! Broadcast: half of the operations tell a node a new value, the other half read what a node has.
//!
//! The values are the integers from 0. Judged by Jepsen's `set-full` with `broadcast` for `add`.

use serde_json::json;

use super::{Errors, Operation, Operations, Outcome, Request, Turn};
use crate::edn::Value;
use crate::random::Random;
use crate::schema::{Schema, Shape};
use crate::topology::Topology;

pub(super) struct Broadcast {
    topology: Topology,
    next: i64,
}

impl Broadcast {
    pub(super) fn new(topology: Topology) -> Broadcast {
        Broadcast { topology, next: 0 }
    }
}

impl Operations for Broadcast {
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
