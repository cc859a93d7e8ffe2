//! Transactions over registers that clients write.

use super::txn::Txn;
use super::{Operations, Parameters, TxnRwRegister, Workload};
use crate::client::Shape;

impl Workload for TxnRwRegister {
    fn operations(&self, parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(Txn::new(parameters, "w", &[("txn", Shape::Transaction("w"))]))
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("transaction", &["txn"]))
    }
}
