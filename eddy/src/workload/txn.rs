//! Transactions over keys: of lists that clients append to, or of registers that they write.
//!
//! The transactions are those of Elle's generator, in `generator.rs`. Which anomalies they must not
//! show is up to the consistency models that the test names.

mod generator;

use serde_json::json;
use serde_json::value::RawValue;

pub(super) use self::generator::{Limits, MicroOp, Transactions};
use super::{Operations, Parameters, Turn};
use crate::client::{Operation, Outcome, Reply, Request, Schema, Shape};
use crate::edn::{JsonError, Value};
use crate::random::Random;

pub(super) struct Txn {
    transactions: Transactions,
    /// What a write is called.
    write: &'static str,
    shape: &'static [(&'static str, Shape)],
}

impl Txn {
    pub(super) fn new(
        parameters: &Parameters,
        write: &'static str,
        shape: &'static [(&'static str, Shape)],
    ) -> Txn {
        Txn { transactions: Transactions::new(Limits::of(parameters)), write, shape }
    }
}

impl Operations for Txn {
    fn reuses_clients(&self) -> bool {
        true
    }

    fn next(&mut self, _turn: Turn, random: &mut Random) -> Operation {
        let micro_ops = self.transactions.next(random);
        let txn: Vec<serde_json::Value> = micro_ops.iter().map(|op| self.json(*op)).collect();
        let value: Vec<Value> = micro_ops.iter().map(|op| self.edn(*op)).collect();
        let reply = Schema::new("txn_ok", self.shape);
        let body = json!({"type": "txn", "txn": txn});
        Operation::ask("txn", value.into(), Request::new(body, reply, Outcome::Made(with_keywords)))
    }
}

impl Txn {
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

/// The transaction of a reply, its functions as keywords.
fn with_keywords(_sent: &Value, reply: &Reply<'_>) -> Result<Value, String> {
    let txn = reply.field("txn").ok_or("txn is missing")?;
    // `null` is a transaction of no operations, as Clojure's `mapv` has it.
    let micro_ops: Option<Vec<(String, &RawValue, &RawValue)>> =
        serde_json::from_str(txn.get()).map_err(|error| error.to_string())?;
    let micro_ops = micro_ops.unwrap_or_default().into_iter().map(|(f, key, value)| {
        Ok(vec![Value::keyword(f), Value::from_json(key)?, Value::from_json(value)?].into())
    });
    let micro_ops: Result<Vec<Value>, JsonError> = micro_ops.collect();
    micro_ops.map(Value::Vector).map_err(|error| error.to_string())
}
