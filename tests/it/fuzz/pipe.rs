//! Input and output in chunks of random size.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::fuzz::generator::LineGenerator;

/// A node's input (`B = &[u8]`) or output (`B = &mut Vec<u8>`).
pub(crate) struct ChunkedPipe<B> {
    random: LineGenerator,
    /// Maximum length of a chunk.
    max_chunk: usize,
    bytes: B,
}

impl<B> ChunkedPipe<B> {
    pub(crate) fn new(seed: u64, max_chunk: usize, bytes: B) -> Self {
        ChunkedPipe { random: LineGenerator::new(seed), max_chunk, bytes }
    }

    /// The length of the next chunk, or sometimes `Pending`.
    fn next_chunk(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.random.below(4) == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(1 + self.random.below(self.max_chunk))
    }
}

impl AsyncRead for ChunkedPipe<&[u8]> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.next_chunk(cx).map(|length| {
            let length = length.min(self.bytes.len()).min(buffer.remaining());
            let (piece, rest) = self.bytes.split_at(length);
            buffer.put_slice(piece);
            self.bytes = rest;
            Ok(())
        })
    }
}

impl AsyncWrite for ChunkedPipe<&mut Vec<u8>> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.next_chunk(cx).map(|length| {
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
