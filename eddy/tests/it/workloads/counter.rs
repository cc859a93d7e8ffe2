//! A counter; the mistake is to forget some of what was added.

use std::cell::Cell;

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

use super::WRONG;

pub(crate) struct Counter {
    is_wrong: bool,
    adds: Cell<usize>,
    sum: Cell<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Add { delta: i64 },
    Read,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    AddOk,
    ReadOk { value: i64 },
}

impl Counter {
    pub(crate) fn new(_node: Node, is_wrong: bool) -> Counter {
        Counter { is_wrong, adds: Cell::default(), sum: Cell::default() }
    }
}

#[async_trait(?Send)]
impl Handler for Counter {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        match request {
            Request::Add { delta } => {
                self.adds.set(self.adds.get() + 1);
                // Nobody could tell that nothing was not added.
                let is_forgotten = self.is_wrong && delta > 0 && self.adds.get() > WRONG;
                if is_forgotten {
                    self.adds.set(0);
                } else {
                    self.sum.set(self.sum.get() + delta);
                }
                Ok(Reply::AddOk)
            }
            Request::Read => Ok(Reply::ReadOk { value: self.sum.get() }),
        }
    }
}
