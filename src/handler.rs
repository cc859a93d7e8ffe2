//! [`Handler`], the trait that defines a node's behavior.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A node's behavior: a reply to each request.
#[async_trait(?Send)]
pub trait Handler: 'static {
    /// An enum of requests. A message's `type` is the variant's name as serde renames it
    /// (`snake_case`), and the other fields of its body are the variant's fields.
    type Request: DeserializeOwned;
    /// An enum of replies, in the same form.
    type Reply: Serialize;

    /// Handles a request from the node or client `from` and returns the reply.
    ///
    /// Requests start in the order of their arrival and then run concurrently on one thread: other
    /// requests go on while one waits. The reply to a message without `msg_id` is dropped.
    ///
    /// # Errors
    /// An [`Error`](crate::Error) is sent as it is. If its code is definite, it promises that the
    /// operation did not happen. Any other error is sent as
    /// [`ErrorCode::Crash`](crate::ErrorCode::Crash), which promises nothing.
    async fn handle(&self, from: &str, request: Self::Request) -> anyhow::Result<Self::Reply>;
}
