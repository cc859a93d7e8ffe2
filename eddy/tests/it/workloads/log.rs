//! Log server. The mistake: it assigns some offsets twice.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use glomers::{Handler, Json, Node, async_trait};
use serde::{Deserialize, Serialize};

use super::WRONG_ONE_IN;

pub(crate) struct LogServer {
    is_wrong: bool,
    sends: Cell<usize>,
    /// The messages of each key, by offset.
    messages: RefCell<BTreeMap<String, Vec<Json>>>,
    committed: RefCell<BTreeMap<String, usize>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Send { key: String, msg: Json },
    Poll { offsets: BTreeMap<String, usize> },
    CommitOffsets { offsets: BTreeMap<String, usize> },
    ListCommittedOffsets { keys: Vec<String> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    SendOk { offset: usize },
    PollOk { msgs: BTreeMap<String, Vec<(usize, Json)>> },
    CommitOffsetsOk,
    ListCommittedOffsetsOk { offsets: BTreeMap<String, usize> },
}

impl LogServer {
    pub(crate) fn new(_node: Node, is_wrong: bool) -> LogServer {
        let (messages, committed) = (RefCell::default(), RefCell::default());
        LogServer { is_wrong, sends: Cell::default(), messages, committed }
    }

    fn send(&self, key: String, message: Json) -> usize {
        self.sends.set(self.sends.get() + 1);
        let mut messages = self.messages.borrow_mut();
        let messages = messages.entry(key).or_default();
        if self.is_wrong && self.sends.get().is_multiple_of(WRONG_ONE_IN) && !messages.is_empty() {
            messages.pop();
        }
        messages.push(message);
        messages.len() - 1
    }

    fn poll(&self, offsets: BTreeMap<String, usize>) -> BTreeMap<String, Vec<(usize, Json)>> {
        let messages = self.messages.borrow();
        let from = |key: &str, offset: usize| -> Vec<(usize, Json)> {
            let messages = messages.get(key).into_iter().flatten().cloned().enumerate();
            messages.skip(offset).collect()
        };
        let polled = offsets.into_iter().map(|(key, offset)| (key.clone(), from(&key, offset)));
        // Maelstrom's checker fails on a key that never has messages.
        polled.filter(|(_, messages)| !messages.is_empty()).collect()
    }
}

#[async_trait(?Send)]
impl Handler for LogServer {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Send { key, msg } => Reply::SendOk { offset: self.send(key, msg) },
            Request::Poll { offsets } => Reply::PollOk { msgs: self.poll(offsets) },
            Request::CommitOffsets { offsets } => {
                self.committed.borrow_mut().extend(offsets);
                Reply::CommitOffsetsOk
            }
            Request::ListCommittedOffsets { keys } => {
                let committed = self.committed.borrow();
                let offset = |key: String| committed.get(&key).map(|offset| (key, *offset));
                let offsets = keys.into_iter().filter_map(offset).collect();
                Reply::ListCommittedOffsetsOk { offsets }
            }
        })
    }
}
