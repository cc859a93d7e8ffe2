//! A linearizable key-value store: every node is a replica of one map, by [`glomers::raft`].
//!
//! A write or a compare-and-set is a command in the replicated log. A compare-and-set is decided
//! when it is applied, so all replicas decide the same. A read goes to the leader, which serves it
//! once a majority has confirmed that it still leads (ReadIndex); it needs no entry and no sync. A
//! node that does not lead forwards its clients' requests, so clients may use any node. A node
//! answers while it can communicate with a majority that has a leader: two nodes of three, three of
//! four or five.
//!
//! Errors 20 (there is no such key) and 22 (the value differs) are responses of the state machine,
//! and as linearizable as a value. A request without a response in time fails with 11 if it
//! certainly had no effect, and with 0 if it may have had one. A request or a response that would
//! make a line of more than 8 MiB between replicas fails with 12, since repeating it is useless.
//!
//! Keys and values are any JSON. They are compared by value ([`Json::canonical`]), and a value is
//! read as the text in which it was written.

use std::collections::BTreeMap;

use glomers::raft::{Replica, ReplicaMessageOf, RequestError, StateMachine};
use glomers::{Error, ErrorCode, Handler, Json, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Read {
        key: Json,
    },
    Write {
        key: Json,
        value: Json,
    },
    Cas {
        key: Json,
        from: Json,
        to: Json,
    },
    /// Message from another replica.
    Raft(ReplicaMessageOf<KeyValueMap>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    ReadOk {
        value: Json,
    },
    WriteOk,
    CasOk,
    /// Never sent: replicas send no `msg_id`, so they get no reply.
    RaftOk,
}

/// The replicated map: values by the canonical texts of their keys.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct KeyValueMap(BTreeMap<String, Json>);

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KvCommand {
    Write { key: String, value: Json },
    Cas { key: String, from: Json, to: Json },
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KvResponse {
    /// A command was carried out.
    Done,
    Value(Json),
    NoSuchKey,
    Differs(Json),
}

impl StateMachine for KeyValueMap {
    type Command = KvCommand;
    type Query = String;
    type Response = KvResponse;

    fn apply(&mut self, command: &KvCommand) -> KvResponse {
        match command {
            KvCommand::Write { key, value } => {
                self.0.insert(key.clone(), value.clone());
                KvResponse::Done
            }
            KvCommand::Cas { key, from, to } => match self.0.get_mut(key) {
                None => KvResponse::NoSuchKey,
                Some(value) if value.canonical() != from.canonical() => {
                    KvResponse::Differs(value.clone())
                }
                Some(value) => {
                    value.clone_from(to);
                    KvResponse::Done
                }
            },
        }
    }

    fn query(&self, key: &String) -> KvResponse {
        self.0.get(key).map_or(KvResponse::NoSuchKey, |value| KvResponse::Value(value.clone()))
    }
}

pub(crate) struct LinKv {
    replica: Replica<KeyValueMap>,
}

impl LinKv {
    pub(crate) fn new(node: Node) -> Self {
        LinKv { replica: Replica::start(&node, Request::Raft) }
    }

    async fn propose(&self, command: KvCommand, done: Reply) -> Result<Reply, Error> {
        reply(self.replica.propose(command).await, done)
    }
}

/// Reply to a client: `done` if its command was carried out.
fn reply(response: Result<KvResponse, RequestError>, done: Reply) -> Result<Reply, Error> {
    match response? {
        KvResponse::Done => Ok(done),
        KvResponse::Value(value) => Ok(Reply::ReadOk { value }),
        KvResponse::NoSuchKey => Err(ErrorCode::KeyDoesNotExist.error("there is no such key")),
        KvResponse::Differs(value) => {
            let text = format!("the value is {}", value.get());
            Err(ErrorCode::PreconditionFailed.error(text))
        }
    }
}

#[async_trait(?Send)]
impl Handler for LinKv {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Read { key } => {
                // Never `RaftOk`: a query has no response `Done`.
                reply(self.replica.read(key.canonical()).await, Reply::RaftOk)?
            }
            Request::Write { key, value } => {
                let command = KvCommand::Write { key: key.canonical(), value };
                self.propose(command, Reply::WriteOk).await?
            }
            Request::Cas { key, from, to } => {
                let command = KvCommand::Cas { key: key.canonical(), from, to };
                self.propose(command, Reply::CasOk).await?
            }
            Request::Raft(message) => {
                self.replica.receive(from, message);
                Reply::RaftOk
            }
        })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(LinKv::new)
}

#[cfg(test)]
#[path = "lin-kv/tests/mod.rs"]
mod tests;
