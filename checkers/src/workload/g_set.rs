//! A set that clients add to.

use super::Checker;
use super::broadcast::{judge_set, reads_a_set};
use crate::elle::ConsistencyModel;
use crate::history::{History, Op};
use crate::{Placement, Verdict};

/// `g-set`: a set that clients add to.
#[derive(Debug, Clone, Copy)]
pub struct GSet;

impl Checker for GSet {
    fn name(&self) -> &'static str {
        "g-set"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn check(
        &self,
        history: &History,
        placement: &Placement<'_>,
        _models: &[ConsistencyModel],
    ) -> Verdict {
        judge_set(history, "add", placement)
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        reads_a_set(op)
    }
}
