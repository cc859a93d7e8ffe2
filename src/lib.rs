//! glomers is a small library for nodes of Maelstrom, Jepsen's workbench for distributed systems.

mod body;
mod error;
pub mod gossip;
mod host;
mod incoming;
mod kv;
mod lines;
mod message;
mod node;
mod outbox;
mod rpc;
mod serve;
mod server;
mod stdio;

pub use async_trait::async_trait;
pub use error::{Error, ErrorCode, RpcError};
pub use host::Host;
pub use kv::{KeyValue, TimestampOracle};
pub use message::{Header, Json, Message};
pub use node::Node;
pub use rpc::Retry;
pub use serve::{Handler, serve, serve_on};
