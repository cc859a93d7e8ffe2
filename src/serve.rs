//! How a program becomes a node: [`Handler`], and the functions that run one.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::host::Host;
use crate::node::Node;
use crate::server;
use crate::stdio;

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

/// Runs a node on stdin and stdout until stdin ends: the `main` of a Maelstrom binary.
///
/// `start` makes the handler once `init` has come.
///
/// # Errors
/// If stdin cannot be read or stdout cannot be written. Bad input is no error: it costs its line.
pub fn serve<H: Handler>(start: impl FnOnce(Node) -> H) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { serve_on(stdio::Stdin::open(), stdio::Stdout, start).await })
}

/// Runs a node on any pair of byte streams: a test's, a socket's, a simulation's.
///
/// # Errors
/// As [`serve`].
pub async fn serve_on<H: Handler>(
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin,
    start: impl FnOnce(Node) -> H,
) -> anyhow::Result<()> {
    Host::system().serve_on(input, output, start).await
}

impl Host {
    /// [`serve_on`] with this host around the node.
    ///
    /// # Errors
    /// As [`serve`].
    pub async fn serve_on<H: Handler>(
        self,
        input: impl AsyncRead + Unpin,
        output: impl AsyncWrite + Unpin,
        start: impl FnOnce(Node) -> H,
    ) -> anyhow::Result<()> {
        server::run(self, input, output, start).await
    }
}
