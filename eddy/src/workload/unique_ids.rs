//! Unique ids: no two `generate` requests may get the same answer.

use serde_json::json;

use super::{Operation, Operations, Outcome, Request, Turn};
use crate::edn::Value;
use crate::random::Random;
use crate::schema::{Schema, Shape};

pub(super) struct UniqueIds;

impl Operations for UniqueIds {
    fn reuses_clients(&self) -> bool {
        true
    }

    fn next(&mut self, _turn: Turn, _random: &mut Random) -> Operation {
        let reply = Schema::new("generate_ok", &[("id", Shape::Any)]);
        let request = Request::new(json!({"type": "generate"}), reply, Outcome::Field("id"));
        Operation::ask("generate", Value::Nil, request)
    }
}
