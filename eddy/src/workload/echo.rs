//! Echo: whatever is sent must come back.

use serde_json::json;

use super::{Operation, Operations, Outcome, Request, Turn, Verdict};
use crate::checker::{Evidence, echo};
use crate::edn::Value;
use crate::history::{History, Kind};
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

pub(super) fn check(history: &History) -> Verdict {
    let echo = echo::check(history);
    let results = echo.to_edn();
    let is_certain = |kind| matches!(kind, Kind::Ok | Kind::Fail);
    let ends = history.clients().filter(|op| is_certain(op.kind));
    let pairs = ends.filter(|op| history.invocation(op).is_some());
    // A body without it would be the echo of nil.
    let pairs = pairs.map(|op| op.kind == Kind::Fail || op.value.get("echo").is_some());
    let evidence = Evidence::count("echo that was answered or refused", pairs);
    let verdict = Verdict::new(evidence, echo.valid, results, echo.reason());
    Verdict { contradictions: echo.contradictions, ..verdict }
}
