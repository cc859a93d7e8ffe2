//! Transactions over lists that clients append to.

use super::Checker;
use super::transactions::{micro_ops_fit, verdict};
use crate::edn::Value;
use crate::elle::{ConsistencyModel, list_append};
use crate::history::{History, Op};
use crate::{Placement, Verdict};

/// `txn-list-append`: transactions over lists that clients append to.
#[derive(Debug, Clone, Copy)]
pub struct TxnListAppend;

impl Checker for TxnListAppend {
    fn name(&self) -> &'static str {
        "txn-list-append"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["txn"]
    }

    fn check(
        &self,
        history: &History,
        _placement: &Placement<'_>,
        models: &[ConsistencyModel],
    ) -> Verdict {
        verdict(history, list_append::check(history, models))
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
