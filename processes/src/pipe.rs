//! Pipe that ends with its process.
//!
//! Bytes that the process wrote before it exited are still in the pipe, and are read. Another
//! process that holds the pipe open must neither keep the reader waiting nor write in the name of a
//! dead node.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time;

use super::run_state::RunStateReceiver;

/// Time to drain the pipe of a reaped process. It takes longer only if another process holds the
/// pipe open, perhaps for good.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes that may be read after the process was reaped: the capacity of a pipe. Less would lose
/// output of the node; more could only come from another process.
const PIPE_CAPACITY: usize = 1 << 20;

/// Reading end of a node's pipe.
pub(super) struct NodePipe<R> {
    source: R,
    run_state: RunStateReceiver,
    /// Bytes that may still be read after the process was reaped.
    remaining: usize,
    /// Completes when draining has timed out; `None` afterwards.
    drain_deadline: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<R> NodePipe<R> {
    pub(super) fn new(source: R, run_state: RunStateReceiver) -> NodePipe<R> {
        let mut watch = run_state.clone();
        let over = Box::pin(async move {
            watch.reaped().await;
            time::sleep(DRAIN_TIMEOUT).await;
        });
        NodePipe { source, run_state, remaining: PIPE_CAPACITY, drain_deadline: Some(over) }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for NodePipe<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.remaining == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        // Read before the deadline is checked, because a busy machine may poll late.
        if let Poll::Ready(result) = Pin::new(&mut this.source).poll_read(cx, buffer) {
            if this.run_state.is_reaped() {
                this.remaining = this.remaining.saturating_sub(buffer.filled().len() - before);
            }
            return Poll::Ready(result);
        }
        if let Some(over) = &mut this.drain_deadline {
            ready!(over.as_mut().poll(cx));
            this.drain_deadline = None;
            this.remaining = 0;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::run_state::testing::FakeRunState;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn output_is_read_after_the_exit_without_waiting_for_other_writers() {
        let (node, run_state) = FakeRunState::running();
        let (mut held, source) = tokio::io::duplex(64);
        held.write_all(b"last").await.unwrap();
        node.reap();
        let mut text = String::new();
        NodePipe::new(source, run_state).read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "last");
    }

    #[tokio::test]
    async fn another_process_cannot_write_for_a_reaped_node() {
        let (node, run_state) = FakeRunState::running();
        node.reap();
        let mut text = Vec::new();
        NodePipe::new(tokio::io::repeat(b'x'), run_state).read_to_end(&mut text).await.unwrap();
        assert!((PIPE_CAPACITY..2 * PIPE_CAPACITY).contains(&text.len()), "{}", text.len());
    }
}
