//! The workload `echo`, judged by the checker `echo`.

use super::{CheckContext, WorkloadChecker};
use crate::evidence::Evidence;
use crate::history::{History, Kind};
use crate::{Verdict, echo};

/// `echo`: messages that return unchanged.
#[derive(Debug, Clone, Copy)]
pub struct Echo;

impl WorkloadChecker for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["echo"]
    }

    fn check(&self, history: &History, _context: &CheckContext<'_>) -> Verdict {
        let echo = echo::check(history);
        let results = echo.to_edn();
        let is_certain = |kind| matches!(kind, Kind::Ok | Kind::Fail);
        let ends = history.client_ops().filter(|op| is_certain(op.kind));
        let pairs = ends.filter(|op| history.invocation(op).is_some());
        // A body without `:echo` would count as the echo of nil.
        let pairs = pairs.map(|op| op.kind == Kind::Fail || op.value.get("echo").is_some());
        let evidence = Evidence::count("echo that was answered or refused", pairs);
        let verdict = Verdict::new(evidence, echo.valid, results, echo.reason());
        Verdict { contradictions: echo.contradictions(history), ..verdict }
    }
}
