//! The trait that a program implements to become a node.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a node does: it answers requests.
#[async_trait(?Send)]
pub trait Handler: 'static {
    /// The requests it knows: an enum, each variant named after a `type`.
    type Request: DeserializeOwned;
    /// The replies it gives, likewise.
    type Reply: Serialize;

    /// Answers a request of the node or client `from`.
    ///
    /// Requests are started in the order in which they arrive, and then handled side by side: one
    /// that waits holds nobody up. The reply to a message without `msg_id` goes nowhere.
    ///
    /// # Errors
    /// An [`Error`](crate::Error) is sent as it is: a promise about what did not happen, if its
    /// code is definite. Any other error is sent as [`ErrorCode::Crash`](crate::ErrorCode::Crash),
    /// which promises nothing.
    async fn handle(&self, from: &str, request: Self::Request) -> anyhow::Result<Self::Reply>;
}
