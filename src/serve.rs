//! The functions that run a program's [`Handler`] as a node.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::handler::Handler;
use crate::host::Host;
use crate::node::Node;
use crate::server;
use crate::stdio;

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
