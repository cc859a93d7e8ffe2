//! Challenge 2: ids that no other node gives out, nor this one again, agreed upon with nobody.
//!
//! An id is the node's id, a random number that this run of the node has drawn, and a counter. Two
//! nodes differ in the first part; two ids of the same run differ in the last; and two runs of the
//! same node, before and after a crash, differ in the middle, but for one chance in 2^64 for each
//! pair of runs. Nothing is stored and nobody is asked, so neither a partition nor a restart matters.

use std::cell::Cell;

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Generate,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    GenerateOk { id: String },
}

struct UniqueIds {
    node: Node,
    run: u64,
    generated: Cell<u64>,
}

impl UniqueIds {
    fn new(node: Node) -> Self {
        let run = node.random();
        UniqueIds { node, run, generated: Cell::new(0) }
    }
}

#[async_trait(?Send)]
impl Handler for UniqueIds {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        let Request::Generate = request;
        let count = self.generated.get() + 1;
        self.generated.set(count);
        Ok(Reply::GenerateOk { id: format!("{}-{:016x}-{count}", self.node.id(), self.run) })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(UniqueIds::new)
}
