//! Echo: whatever is sent must come back.

use serde_json::json;

use super::{Operation, Operations, Outcome, Request, Turn};
use crate::edn::Value;
use crate::random::Random;
use crate::schema::{Schema, Shape};

pub(super) struct Echo;

impl Operations for Echo {
    fn next(&mut self, _turn: Turn, random: &mut Random) -> Operation {
        let payload = format!("Please echo {}", random.below(128));
        let body = json!({"type": "echo", "echo": payload});
        let reply = Schema::new("echo_ok", &[("echo", Shape::Any)]);
        Operation::ask("echo", Value::Str(payload), Request::new(body, reply, Outcome::Body))
    }
}
