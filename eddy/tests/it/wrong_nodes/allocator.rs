//! Ids that the first node hands out two at a time; one is used, the other comes back.

use std::cell::RefCell;
use std::collections::BTreeSet;

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Body {
    Generate,
    GenerateOk { id: String },
    Take,
    TakeOk { take: u64, ids: [String; 2] },
    GiveBack { take: u64, id: String },
}

pub(crate) struct Ids {
    node: Node,
    is_wrong: bool,
    run: u64,
    pool: RefCell<Pool>,
}

/// What the first node knows.
#[derive(Default)]
struct Pool {
    next: u64,
    free: Vec<String>,
    takes: u64,
    /// The takes of which one id came back.
    returned: BTreeSet<u64>,
}

impl Ids {
    pub(crate) fn new(node: Node, is_wrong: bool) -> Ids {
        Ids { run: node.random(), node, is_wrong, pool: RefCell::default() }
    }

    fn take(&self) -> Body {
        let mut pool = self.pool.borrow_mut();
        pool.takes += 1;
        let ids = [0, 1].map(|_| {
            pool.free.pop().unwrap_or_else(|| {
                pool.next += 1;
                format!("{}-{}", self.run, pool.next)
            })
        });
        Body::TakeOk { take: pool.takes, ids }
    }

    fn give_back(&self, take: u64, id: String) {
        let mut pool = self.pool.borrow_mut();
        // The mistake is not to mind that it came back before.
        if pool.returned.insert(take) || self.is_wrong {
            pool.free.push(id);
        }
    }
}

#[async_trait(?Send)]
impl Handler for Ids {
    type Request = Body;
    type Reply = Body;

    async fn handle(&self, _from: &str, request: Body) -> anyhow::Result<Body> {
        match request {
            Body::Generate => {
                let first = &self.node.node_ids()[0];
                let Body::TakeOk { take, ids: [used, spare] } =
                    self.node.rpc(first, &Body::Take).await?
                else {
                    anyhow::bail!("no ids");
                };
                self.node.send(first, &Body::GiveBack { take, id: spare });
                Ok(Body::GenerateOk { id: used })
            }
            Body::Take => Ok(self.take()),
            Body::GiveBack { take, id } => {
                self.give_back(take, id);
                // Goes nowhere: who gives back does not wait.
                Ok(Body::Generate)
            }
            _ => anyhow::bail!("no request"),
        }
    }
}
