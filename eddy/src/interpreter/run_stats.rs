//! Live figures of a running test, for a progress display.

use super::{Interpreter, TestStage};
use crate::generator::GeneratorStage;
use crate::nemesis::Fault;

/// Figures of a test so far. They are cheap enough to be read at every step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RunStats {
    /// The current stage of the test; `None` before the first operation.
    pub stage: Option<GeneratorStage>,
    /// The number of operations that clients have invoked.
    pub operations: u64,
    /// Messages between servers per operation.
    pub msgs_per_op: Option<f64>,
    /// The number of strikes of each fault, in the order of [`Fault::ALL`].
    pub strikes: [u64; Fault::ALL.len()],
}

impl Interpreter {
    /// The figures so far.
    pub fn run_stats(&self) -> RunStats {
        let stage = match &self.stage {
            TestStage::Initializing | TestStage::SettingUp => None,
            TestStage::Running(generator) => Some(generator.stage()),
        };
        RunStats {
            stage,
            operations: self.invoked,
            msgs_per_op: self.network.traffic_counter().traffic(self.invoked).servers.msgs_per_op,
            strikes: self.faults.strike_counts(),
        }
    }
}
