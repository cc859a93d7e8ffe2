//! The workload `broadcast`, judged by the checker `set_full`.

use std::time::Duration;

use super::sets::{judge_set, reads_a_set};
use super::{CheckContext, WorkloadChecker};
use crate::edn::Value;
use crate::history::{History, Op};
use crate::repair::{self, Repair};
use crate::{Placement, Verdict};

/// `broadcast`: values that must reach every node.
#[derive(Debug, Clone, Copy)]
pub struct Broadcast;

impl WorkloadChecker for Broadcast {
    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["broadcast", "read"]
    }

    fn check(&self, history: &History, context: &CheckContext<'_>) -> Verdict {
        judge_set(history, "broadcast", context.placement)
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        reads_a_set(op)
    }

    fn measure_repair(
        &self,
        history: &History,
        heal: Duration,
        placement: &Placement<'_>,
        excused: &[Value],
    ) -> Option<Repair> {
        Some(repair::check(history, "broadcast", "read", heal, placement, excused))
    }
}
