//! Values that every node must come to know.

use std::time::Duration;

use super::{Checker, Setting};
use crate::edn::Value;
use crate::history::{History, Kind, Op};
use crate::repair::{self, Repair};
use crate::{Placement, Verdict, set_full};

/// `broadcast`: values that every node must come to know.
#[derive(Debug, Clone, Copy)]
pub struct Broadcast;

impl Checker for Broadcast {
    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["broadcast", "read"]
    }

    fn check(&self, history: &History, setting: &Setting<'_>) -> Verdict {
        judge_set(history, "broadcast", setting.placement)
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        reads_a_set(op)
    }

    fn repair(
        &self,
        history: &History,
        heal: Duration,
        placement: &Placement<'_>,
        excused: &[Value],
    ) -> Option<Repair> {
        Some(repair::check(history, "broadcast", "read", heal, placement, excused))
    }
}

/// The verdict on a set that these operations add to.
pub(super) fn judge_set(history: &History, add: &str, placement: &Placement<'_>) -> Verdict {
    let set = set_full::check_with_kills(history, add, "read", placement);
    let verdict = Verdict::new(set.evidence, set.valid, set.to_edn(), set.reason());
    let lost: Vec<Value> = set.lost.iter().map(|lost| lost.element.clone()).collect();
    let is_by_kills = set.lost_with_nodes.as_ref() == Some(&lost);
    Verdict {
        decisive: set.with_killed_nodes().filter(|_| is_by_kills),
        is_provisional: !lost.is_empty(),
        stable_latency: set.stable_latencies,
        lost,
        warnings: set.warnings(history),
        contradictions: set.contradictions(history),
        lost_with_nodes: set.lost_with_nodes.unwrap_or_default(),
        ..verdict
    }
}

/// True for a successful read of elements, `None` for all but successful reads.
pub(super) fn reads_a_set(op: &Op) -> Option<bool> {
    // A node may answer null for an empty list.
    let is_told = op.f == "read" && op.kind == Kind::Ok && op.value != Value::Nil;
    is_told.then(|| op.value.elements().is_some())
}
