//! A number that clients add to.

use super::{Checker, PnCounter, Setting};
use crate::Verdict;
use crate::history::{History, Op};

/// `g-counter`: a number that clients add to. It is judged as a [`PnCounter`] is.
#[derive(Debug, Clone, Copy)]
pub struct GCounter;

impl Checker for GCounter {
    fn name(&self) -> &'static str {
        "g-counter"
    }

    fn functions(&self) -> &'static [&'static str] {
        PnCounter.functions()
    }

    fn check(&self, history: &History, setting: &Setting<'_>) -> Verdict {
        PnCounter.check(history, setting)
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        PnCounter.fits(op)
    }
}
