//! The standard input and output of a node that is a future.

use std::io::{self, BufRead as _};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use crate::drive::Event;

/// Lines on their way to a node.
pub(super) struct Input {
    lines: mpsc::UnboundedReceiver<String>,
    line: String,
    consumed: usize,
}

/// Makes a pipe; the input ends when the sender is dropped.
pub(super) fn input() -> (mpsc::UnboundedSender<String>, Input) {
    let (sender, lines) = mpsc::unbounded_channel();
    (sender, Input { lines, line: String::new(), consumed: 0 })
}

impl AsyncRead for Input {
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

/// Lines that a node has written.
pub(super) struct Output {
    node: usize,
    events: mpsc::UnboundedSender<Event>,
    unfinished: Vec<u8>,
}

impl Output {
    pub(super) fn new(node: usize, events: mpsc::UnboundedSender<Event>) -> Output {
        Output { node, events, unfinished: Vec::new() }
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut rest = bytes;
        while rest.read_until(b'\n', &mut this.unfinished)? > 0 {
            if this.unfinished.pop_if(|byte| *byte == b'\n').is_some() {
                let line = String::from_utf8(mem::take(&mut this.unfinished))
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
                // Nobody listens any more when the test is over.
                let _ = this.events.send(Event::Said { node: this.node, line });
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
