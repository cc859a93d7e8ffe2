//! The workload `pn-counter`, judged by the checker `counter`.

use super::{CheckContext, WorkloadChecker};
use crate::Verdict;
use crate::counter::{self, is_integer};
use crate::evidence::Evidence;
use crate::history::{History, Kind, Op};

/// `pn-counter`: a number that clients add to and subtract from.
#[derive(Debug, Clone, Copy)]
pub struct PnCounter;

impl WorkloadChecker for PnCounter {
    fn name(&self) -> &'static str {
        "pn-counter"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn check(&self, history: &History, context: &CheckContext<'_>) -> Verdict {
        let counter = counter::check_on_nodes(history, context.placement);
        let reads = counter.final_reads.iter().map(|read| is_integer(&read.value));
        let wanted = "successful final read of an integer";
        let evidence = Evidence::count(wanted, reads);
        let verdict = Verdict::new(evidence, counter.valid, counter.to_edn(), counter.reason());
        verdict.with_findings(
            counter.contradictions(history),
            counter.explanation(),
            counter.warnings(),
        )
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        (op.f == "read" && op.kind == Kind::Ok).then(|| is_integer(&op.value))
    }
}
