//! Unique ids: no two `generate` requests may get the same answer.

use serde_json::json;

use super::{Operation, Operations, Outcome, Verdict};
use crate::checker::unique_ids;
use crate::edn::Value;
use crate::history::History;
use crate::random::Random;
use crate::schema::{Schema, Shape};

pub(super) struct UniqueIds;

impl Operations for UniqueIds {
    fn next(&mut self, _random: &mut Random) -> Operation {
        Operation {
            f: "generate",
            value: Value::Nil,
            request: json!({"type": "generate"}).into(),
            reply: Schema::new("generate_ok", &[("id", Shape::Any)]),
            result: Outcome::Field("id"),
            idempotent: false,
        }
    }
}

pub(super) fn check(history: &History) -> Verdict {
    let ids = unique_ids::check(history);
    let results = ids.to_edn();
    Verdict::new(ids.valid, results, ids.reason())
}
