//! Register server. The mistake: some reads return an overwritten value.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use glomers::{ErrorCode, Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

use super::WRONG_ONE_IN;

pub(crate) struct RegisterServer {
    is_wrong: bool,
    reads: Cell<usize>,
    /// The value of each key, and the previous one.
    values: RefCell<BTreeMap<u64, [u64; 2]>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Read { key: u64 },
    Write { key: u64, value: u64 },
    Cas { key: u64, from: u64, to: u64 },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    ReadOk { value: u64 },
    WriteOk,
    CasOk,
}

impl RegisterServer {
    pub(crate) fn new(_node: Node, is_wrong: bool) -> RegisterServer {
        RegisterServer { is_wrong, reads: Cell::default(), values: RefCell::default() }
    }
}

#[async_trait(?Send)]
impl Handler for RegisterServer {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        let mut values = self.values.borrow_mut();
        let missing = || ErrorCode::KeyDoesNotExist.error("nobody has written it");
        match request {
            Request::Read { key } => {
                let [value, before] = *values.get(&key).ok_or_else(missing)?;
                self.reads.set(self.reads.get() + 1);
                let is_stale = self.is_wrong && self.reads.get().is_multiple_of(WRONG_ONE_IN);
                Ok(Reply::ReadOk { value: if is_stale { before } else { value } })
            }
            Request::Write { key, value } => {
                let before = values.get(&key).map_or(value, |[value, _]| *value);
                values.insert(key, [value, before]);
                Ok(Reply::WriteOk)
            }
            Request::Cas { key, from, to } => {
                let [value, _] = *values.get(&key).ok_or_else(missing)?;
                if value != from {
                    let text = format!("expected {from}, but it is {value}");
                    return Err(ErrorCode::PreconditionFailed.error(text).into());
                }
                values.insert(key, [to, value]);
                Ok(Reply::CasOk)
            }
        }
    }
}
