//! Grow-only counter: a [`PnCounter`] without negative deltas.

use super::pn_counter::CounterOperations;
use super::{GCounter, Operations, Parameters, PnCounter, Workload};

impl Workload for GCounter {
    fn operations(&self, _parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(CounterOperations { min_delta: 0 })
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        PnCounter.writes()
    }
}
