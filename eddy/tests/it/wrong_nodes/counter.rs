//! Ids that count: right as long as nobody counts the same numbers again.

use std::cell::Cell;

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Generate,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    GenerateOk { id: String },
}

pub(crate) struct Ids {
    node: Node,
    /// The mistake is to have none: a node that is started again counts from one again.
    run: u64,
    count: Cell<u64>,
}

impl Ids {
    pub(crate) fn new(node: Node, is_wrong: bool) -> Ids {
        let run = if is_wrong { 0 } else { node.random() };
        Ids { node, run, count: Cell::new(0) }
    }
}

#[async_trait(?Send)]
impl Handler for Ids {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, _request: Request) -> anyhow::Result<Reply> {
        self.count.set(self.count.get() + 1);
        let (id, run, count) = (self.node.id(), self.run, self.count.get());
        Ok(Reply::GenerateOk { id: format!("{id}-{run}-{count}") })
    }
}
