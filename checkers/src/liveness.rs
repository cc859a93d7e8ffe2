//! Liveness of the nodes after the faults: every last operation must succeed, or fail with an error
//! that reports the stored state, such as a key that does not exist or has another value.
//!
//! Last operations are invoked when the faults have ended and the nodes had time to recover.
//! Maelstrom judges only the values that they read, and accepts nodes that do not reply.

use std::collections::BTreeMap;

use super::{Placement, Validity};
use crate::edn::Value;
use crate::history::{History, Kind, Op, Process};

/// The findings on the last operations.
#[derive(Debug, Clone, PartialEq)]
pub struct Liveness {
    /// Valid if none failed.
    pub valid: Validity,
    /// The number of last operations, one for each thread.
    pub attempt_count: usize,
    /// The invocations of those that failed.
    pub failed: Vec<Op>,
}

/// Errors that report the stored state. A node that returns one is alive.
const STATE_ERRORS: [&str; 4] =
    ["key-does-not-exist", "key-already-exists", "precondition-failed", "txn-conflict"];

/// Checks the last operation marked as `final?` of each thread. A client retries until it has what
/// it wants, so only its last try counts.
pub fn check(history: &History, placement: &Placement<'_>) -> Liveness {
    let is_final = |op: &&Op| op.kind == Kind::Invoke && op.extra("final?").is_some();
    let is_ok = |op: &Op| {
        let shows_liveness =
            |end: &Op| end.kind == Kind::Ok || end.kind == Kind::Fail && reports_state(end);
        history.completion(op).is_some_and(shows_liveness)
    };
    let mut by_thread: BTreeMap<u64, &Op> = BTreeMap::new();
    for op in history.client_ops().filter(is_final) {
        if let Process::Client(process) = op.process {
            let thread = process.checked_rem(placement.concurrency as u64);
            by_thread.insert(thread.unwrap_or(process), op);
        }
    }
    let mut last: Vec<&Op> = by_thread.into_values().collect();
    last.sort_by_key(|op| op.index);
    let failed: Vec<Op> = last.iter().filter(|op| !is_ok(op)).map(|op| (*op).clone()).collect();
    Liveness { valid: failed.is_empty().into(), attempt_count: last.len(), failed }
}

/// True if an operation failed because of the stored state.
fn reports_state(op: &Op) -> bool {
    let error = op.error.as_ref().and_then(Value::as_sequence);
    let name = error.and_then(|error| error.first());
    name.is_some_and(|name| STATE_ERRORS.iter().any(|fact| *name == Value::keyword(*fact)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, attempts: usize, failed: &[usize]) {
        let nodes = ["n0", "n1"].map(String::from);
        let placement = Placement { nodes: &nodes, concurrency: 4 };
        let liveness = super::check(&History::read_edn(text).unwrap(), &placement);
        let indices: Vec<usize> = liveness.failed.iter().map(|op| op.index).collect();
        assert_eq!((liveness.attempt_count, &indices[..]), (attempts, failed));
        assert_eq!(liveness.valid, failed.is_empty().into());
        let reasons = liveness.reasons(&placement);
        assert_eq!(reasons.len(), failed.len());
        for (reason, op) in reasons.iter().zip(&liveness.failed) {
            let node = placement.node_of(op.process).unwrap();
            assert!(reason.contains(&format!("that {node} was asked for")), "{reason}");
        }
    }

    #[test]
    fn of_several_last_operations_of_a_thread_the_last_one_counts() {
        let op = |index: usize, process: u64, kind: &str| {
            format!(
                "{{:index {index}, :time 9, :type :{kind}, :process {process}, :f :poll, :value \
                 nil, :final? true}}\n"
            )
        };
        let first = [op(0, 1, "invoke"), op(1, 1, "info")].concat();
        check(&first, 1, &[0]);
        // Process 5 is of the same thread.
        check(&[&first[..], &op(2, 5, "invoke"), &op(3, 5, "ok")].concat(), 1, &[]);
        check(&[&first[..], &op(2, 5, "invoke"), &op(3, 5, "fail")].concat(), 1, &[2]);
        check(&[&first[..], &op(2, 6, "invoke"), &op(3, 6, "ok")].concat(), 2, &[0]);
    }

    #[test]
    fn a_node_that_reports_the_stored_state_is_alive() {
        let last = |error: &str| {
            format!(
                "{{:index 0, :time 9, :type :invoke, :process 0, :f :cas, :value nil, :final? \
                 true}}\n{{:index 1, :time 9, :type :fail, :process 0, :f :cas, :value nil, :error \
                 {error}, :final? true}}\n"
            )
        };
        check(&last("[:precondition-failed \"it is 4\"]"), 1, &[]);
        check(&last("[:temporarily-unavailable \"no leader\"]"), 1, &[0]);
        check(&last(":net-timeout"), 1, &[0]);
    }

    #[test]
    fn only_last_operations_count_and_all_of_them() {
        let earlier = "{:index 0, :time 1, :type :invoke, :process 0, :f :read, :value nil}
                       {:index 1, :time 2, :type :fail, :process 0, :f :read, :value nil}\n";
        let last = |index: usize, process: u64, kind: &str| {
            format!(
                "{{:index {index}, :time 9, :type :{kind}, :process {process}, :f :read, :value \
                 nil, :final? true}}\n"
            )
        };
        check(earlier, 0, &[]);
        let begun = [earlier, &last(2, 0, "invoke"), &last(3, 1, "invoke")].concat();
        check(&begun, 2, &[2, 3]);
        check(&[&begun[..], &last(4, 0, "ok"), &last(5, 1, "ok")].concat(), 2, &[]);
        check(&[&begun[..], &last(4, 0, "ok"), &last(5, 1, "fail")].concat(), 2, &[3]);
        check(&[&begun[..], &last(4, 0, "info"), &last(5, 1, "ok")].concat(), 2, &[2]);
    }
}
