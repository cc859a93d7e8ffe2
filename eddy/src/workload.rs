//! What clients ask for, and what they expect to hear.

mod broadcast;
mod counter;
mod echo;
mod g_set;
mod kafka;
mod lin_kv;
mod operation;
mod txn;
mod unique_ids;

use eddy_checkers::Workload;
use serde_json::json;

pub(crate) use self::operation::{
    Answer, Errors, Operation, Operations, Outcome, Request, Turn, Work,
};
use crate::edn::Value;
use crate::schema::Schema;
use crate::test::Test;

/// Whether this can be done with so many nodes and clients.
pub(crate) fn validate(workload: Workload, nodes: usize, clients: usize) -> Result<(), String> {
    match workload {
        Workload::LinKv => lin_kv::LinKv::validate(nodes, clients),
        _ => Ok(()),
    }
}

/// Where the operations of a test come from.
pub(crate) fn operations(test: &Test) -> Box<dyn Operations> {
    match test.workload {
        Workload::Broadcast => Box::new(broadcast::Broadcast::new(test.topology)),
        Workload::Echo => Box::new(echo::Echo),
        Workload::GCounter => Box::new(counter::Counter::growing()),
        Workload::GSet => Box::new(g_set::GSet::default()),
        Workload::Kafka => Box::new(kafka::Kafka::new(test)),
        Workload::LinKv => Box::new(lin_kv::LinKv::new(test)),
        Workload::PnCounter => Box::new(counter::Counter::both_ways()),
        Workload::TxnListAppend => Box::new(txn::Txn::append(test)),
        Workload::TxnRwRegister => Box::new(txn::Txn::write(test)),
        Workload::UniqueIds => Box::new(unique_ids::UniqueIds),
    }
}

/// The `init` request of a node.
pub(crate) fn init(node: &str, nodes: &[String]) -> Operation {
    let body = json!({"type": "init", "node_id": node, "node_ids": nodes});
    let request = Request::new(body, Schema::of_type("init_ok"), Outcome::Sent);
    Operation::ask("init", Value::Nil, request)
}
