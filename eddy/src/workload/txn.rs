//! Transactions over keys, which are lists with appends or registers with writes.
//!
//! `generator.rs` draws the transactions as Elle does. The consistency models of the test determine
//! the anomalies that they must not have.

mod generator;

use serde_json::json;
use serde_json::value::RawValue;

pub(super) use self::generator::{MicroOp, TxnGenerator, TxnLimits};
use super::{ClientContext, Operations, Parameters};
use crate::client::{ClientReply, ClientRequest, Operation, ResultSource, Schema, Shape};
use crate::edn::{JsonError, Value};
use crate::random::Random;

pub(super) struct TxnOperations {
    transactions: TxnGenerator,
    /// The function of a write: `append` or `w`.
    write: &'static str,
    shape: &'static [(&'static str, Shape)],
}

impl TxnOperations {
    pub(super) fn new(
        parameters: &Parameters,
        write: &'static str,
        shape: &'static [(&'static str, Shape)],
    ) -> TxnOperations {
        TxnOperations { transactions: TxnGenerator::new(TxnLimits::of(parameters)), write, shape }
    }
}

impl Operations for TxnOperations {
    fn reuses_clients(&self) -> bool {
        true
    }

    fn next(&mut self, _context: ClientContext, random: &mut Random) -> Operation {
        let micro_ops = self.transactions.next(random);
        let txn: Vec<serde_json::Value> = micro_ops.iter().map(|op| self.json(*op)).collect();
        let value: Vec<Value> = micro_ops.iter().map(|op| self.edn(*op)).collect();
        let reply = Schema::new("txn_ok", self.shape);
        let body = json!({"type": "txn", "txn": txn});
        Operation::ask(
            "txn",
            value.into(),
            ClientRequest::new(body, reply, ResultSource::Computed(with_keywords)),
        )
    }
}

impl TxnOperations {
    fn json(&self, micro_op: MicroOp) -> serde_json::Value {
        match micro_op {
            MicroOp::Read { key } => json!(["r", key, null]),
            MicroOp::Write { key, value } => json!([self.write, key, value]),
        }
    }

    fn edn(&self, micro_op: MicroOp) -> Value {
        let (f, key, value) = match micro_op {
            MicroOp::Read { key } => ("r", key, Value::Nil),
            MicroOp::Write { key, value } => (self.write, key, value.into()),
        };
        vec![Value::keyword(f), key.into(), value].into()
    }
}

/// The transaction in a reply, with functions as keywords.
fn with_keywords(_sent: &Value, reply: &ClientReply<'_>) -> Result<Value, String> {
    let txn = reply.field("txn").ok_or("txn is missing")?;
    // `null` is an empty transaction, as in Clojure's `mapv`.
    let micro_ops: Option<Vec<(String, &RawValue, &RawValue)>> =
        serde_json::from_str(txn.get()).map_err(|error| error.to_string())?;
    let micro_ops = micro_ops.unwrap_or_default().into_iter().map(|(f, key, value)| {
        Ok(vec![Value::keyword(f), Value::from_json(key)?, Value::from_json(value)?].into())
    });
    let micro_ops: Result<Vec<Value>, JsonError> = micro_ops.collect();
    micro_ops.map(Value::Vector).map_err(|error| error.to_string())
}
