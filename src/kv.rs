//! Clients of the services that Maelstrom offers on the network: three key-value stores and a
//! timestamp oracle.
//!
//! See Maelstrom's `doc/services.md`. A service is a node like any other, so every call may time
//! out, and a write that timed out may still happen.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, RpcError};
use crate::node::Node;

/// A key-value store. Keys and values are any JSON.
#[derive(Debug, Clone)]
pub struct KeyValue {
    node: Node,
    service: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Request<'a, K, V> {
    Read {
        key: &'a K,
    },
    Write {
        key: &'a K,
        value: &'a V,
    },
    Cas {
        key: &'a K,
        from: &'a V,
        to: &'a V,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        create_if_not_exists: bool,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply<V> {
    ReadOk { value: V },
}

/// A reply that says only that it was done.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Done {
    WriteOk,
    CasOk,
}

impl KeyValue {
    /// `lin-kv`: every operation takes effect at one moment between its request and its answer.
    pub fn lin(node: &Node) -> Self {
        KeyValue { node: node.clone(), service: "lin-kv" }
    }

    /// `seq-kv`: all nodes see the same order of writes, but a read may see the past.
    pub fn seq(node: &Node) -> Self {
        KeyValue { node: node.clone(), service: "seq-kv" }
    }

    /// `lww-kv`: the last writer wins, by clocks that disagree; a read may see the past, and writes
    /// may vanish. It does not know [`cas_or_create`](KeyValue::cas_or_create).
    pub fn lww(node: &Node) -> Self {
        KeyValue { node: node.clone(), service: "lww-kv" }
    }

    /// The value of a key, or `None` if there is no such key.
    pub async fn read<V: DeserializeOwned>(
        &self,
        key: &impl Serialize,
    ) -> Result<Option<V>, RpcError> {
        let request: Request<'_, _, ()> = Request::Read { key };
        match self.node.rpc(self.service, &request).await {
            Ok(Reply::ReadOk { value }) => Ok(Some(value)),
            Err(error) if error.code() == Some(ErrorCode::KeyDoesNotExist) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a key a value, whatever it had before.
    pub async fn write(
        &self,
        key: &impl Serialize,
        value: &impl Serialize,
    ) -> Result<(), RpcError> {
        let _: Done = self.node.rpc(self.service, &Request::Write { key, value }).await?;
        Ok(())
    }

    /// Gives a key the value `to` if it has the value `from`, and says whether it did.
    ///
    /// A key that does not exist has no value, so the answer is `false`.
    pub async fn cas<V: Serialize>(
        &self,
        key: &impl Serialize,
        from: &V,
        to: &V,
    ) -> Result<bool, RpcError> {
        self.swap(&Request::Cas { key, from, to, create_if_not_exists: false }).await
    }

    /// [`cas`](KeyValue::cas) that also succeeds if there is no such key.
    pub async fn cas_or_create<V: Serialize>(
        &self,
        key: &impl Serialize,
        from: &V,
        to: &V,
    ) -> Result<bool, RpcError> {
        self.swap(&Request::Cas { key, from, to, create_if_not_exists: true }).await
    }

    async fn swap(&self, request: &impl Serialize) -> Result<bool, RpcError> {
        match self.node.rpc::<Done>(self.service, request).await {
            Ok(_) => Ok(true),
            Err(error) => match error.code() {
                Some(ErrorCode::KeyDoesNotExist | ErrorCode::PreconditionFailed) => Ok(false),
                _ => Err(error),
            },
        }
    }
}

/// `lin-tso`: hands out timestamps, each larger than every one that was handed out before.
#[derive(Debug, Clone)]
pub struct TimestampOracle {
    node: Node,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Timestamp {
    Ts,
    TsOk { ts: u64 },
}

impl TimestampOracle {
    /// The oracle, as seen from a node.
    pub fn new(node: &Node) -> Self {
        TimestampOracle { node: node.clone() }
    }

    /// A new timestamp, counted from 0.
    pub async fn timestamp(&self) -> Result<u64, RpcError> {
        match self.node.rpc("lin-tso", &Timestamp::Ts).await? {
            Timestamp::TsOk { ts } => Ok(ts),
            Timestamp::Ts => Err(RpcError::Unreadable {
                body: "ts".to_owned(),
                reason: "expected ts_ok".to_owned(),
            }),
        }
    }
}
