//! Echo: whatever is sent must come back.

use serde_json::json;

use super::{Operation, Operations, Outcome, Verdict};
use crate::checker::echo;
use crate::edn::Value;
use crate::history::History;
use crate::random::Random;
use crate::schema::{Schema, Shape};

pub(super) struct Echo;

impl Operations for Echo {
    fn next(&mut self, random: &mut Random) -> Operation {
        let payload = format!("Please echo {}", random.below(128));
        Operation {
            f: "echo",
            value: Value::Str(payload.clone()),
            request: json!({"type": "echo", "echo": payload}).into(),
            reply: Schema::new("echo_ok", &[("echo", Shape::Any)]),
            result: Outcome::Body,
            idempotent: false,
        }
    }
}

pub(super) fn check(history: &History) -> Verdict {
    let echo = echo::check(history);
    let results = echo.to_edn();
    Verdict::new(echo.valid, results, echo.reason())
}
