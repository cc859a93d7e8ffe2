//! The workload `txn-rw-register`, judged by the checker `elle::rw_register`.

use super::transactions::{micro_ops_fit, verdict};
use super::{CheckContext, WorkloadChecker};
use crate::Verdict;
use crate::edn::Value;
use crate::elle::rw_register;
use crate::history::{History, Op};

/// `txn-rw-register`: transactions over registers.
#[derive(Debug, Clone, Copy)]
pub struct TxnRwRegister;

impl WorkloadChecker for TxnRwRegister {
    fn name(&self) -> &'static str {
        "txn-rw-register"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["txn"]
    }

    fn check(&self, history: &History, context: &CheckContext<'_>) -> Verdict {
        verdict(history, rw_register::check(history, context.models))
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        micro_ops_fit(op, |f, value| match (f, value) {
            ("w", _) => Some(true),
            ("r", Some(Value::Nil) | None) => None,
            ("r", Some(value)) => Some(value.as_sequence().is_none()),
            _ => Some(false),
        })
    }
}
