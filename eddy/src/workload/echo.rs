//! Echo: a reply must have the payload of its request.

use serde_json::json;

use super::{ClientContext, Echo, Operations, Parameters, Workload};
use crate::client::{ClientRequest, Operation, ResultSource, Schema, Shape};
use crate::edn::Value;
use crate::random::Random;

impl Workload for Echo {
    fn operations(&self, _parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(Echo)
    }
}

impl Operations for Echo {
    fn next(&mut self, _context: ClientContext, random: &mut Random) -> Operation {
        let payload = format!("Please echo {}", random.below(128));
        let body = json!({"type": "echo", "echo": payload});
        let reply = Schema::new("echo_ok", &[("echo", Shape::Any)]);
        Operation::ask(
            "echo",
            Value::Str(payload),
            ClientRequest::new(body, reply, ResultSource::Body),
        )
    }
}
