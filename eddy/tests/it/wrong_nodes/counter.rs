//! Ids from a counter, unique only if each incarnation of a node has other ids than the former
//! ones.

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

pub(crate) struct CountedIds {
    node: Node,
    /// A random number of this incarnation. The mistake: without it, a restarted node counts from
    /// one again.
    incarnation: u64,
    count: Cell<u64>,
}

impl CountedIds {
    pub(crate) fn new(node: Node, is_wrong: bool) -> CountedIds {
        let incarnation = if is_wrong { 0 } else { node.random() };
        CountedIds { node, incarnation, count: Cell::new(0) }
    }
}

#[async_trait(?Send)]
impl Handler for CountedIds {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, _request: Request) -> anyhow::Result<Reply> {
        self.count.set(self.count.get() + 1);
        let (id, run, count) = (self.node.id(), self.incarnation, self.count.get());
        Ok(Reply::GenerateOk { id: format!("{id}-{run}-{count}") })
    }
}
