//! The workload `g-set`, judged by the checker `set_full`.

use super::sets::{judge_set, reads_a_set};
use super::{CheckContext, WorkloadChecker};
use crate::Verdict;
use crate::history::{History, Op};

/// `g-set`: a set that clients add to.
#[derive(Debug, Clone, Copy)]
pub struct GSet;

impl WorkloadChecker for GSet {
    fn name(&self) -> &'static str {
        "g-set"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn check(&self, history: &History, context: &CheckContext<'_>) -> Verdict {
        judge_set(history, "add", context.placement)
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        reads_a_set(op)
    }
}
