//! Challenge 6a: transactions on a single node.
//!
//! A node handles one request at a time until it waits for something, and a transaction waits for
//! nothing: it is parsed as a whole before it begins, and then its reads and writes happen one
//! after the other without interruption. So transactions take effect in some order, one after the
//! other, and each between its request and its reply. That is strict serializability, more than the
//! challenge asks for. Nothing can abort a transaction: a malformed one is refused before its first
//! write. And only clients send messages to the node, so none arrives twice.

use std::cell::RefCell;
use std::collections::HashMap;

use glomers::{Handler, Json, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Txn { txn: Vec<MicroOp> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    TxnOk { txn: Vec<MicroOp> },
}

/// Function, key, and value: the one to be written, the one that was read, or null.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct MicroOp(Function, Json, Option<Json>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Function {
    #[serde(rename = "r")]
    Read,
    #[serde(rename = "w")]
    Write,
}

#[derive(Default)]
struct Registers {
    values: RefCell<HashMap<Json, Json>>,
}

impl Registers {
    fn new(_node: Node) -> Self {
        Registers::default()
    }

    fn execute(&self, txn: Vec<MicroOp>) -> Vec<MicroOp> {
        let mut values = self.values.borrow_mut();
        let micro_ops = txn.into_iter().map(|MicroOp(function, key, value)| {
            let value = match (function, value) {
                (Function::Write, Some(value)) => {
                    values.insert(key.clone(), value.clone());
                    Some(value)
                }
                (Function::Write, None) => {
                    values.remove(&key);
                    None
                }
                (Function::Read, _) => values.get(&key).cloned(),
            };
            MicroOp(function, key, value)
        });
        micro_ops.collect()
    }
}

#[async_trait(?Send)]
impl Handler for Registers {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        let Request::Txn { txn } = request;
        Ok(Reply::TxnOk { txn: self.execute(txn) })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(Registers::new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eddy::checkers::availability::Goal;
    use eddy::{ConsistencyModel, Test, seeds, workload};
    use tokio::time::sleep;

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::TxnRwRegister,
            rate: 1000.0,
            concurrency: "2n".parse().unwrap(),
            time_limit: Duration::from_secs(20),
            availability: Goal::Total,
            consistency_models: vec![ConsistencyModel::ReadUncommitted],
            ..Test::default()
        }
    }

    #[test]
    fn every_transaction_succeeds() {
        challenge().run(Registers::new).assert_valid();
    }

    #[test]
    fn for_any_seed_transactions_are_strictly_serializable() {
        seeds(|seed| {
            let concurrency = "10n".parse().unwrap();
            let consistency_models = vec![ConsistencyModel::StrictSerializable];
            let time_limit = Duration::from_secs(5);
            let test = Test { concurrency, consistency_models, time_limit, seed, ..challenge() };
            test.run(Registers::new).assert_valid();
        });
    }

    /// Wrong node that handles other requests between two operations of a transaction.
    struct InterruptsTransactions(Registers);

    #[async_trait(?Send)]
    impl Handler for InterruptsTransactions {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
            let Request::Txn { txn } = request;
            let mut done = Vec::new();
            for micro_op in txn {
                done.extend(self.0.execute(vec![micro_op]));
                sleep(Duration::from_millis(1)).await;
            }
            Ok(Reply::TxnOk { txn: done })
        }
    }

    #[test]
    fn for_any_seed_a_node_that_shows_intermediate_writes_is_caught() {
        let found = seeds(|seed| {
            let concurrency = "10n".parse().unwrap();
            let consistency_models = vec![ConsistencyModel::ReadCommitted];
            let test = Test { concurrency, consistency_models, seed, ..challenge() };
            test.run(|node| InterruptsTransactions(Registers::new(node))).reasons.concat()
        });
        assert!(found.iter().any(|reason| reason.contains("G1b")), "{found:?}");
    }
}
