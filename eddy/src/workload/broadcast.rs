//! Broadcast: half of the operations send a new value to a node, the other half read all values of
//! a node.
//!
//! The values are the integers from 0. Judged by Jepsen's `set-full` with `broadcast` for `add`.

use serde_json::json;

use super::{Broadcast, ClientContext, Operations, Parameters, Workload};
use crate::client::{ClientRequest, ErrorPolicy, Operation, ResultSource, Schema, Shape};
use crate::edn::Value;
use crate::random::Random;
use crate::topology::Topology;

impl Workload for Broadcast {
    fn operations(&self, parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(BroadcastOperations { topology: parameters.topology, next_value: 0 })
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("value", &["broadcast"]))
    }

    fn spreads_values(&self) -> bool {
        true
    }
}

struct BroadcastOperations {
    topology: Topology,
    next_value: i64,
}

impl Operations for BroadcastOperations {
    fn setup(&self, nodes: &[String]) -> Option<Operation> {
        let body = json!({"type": "topology", "topology": self.topology.neighbors(nodes)});
        let request = ClientRequest::new(body, Schema::new("topology_ok", &[]), ResultSource::Sent);
        Some(Operation::ask("topology", Value::Nil, request))
    }

    fn next(&mut self, _context: ClientContext, random: &mut Random) -> Operation {
        if random.below(2) == 0 {
            return read();
        }
        let message = self.next_value;
        self.next_value += 1;
        let body = json!({"type": "broadcast", "message": message});
        let request =
            ClientRequest::new(body, Schema::new("broadcast_ok", &[]), ResultSource::Sent);
        Operation::ask("broadcast", Value::Int(message), request)
    }

    fn has_final(&self) -> bool {
        true
    }

    fn next_final(&mut self, _context: ClientContext, _random: &mut Random) -> Option<Operation> {
        Some(read())
    }
}

fn read() -> Operation {
    let reply = Schema::new("read_ok", &[("messages", Shape::List(&Shape::Any))]);
    let request =
        ClientRequest::new(json!({"type": "read"}), reply, ResultSource::Field("messages"));
    Operation { errors: ErrorPolicy::Harmless, ..Operation::ask("read", Value::Nil, request) }
}
