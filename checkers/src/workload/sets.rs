//! Common parts of the workloads `broadcast` and `g-set`, whose reads return a set.

use crate::edn::Value;
use crate::history::{History, Kind, Op};
use crate::{Placement, Verdict, set_full};

/// The verdict on a set whose elements are added by `add` operations.
pub(super) fn judge_set(history: &History, add: &str, placement: &Placement<'_>) -> Verdict {
    let set = set_full::check_with_kills(history, add, "read", placement);
    let verdict = Verdict::new(set.evidence, set.valid, set.to_edn(), set.reason());
    let lost: Vec<Value> = set.lost.iter().map(|lost| lost.element.clone()).collect();
    let is_by_kills = set.lost_with_killed_nodes.as_ref() == Some(&lost);
    Verdict {
        decisive_warning: set.killed_nodes_warning().filter(|_| is_by_kills),
        is_provisional: !lost.is_empty(),
        stable_latency: set.stable_latencies,
        lost,
        warnings: set.warnings(history),
        contradictions: set.contradictions(history),
        lost_with_killed_nodes: set.lost_with_killed_nodes.unwrap_or_default(),
        ..verdict
    }
}

/// True for a successful read of a collection, false for one of anything else, `None` for all other
/// entries.
pub(super) fn reads_a_set(op: &Op) -> Option<bool> {
    // A node may answer null for an empty list.
    let is_decisive = op.f == "read" && op.kind == Kind::Ok && op.value != Value::Nil;
    is_decisive.then(|| op.value.elements().is_some())
}
