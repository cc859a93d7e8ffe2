//! Set server. The mistake: it loses some elements.

use std::cell::{Cell, RefCell};

use glomers::{Handler, Json, Node, async_trait};
use serde::{Deserialize, Serialize};

use super::WRONG_ONE_IN;

pub(crate) struct SetServer {
    is_wrong: bool,
    adds: Cell<usize>,
    elements: RefCell<Vec<Json>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Add { element: Json },
    Read,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    AddOk,
    ReadOk { value: Vec<Json> },
}

impl SetServer {
    pub(crate) fn new(_node: Node, is_wrong: bool) -> SetServer {
        SetServer { is_wrong, adds: Cell::default(), elements: RefCell::default() }
    }
}

#[async_trait(?Send)]
impl Handler for SetServer {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        match request {
            Request::Add { element } => {
                self.adds.set(self.adds.get() + 1);
                if !self.is_wrong || !self.adds.get().is_multiple_of(WRONG_ONE_IN) {
                    self.elements.borrow_mut().push(element);
                }
                Ok(Reply::AddOk)
            }
            Request::Read => Ok(Reply::ReadOk { value: self.elements.borrow().clone() }),
        }
    }
}
