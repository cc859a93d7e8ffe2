//! Transactions over lists, with reads and appends.

use super::txn::TxnOperations;
use super::{Operations, Parameters, TxnListAppend, Workload};
use crate::client::Shape;

impl Workload for TxnListAppend {
    fn operations(&self, parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(TxnOperations::new(parameters, "append", &[("txn", Shape::Transaction("append"))]))
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("transaction", &["txn"]))
    }
}
