//! Clients of Maelstrom's services: three key-value stores and a timestamp oracle.
//!
//! See Maelstrom's `doc/services.md`. A service is a node on the network, so every operation may
//! time out, and a write that timed out may still take effect.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, RpcError};
use crate::node::{Node, RPC_TIMEOUT};
use crate::rpc::Retry;

/// Client of a key-value store. Keys and values are any JSON.
#[derive(Debug, Clone)]
pub struct KeyValue {
    service: ServiceClient,
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
enum ReadReply<V> {
    ReadOk { value: V },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WriteReply {
    WriteOk,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CasReply {
    CasOk,
}

impl KeyValue {
    /// `lin-kv`: linearizable. Each operation takes effect at one moment before its reply.
    pub fn lin(node: &Node) -> Self {
        KeyValue { service: ServiceClient::new(node, "lin-kv") }
    }

    /// `seq-kv`: sequentially consistent. All nodes see one order of writes, but a read may be
    /// stale.
    pub fn seq(node: &Node) -> Self {
        KeyValue { service: ServiceClient::new(node, "seq-kv") }
    }

    /// `lww-kv`: eventually consistent. The last writer wins, by clocks that disagree, so reads may
    /// be stale and writes may be lost. [`cas_or_create`](KeyValue::cas_or_create) is not
    /// supported.
    pub fn lww(node: &Node) -> Self {
        KeyValue { service: ServiceClient::new(node, "lww-kv") }
    }

    /// The same client with this timeout for each operation instead of 1 s.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        KeyValue { service: ServiceClient { timeout, ..self.service } }
    }

    /// The value of a key, or `None` if there is no such key.
    pub async fn read<V: DeserializeOwned + 'static>(
        &self,
        key: &impl Serialize,
    ) -> Result<Option<V>, RpcError> {
        let request: Request<'_, _, ()> = Request::Read { key };
        value_if_found(self.service.call(&request).await)
    }

    /// Repeats [`read`](KeyValue::read) until there is a reply or `retry` gives up.
    pub async fn read_retry<V: DeserializeOwned + 'static>(
        &self,
        retry: Retry,
        key: &impl Serialize,
    ) -> Result<Option<V>, RpcError> {
        let request: Request<'_, _, ()> = Request::Read { key };
        value_if_found(self.service.node.rpc_retry(retry, self.service.id, &request).await)
    }

    /// Sets the value of a key, whatever it was before.
    pub async fn write(
        &self,
        key: &impl Serialize,
        value: &impl Serialize,
    ) -> Result<(), RpcError> {
        let WriteReply::WriteOk = self.service.call(&Request::Write { key, value }).await?;
        Ok(())
    }

    /// Compare-and-set: changes the value of a key from `from` to `to`. Returns false if the key
    /// has another value or does not exist.
    pub async fn cas<V: Serialize>(
        &self,
        key: &impl Serialize,
        from: &V,
        to: &V,
    ) -> Result<bool, RpcError> {
        self.send_cas(&Request::Cas { key, from, to, create_if_not_exists: false }).await
    }

    /// [`cas`](KeyValue::cas) that creates the key if it does not exist.
    pub async fn cas_or_create<V: Serialize>(
        &self,
        key: &impl Serialize,
        from: &V,
        to: &V,
    ) -> Result<bool, RpcError> {
        self.send_cas(&Request::Cas { key, from, to, create_if_not_exists: true }).await
    }

    async fn send_cas(&self, request: &impl Serialize) -> Result<bool, RpcError> {
        match self.service.call(request).await {
            Ok(CasReply::CasOk) => Ok(true),
            Err(error) => match error.code() {
                Some(ErrorCode::KeyDoesNotExist | ErrorCode::PreconditionFailed) => Ok(false),
                _ => Err(error),
            },
        }
    }
}

fn value_if_found<V>(reply: Result<ReadReply<V>, RpcError>) -> Result<Option<V>, RpcError> {
    match reply {
        Ok(ReadReply::ReadOk { value }) => Ok(Some(value)),
        Err(error) if error.code() == Some(ErrorCode::KeyDoesNotExist) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Client of `lin-tso`, the timestamp oracle: each timestamp is larger than all before it.
#[derive(Debug, Clone)]
pub struct TimestampOracle {
    service: ServiceClient,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum TimestampRequest {
    Ts,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TimestampReply {
    TsOk { ts: u64 },
}

impl TimestampOracle {
    /// The client of a node.
    pub fn new(node: &Node) -> Self {
        TimestampOracle { service: ServiceClient::new(node, "lin-tso") }
    }

    /// The same client with this timeout instead of 1 s.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        TimestampOracle { service: ServiceClient { timeout, ..self.service } }
    }

    /// A new timestamp, counted from 0.
    pub async fn timestamp(&self) -> Result<u64, RpcError> {
        let TimestampReply::TsOk { ts } = self.service.call(&TimestampRequest::Ts).await?;
        Ok(ts)
    }
}

/// A service with the node that calls it and the timeout.
#[derive(Debug, Clone)]
struct ServiceClient {
    node: Node,
    id: &'static str,
    timeout: Duration,
}

impl ServiceClient {
    fn new(node: &Node, id: &'static str) -> Self {
        ServiceClient { node: node.clone(), id, timeout: RPC_TIMEOUT }
    }

    async fn call<R: DeserializeOwned + 'static>(
        &self,
        request: &impl Serialize,
    ) -> Result<R, RpcError> {
        self.node.rpc_with_timeout(self.timeout, self.id, request).await
    }
}
