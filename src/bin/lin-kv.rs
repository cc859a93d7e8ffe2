//! A key-value store that is linearizable: every node is a replica of one map, by
//! [`glomers::raft`].
//!
//! Whatever changes the map is a command in the log that all replicas have in common, and a
//! compare-and-set is decided when it is applied, so all of them decide the same. A read is a
//! question to the leader, which answers once a majority has confirmed that it still leads; it
//! takes no entry, and no disk. A node that does not lead passes its clients' wishes on, so they
//! may ask anybody. While a majority can talk, everything is answered: two nodes of three, three of
//! four or five.
//!
//! Refusals are part of the map's answers: that there is no such key (20), or that its value
//! differs (22), is as much a fact as a value is. What cannot be answered in time is refused with
//! 11 if it certainly did not happen, and with 0 if it may have. What would make a line of more
//! than 8 MiB between replicas is refused with 12, since to ask again would be of no use.
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
    /// Goes nowhere: replicas answer each other with letters of their own.
    RaftOk,
}

/// Values by the canonical texts of their keys.
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
