//! Input and output that come and go in pieces of any size.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::fuzz::generator::Random;

/// The two ends of a node: what it reads, and what it has written.
pub(crate) struct Pipe<B> {
    random: Random,
    /// The largest piece.
    largest: usize,
    bytes: B,
}

impl<B> Pipe<B> {
    pub(crate) fn new(seed: u64, largest: usize, bytes: B) -> Self {
        Pipe { random: Random::new(seed), largest, bytes }
    }

    /// How much goes through now, or `Pending` for once.
    fn piece(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.random.below(4) == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(1 + self.random.below(self.largest))
    }
}

impl AsyncRead for Pipe<&[u8]> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.piece(cx).map(|length| {
            let length = length.min(self.bytes.len()).min(buffer.remaining());
            let (piece, rest) = self.bytes.split_at(length);
            buffer.put_slice(piece);
            self.bytes = rest;
            Ok(())
        })
    }
}

impl AsyncWrite for Pipe<&mut Vec<u8>> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.piece(cx).map(|length| {
            let length = length.min(bytes.len());
            self.bytes.extend_from_slice(&bytes[..length]);
            Ok(length)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
