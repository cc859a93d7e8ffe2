//! Registers with their primary on the first node and copies on the others.
//!
//! Writes go to the primary. The bug is that reads are answered from the copy, which is updated
//! after the write was acknowledged.

use std::cell::RefCell;
use std::collections::BTreeMap;

use glomers::{ErrorCode, Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

const FIRST: &str = "n0";

pub(crate) struct Registers {
    node: Node,
    values: RefCell<BTreeMap<u64, u64>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Body {
    Read {
        key: u64,
    },
    ReadOk {
        value: u64,
    },
    Write {
        key: u64,
        value: u64,
    },
    WriteOk,
    Cas {
        key: u64,
        from: u64,
        to: u64,
    },
    CasOk,
    /// Compare-and-set, or write, at the primary.
    Change {
        key: u64,
        from: Option<u64>,
        to: u64,
    },
    ChangeOk {
        changed: bool,
    },
    /// Update of a copy.
    Copy {
        key: u64,
        value: u64,
    },
}

impl Registers {
    pub(crate) fn new(node: Node) -> Registers {
        Registers { node, values: RefCell::default() }
    }

    async fn change(&self, key: u64, from: Option<u64>, to: u64) -> anyhow::Result<bool> {
        if self.node.id() != FIRST {
            let answer = self.node.rpc(FIRST, &Body::Change { key, from, to }).await?;
            return Ok(matches!(answer, Body::ChangeOk { changed: true }));
        }
        let before = self.values.borrow().get(&key).copied();
        if from.is_some() && from != before {
            return Ok(false);
        }
        self.values.borrow_mut().insert(key, to);
        for peer in self.node.peers() {
            self.node.send(peer, &Body::Copy { key, value: to });
        }
        Ok(true)
    }
}

#[async_trait(?Send)]
impl Handler for Registers {
    type Request = Body;
    type Reply = Body;

    async fn handle(&self, _from: &str, request: Body) -> anyhow::Result<Body> {
        match request {
            Body::Read { key } => {
                let value = self.values.borrow().get(&key).copied();
                let missing = || ErrorCode::KeyDoesNotExist.error("nobody has written it");
                Ok(Body::ReadOk { value: value.ok_or_else(missing)? })
            }
            Body::Write { key, value } => {
                self.change(key, None, value).await?;
                Ok(Body::WriteOk)
            }
            Body::Cas { key, from, to } => {
                if self.change(key, Some(from), to).await? {
                    return Ok(Body::CasOk);
                }
                Err(ErrorCode::PreconditionFailed.error("it is another").into())
            }
            Body::Change { key, from, to } => {
                Ok(Body::ChangeOk { changed: self.change(key, from, to).await? })
            }
            Body::Copy { key, value } => {
                self.values.borrow_mut().insert(key, value);
                Ok(Body::WriteOk)
            }
            _ => anyhow::bail!("no request"),
        }
    }
}
