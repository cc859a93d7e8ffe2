//! Ids that the first node allocates in pairs: one is used, the other is given back.

use std::cell::RefCell;
use std::collections::BTreeSet;

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AllocatorMessage {
    Generate,
    GenerateOk { id: String },
    Take,
    TakeOk { take: u64, ids: [String; 2] },
    GiveBack { take: u64, id: String },
}

pub(crate) struct AllocatedIds {
    node: Node,
    is_wrong: bool,
    incarnation: u64,
    pool: RefCell<Pool>,
}

/// State of the first node.
#[derive(Default)]
struct Pool {
    next: u64,
    free: Vec<String>,
    takes: u64,
    /// The takes whose spare id was given back.
    returned: BTreeSet<u64>,
}

impl AllocatedIds {
    pub(crate) fn new(node: Node, is_wrong: bool) -> AllocatedIds {
        AllocatedIds { incarnation: node.random(), node, is_wrong, pool: RefCell::default() }
    }

    fn take(&self) -> AllocatorMessage {
        let mut pool = self.pool.borrow_mut();
        pool.takes += 1;
        let ids = [0, 1].map(|_| {
            pool.free.pop().unwrap_or_else(|| {
                pool.next += 1;
                format!("{}-{}", self.incarnation, pool.next)
            })
        });
        AllocatorMessage::TakeOk { take: pool.takes, ids }
    }

    fn give_back(&self, take: u64, id: String) {
        let mut pool = self.pool.borrow_mut();
        // The mistake: not to check that the id was given back already.
        if pool.returned.insert(take) || self.is_wrong {
            pool.free.push(id);
        }
    }
}

#[async_trait(?Send)]
impl Handler for AllocatedIds {
    type Request = AllocatorMessage;
    type Reply = AllocatorMessage;

    async fn handle(
        &self,
        _from: &str,
        request: AllocatorMessage,
    ) -> anyhow::Result<AllocatorMessage> {
        match request {
            AllocatorMessage::Generate => {
                let first = &self.node.node_ids()[0];
                let AllocatorMessage::TakeOk { take, ids: [used, spare] } =
                    self.node.rpc(first, &AllocatorMessage::Take).await?
                else {
                    anyhow::bail!("no ids");
                };
                self.node.send(first, &AllocatorMessage::GiveBack { take, id: spare });
                Ok(AllocatorMessage::GenerateOk { id: used })
            }
            AllocatorMessage::Take => Ok(self.take()),
            AllocatorMessage::GiveBack { take, id } => {
                self.give_back(take, id);
                // This reply is not sent, since the message has no msg_id.
                Ok(AllocatorMessage::Generate)
            }
            _ => anyhow::bail!("no request"),
        }
    }
}
