//! Unique ids: no two replies to `generate` may have the same id.

use serde_json::json;

use super::{ClientContext, Operations, Parameters, UniqueIds, Workload};
use crate::client::{ClientRequest, Operation, ResultSource, Schema, Shape};
use crate::edn::Value;
use crate::random::Random;

impl Workload for UniqueIds {
    fn operations(&self, _parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(UniqueIds)
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("id", &["generate"]))
    }
}

impl Operations for UniqueIds {
    fn reuses_clients(&self) -> bool {
        true
    }

    fn next(&mut self, _context: ClientContext, _random: &mut Random) -> Operation {
        let reply = Schema::new("generate_ok", &[("id", Shape::Any)]);
        let request =
            ClientRequest::new(json!({"type": "generate"}), reply, ResultSource::Field("id"));
        Operation::ask("generate", Value::Nil, request)
    }
}
