//! STDIN and STDOUT of a node that is a future.

use std::io::{self, BufRead as _};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use crate::drive::NodeEvent;

/// STDIN of a node: the reading end of a pipe of lines.
pub(super) struct InputPipe {
    lines: mpsc::UnboundedReceiver<String>,
    line: String,
    consumed: usize,
}

/// Makes a pipe to a node. The input ends when the sender is dropped.
pub(super) fn input_pipe() -> (mpsc::UnboundedSender<String>, InputPipe) {
    let (sender, lines) = mpsc::unbounded_channel();
    (sender, InputPipe { lines, line: String::new(), consumed: 0 })
}

impl AsyncRead for InputPipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.consumed == this.line.len() {
            this.line = ready!(this.lines.poll_recv(cx)).unwrap_or_default();
            this.consumed = 0;
        }
        let available = &this.line.as_bytes()[this.consumed..];
        let length = available.len().min(buffer.remaining());
        buffer.put_slice(&available[..length]);
        this.consumed += length;
        Poll::Ready(Ok(()))
    }
}

/// STDOUT of a node: splits what it writes into lines, and sends them as events.
pub(super) struct OutputPipe {
    node: usize,
    events: mpsc::UnboundedSender<NodeEvent>,
    partial_line: Vec<u8>,
}

impl OutputPipe {
    pub(super) fn new(node: usize, events: mpsc::UnboundedSender<NodeEvent>) -> OutputPipe {
        OutputPipe { node, events, partial_line: Vec::new() }
    }
}

impl AsyncWrite for OutputPipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut rest = bytes;
        while rest.read_until(b'\n', &mut this.partial_line)? > 0 {
            if this.partial_line.pop_if(|byte| *byte == b'\n').is_some() {
                let line = String::from_utf8(mem::take(&mut this.partial_line))
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
                // The receiver is gone when the test is over.
                let _ = this.events.send(NodeEvent::Wrote { node: this.node, line });
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
