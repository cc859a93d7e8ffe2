//! Transaction server for lists and registers. The mistake: it refuses some transactions after it
//! has committed them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use glomers::{ErrorCode, Handler, Node, async_trait};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::WRONG_ONE_IN;

pub(crate) struct TxnServer {
    is_wrong: bool,
    count: Cell<usize>,
    values: RefCell<BTreeMap<u64, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Txn { txn: Vec<(String, u64, Value)> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    TxnOk { txn: Vec<(String, u64, Value)> },
}

impl TxnServer {
    pub(crate) fn new(_node: Node, is_wrong: bool) -> TxnServer {
        TxnServer { is_wrong, count: Cell::default(), values: RefCell::default() }
    }

    fn perform(&self, f: String, key: u64, value: Value) -> (String, u64, Value) {
        let mut values = self.values.borrow_mut();
        match &*f {
            "r" => {
                let value = values.get(&key).cloned().unwrap_or(Value::Null);
                return (f, key, value);
            }
            "append" => {
                let list = values.entry(key).or_insert_with(|| json!([]));
                list.as_array_mut().into_iter().for_each(|list| list.push(value.clone()));
            }
            _ => {
                values.insert(key, value.clone());
            }
        }
        (f, key, value)
    }
}

#[async_trait(?Send)]
impl Handler for TxnServer {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        let Request::Txn { txn } = request;
        let txn = txn.into_iter().map(|(f, key, value)| self.perform(f, key, value)).collect();
        self.count.set(self.count.get() + 1);
        if self.is_wrong && self.count.get().is_multiple_of(WRONG_ONE_IN) {
            return Err(ErrorCode::TxnConflict.error("it has happened all the same").into());
        }
        Ok(Reply::TxnOk { txn })
    }
}
