//! Broadcast values that lie in `seq-kv`, all under one key: right as long as who reads has seen
//! the newest state.

use std::cell::Cell;

use glomers::{Handler, KeyValue, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Topology,
    Broadcast { message: i64 },
    Read,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    TopologyOk,
    BroadcastOk,
    ReadOk { messages: Vec<i64> },
}

pub(crate) struct Shelf {
    store: KeyValue,
    /// The mistake is to believe what a read says.
    is_wrong: bool,
    /// Names this life, so that nobody else writes what it writes.
    run: u64,
    count: Cell<u64>,
}

impl Shelf {
    pub(crate) fn new(node: Node, is_wrong: bool) -> Shelf {
        Shelf { store: KeyValue::seq(&node), is_wrong, run: node.random(), count: Cell::new(0) }
    }

    async fn put(&self, message: i64) -> anyhow::Result<()> {
        loop {
            let messages: Vec<i64> = self.store.read(&"shelf").await?.unwrap_or_default();
            let mut more = messages.clone();
            more.push(message);
            // What was read may be stale, but then this fails.
            if self.store.cas_or_create(&"shelf", &messages, &more).await? {
                return Ok(());
            }
        }
    }

    /// Writes what nobody has written before, which can only take place now.
    async fn catch_up(&self) -> anyhow::Result<()> {
        self.count.set(self.count.get() + 1);
        Ok(self.store.write(&"reader", &(self.run, self.count.get())).await?)
    }
}

#[async_trait(?Send)]
impl Handler for Shelf {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Topology => Reply::TopologyOk,
            Request::Broadcast { message } => {
                self.put(message).await?;
                Reply::BroadcastOk
            }
            Request::Read => {
                if !self.is_wrong {
                    self.catch_up().await?;
                }
                let messages = self.store.read(&"shelf").await?.unwrap_or_default();
                Reply::ReadOk { messages }
            }
        })
    }
}
