//! Common parts of the transactional workloads.

use crate::Verdict;
use crate::edn::Value;
use crate::elle::ElleResults;
use crate::evidence::{self, Evidence};
use crate::history::{History, Op};

/// Elle's results as a verdict.
pub(super) fn verdict(history: &History, elle: ElleResults<'_>) -> Verdict {
    let is_micro_op = |value: &Value| matches!(value.as_sequence(), Some([Value::Keyword(_), ..]));
    let has_any = |op: &Op| op.value.as_sequence().is_some_and(|all| all.iter().any(is_micro_op));
    let ends = evidence::successful(history, &["txn"]).map(has_any);
    let wanted = "successful txn with operations";
    let evidence = Evidence::count(wanted, ends);
    let verdict = Verdict::new(evidence, elle.valid, elle.to_edn(), elle.reason());
    verdict.with_findings(elle.contradictions(), elle.explanation(), elle.warnings())
}

/// True if all micro-operations of a transaction fit a workload, false if any does not, `None` if
/// none decides. `fits` gets the function and the value of each.
pub(super) fn micro_ops_fit(
    op: &Op,
    fits: impl Fn(&str, Option<&Value>) -> Option<bool>,
) -> Option<bool> {
    let micro_ops = op.value.as_sequence().unwrap_or_default().iter();
    let fitting = micro_ops.filter_map(|micro_op| match micro_op.as_sequence()? {
        [Value::Keyword(f), rest @ ..] => fits(f, rest.get(1)),
        _ => Some(false),
    });
    fitting.reduce(|all, one| all && one)
}
