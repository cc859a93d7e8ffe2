//! A pipe that ends with its node.
//!
//! What a process wrote before it was gone stands in the pipe and is read. Whoever else holds the
//! pipe open must neither keep readers waiting nor speak for a node that is dead.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time;

use super::pulse::Pulse;

/// How long the pipes of a process that is gone may take to run empty. They take longer only if
/// somebody else holds them open, who then would do so for good.
const EMPTY_WITHIN: Duration = Duration::from_secs(1);

/// How much may still be read when the process is gone: as much as a pipe can hold. Less would lose
/// what the node wrote; more would only be what somebody else writes.
const MOST_IN_A_PIPE: usize = 1 << 20;

/// The reading end of a node's pipe.
pub(super) struct Pipe<R> {
    source: R,
    pulse: Pulse,
    /// How much may be read when the process is gone.
    left: usize,
    /// Ready when nobody need wait for more; none, if it was.
    over: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<R> Pipe<R> {
    pub(super) fn new(source: R, pulse: Pulse) -> Pipe<R> {
        let mut watch = pulse.clone();
        let over = Box::pin(async move {
            watch.gone().await;
            time::sleep(EMPTY_WITHIN).await;
        });
        Pipe { source, pulse, left: MOST_IN_A_PIPE, over: Some(over) }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Pipe<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        // First, because a busy machine may come to it late.
        if let Poll::Ready(result) = Pin::new(&mut this.source).poll_read(cx, buffer) {
            if this.pulse.is_gone() {
                this.left = this.left.saturating_sub(buffer.filled().len() - before);
            }
            return Poll::Ready(result);
        }
        if let Some(over) = &mut this.over {
            ready!(over.as_mut().poll(cx));
            this.over = None;
            this.left = 0;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::pulse::testing::Puppet;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_a_node_wrote_is_read_when_it_is_gone_and_nothing_is_waited_for() {
        let (node, pulse) = Puppet::running();
        let (mut held, source) = tokio::io::duplex(64);
        held.write_all(b"last").await.unwrap();
        node.bury();
        let mut text = String::new();
        Pipe::new(source, pulse).read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "last");
    }

    #[tokio::test]
    async fn nobody_else_goes_on_for_a_node_that_is_gone() {
        let (node, pulse) = Puppet::running();
        node.bury();
        let mut text = Vec::new();
        Pipe::new(tokio::io::repeat(b'x'), pulse).read_to_end(&mut text).await.unwrap();
        assert!((MOST_IN_A_PIPE..2 * MOST_IN_A_PIPE).contains(&text.len()), "{}", text.len());
    }
}
