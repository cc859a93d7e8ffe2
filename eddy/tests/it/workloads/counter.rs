//! Counter server. The mistake: it loses some adds.

use std::cell::Cell;

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

use super::WRONG_ONE_IN;

pub(crate) struct CounterServer {
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

impl CounterServer {
    pub(crate) fn new(_node: Node, is_wrong: bool) -> CounterServer {
        CounterServer { is_wrong, adds: Cell::default(), sum: Cell::default() }
    }
}

#[async_trait(?Send)]
impl Handler for CounterServer {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        match request {
            Request::Add { delta } => {
                self.adds.set(self.adds.get() + 1);
                // The loss of a zero could not be found.
                let is_forgotten = self.is_wrong && delta > 0 && self.adds.get() > WRONG_ONE_IN;
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
