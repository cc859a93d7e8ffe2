//! The workload `g-counter`, judged by the checker `counter`.

use super::{CheckContext, PnCounter, WorkloadChecker};
use crate::Verdict;
use crate::history::{History, Op};

/// `g-counter`: a number that clients add to. It is judged as a [`PnCounter`] is.
#[derive(Debug, Clone, Copy)]
pub struct GCounter;

impl WorkloadChecker for GCounter {
    fn name(&self) -> &'static str {
        "g-counter"
    }

    fn functions(&self) -> &'static [&'static str] {
        PnCounter.functions()
    }

    fn check(&self, history: &History, context: &CheckContext<'_>) -> Verdict {
        PnCounter.check(history, context)
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        PnCounter.fits(op)
    }
}
