//! Transactions over registers, with reads and writes.

use super::txn::TxnOperations;
use super::{Operations, Parameters, TxnRwRegister, Workload};
use crate::client::Shape;

impl Workload for TxnRwRegister {
    fn operations(&self, parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(TxnOperations::new(parameters, "w", &[("txn", Shape::Transaction("w"))]))
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("transaction", &["txn"]))
    }
}
