//! A set that clients add to.

use super::broadcast::{judge_set, reads_a_set};
use super::{Checker, Setting};
use crate::Verdict;
use crate::history::{History, Op};

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

    fn check(&self, history: &History, setting: &Setting<'_>) -> Verdict {
        judge_set(history, "add", setting.placement)
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        reads_a_set(op)
    }
}
