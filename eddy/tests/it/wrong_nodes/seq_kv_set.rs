//! Broadcast values in `seq-kv`, all under one key: correct only if a read sees the newest state.

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

pub(crate) struct SeqKvSet {
    store: KeyValue,
    /// The mistake: to trust a read, which may be stale.
    is_wrong: bool,
    /// A random number of this incarnation, which makes its writes unique.
    incarnation: u64,
    count: Cell<u64>,
}

impl SeqKvSet {
    pub(crate) fn new(node: Node, is_wrong: bool) -> SeqKvSet {
        SeqKvSet {
            store: KeyValue::seq(&node),
            is_wrong,
            incarnation: node.random(),
            count: Cell::new(0),
        }
    }

    async fn add(&self, message: i64) -> anyhow::Result<()> {
        loop {
            let messages: Vec<i64> = self.store.read(&"values").await?.unwrap_or_default();
            let mut more = messages.clone();
            more.push(message);
            // The read may be stale, but then the compare-and-set fails.
            if self.store.cas_or_create(&"values", &messages, &more).await? {
                return Ok(());
            }
        }
    }

    /// Writes a unique value. The store can apply it only to its newest state, so later reads of
    /// this node are not older.
    async fn sync_with_store(&self) -> anyhow::Result<()> {
        self.count.set(self.count.get() + 1);
        Ok(self.store.write(&"reader", &(self.incarnation, self.count.get())).await?)
    }
}

#[async_trait(?Send)]
impl Handler for SeqKvSet {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Topology => Reply::TopologyOk,
            Request::Broadcast { message } => {
                self.add(message).await?;
                Reply::BroadcastOk
            }
            Request::Read => {
                if !self.is_wrong {
                    self.sync_with_store().await?;
                }
                let messages = self.store.read(&"values").await?.unwrap_or_default();
                Reply::ReadOk { messages }
            }
        })
    }
}
