//! The workload `txn-list-append`, judged by the checker `elle::list_append`.

use super::transactions::{micro_ops_fit, verdict};
use super::{CheckContext, WorkloadChecker};
use crate::Verdict;
use crate::edn::Value;
use crate::elle::list_append;
use crate::history::{History, Op};

/// `txn-list-append`: transactions over lists that clients append to.
#[derive(Debug, Clone, Copy)]
pub struct TxnListAppend;

impl WorkloadChecker for TxnListAppend {
    fn name(&self) -> &'static str {
        "txn-list-append"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["txn"]
    }

    fn check(&self, history: &History, context: &CheckContext<'_>) -> Verdict {
        verdict(history, list_append::check(history, context.models))
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        micro_ops_fit(op, |f, value| match (f, value) {
            ("append", _) => Some(true),
            ("r", Some(Value::Nil) | None) => None,
            ("r", Some(value)) => Some(value.as_sequence().is_some()),
            _ => Some(false),
        })
    }
}
