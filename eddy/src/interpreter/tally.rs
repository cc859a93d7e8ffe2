//! How far a test is, for whoever watches it.

use super::{Interpreter, Stage};
use crate::generator::Part;
use crate::nemesis::Fault;

/// Figures of a test so far. Taking them costs next to nothing, so it can be done at every step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// What goes on; `None` before the first operation.
    pub part: Option<Part>,
    /// How many operations clients have begun.
    pub operations: u64,
    /// Messages between servers for each of them.
    pub msgs_per_op: Option<f64>,
    /// How many strikes have begun of each fault, in the order of [`Fault::ALL`].
    pub strikes: [u64; Fault::ALL.len()],
}

impl Interpreter {
    /// How far the test is.
    pub fn tally(&self) -> Tally {
        let part = match &self.stage {
            Stage::Initializing | Stage::SettingUp => None,
            Stage::Running(schedule) => Some(schedule.part()),
        };
        Tally {
            part,
            operations: self.invoked,
            msgs_per_op: self.network.journal().traffic(self.invoked).servers.msgs_per_op,
            strikes: self.faults.begun(),
        }
    }
}
