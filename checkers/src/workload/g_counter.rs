//! A number that clients add to.

use super::{Checker, PnCounter};
use crate::elle::ConsistencyModel;
use crate::history::{History, Op};
use crate::{Placement, Verdict};

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

    fn check(
        &self,
        history: &History,
        placement: &Placement<'_>,
        models: &[ConsistencyModel],
    ) -> Verdict {
        PnCounter.check(history, placement, models)
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        PnCounter.fits(op)
    }
}
