//! Standard input and output as asynchronous byte streams.
//!
//! tokio has its own, but a blocked read of its stdin cannot be canceled: a node that fails would
//! hang until it received one more line. Here a pipe, as Maelstrom gives its nodes, is polled by
//! the node's thread. A file or a terminal cannot be polled, so a second thread reads it, which
//! ends with the process.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

/// Maximum size of one read by the thread. A larger size takes more memory per node; a smaller one
/// needs more reads under load.
const CHUNK_BYTES: usize = 64 << 10;

/// Chunks in the queue before the thread stops reading, so that a fast writer blocks instead of
/// filling the memory. A larger number buffers longer pauses of the node; a smaller one takes less
/// memory.
const MAX_QUEUED_CHUNKS: usize = 16;

/// Standard input.
pub(crate) enum Stdin {
    #[cfg(unix)]
    Pipe(tokio::net::unix::pipe::Receiver),
    Thread(StdinThread),
}

/// Standard input, read by a thread into a queue of chunks.
pub(crate) struct StdinThread {
    queue: mpsc::Receiver<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    consumed: usize,
}

impl Stdin {
    /// Opens standard input. To be called once, inside a runtime.
    pub(crate) fn open() -> Self {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd as _;
            // This makes the pipe non-blocking for all of its readers. The node is the only one:
            // two programs cannot share an input of lines in a meaningful way.
            let file = io::stdin().as_fd().try_clone_to_owned();
            if let Ok(pipe) = file.and_then(tokio::net::unix::pipe::Receiver::from_owned_fd) {
                return Stdin::Pipe(pipe);
            }
        }
        Stdin::Thread(StdinThread::spawn())
    }
}

impl StdinThread {
    fn spawn() -> Self {
        let (sender, queue) = mpsc::channel(MAX_QUEUED_CHUNKS);
        std::thread::spawn(move || {
            let mut stdin = io::stdin().lock();
            let mut buffer = vec![0; CHUNK_BYTES];
            loop {
                let chunk = match stdin.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => Ok(buffer[..length].to_vec()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let failed = chunk.is_err();
                if sender.blocking_send(chunk).is_err() || failed {
                    break;
                }
            }
        });
        StdinThread { queue, current: Vec::new(), consumed: 0 }
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            #[cfg(unix)]
            Stdin::Pipe(pipe) => Pin::new(pipe).poll_read(cx, buffer),
            Stdin::Thread(chunks) => Pin::new(chunks).poll_read(cx, buffer),
        }
    }
}

impl AsyncRead for StdinThread {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.consumed == this.current.len() {
            this.current = ready!(this.queue.poll_recv(cx)).transpose()?.unwrap_or_default();
            this.consumed = 0;
        }
        let available = &this.current[this.consumed..];
        let length = available.len().min(buffer.remaining());
        buffer.put_slice(&available[..length]);
        this.consumed += length;
        Poll::Ready(Ok(()))
    }
}

/// Standard output. A write blocks the whole node, which polls no task during a write anyway.
pub(crate) struct Stdout;

impl AsyncWrite for Stdout {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(io::stdout().write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(io::stdout().flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
