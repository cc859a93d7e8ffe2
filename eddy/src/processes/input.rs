//! STDIN of a node.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};

/// How many lines go into one write at most. More would save nothing; one by one, a burst of
/// messages would cost a system call each.
const AT_ONCE: usize = 64;

/// How many bytes may wait for a node to read them. Less might be too little for a node that is
/// merely slow, or paused for a while; more would let a node that never reads fill the memory.
const MOST_UNREAD: usize = 64 << 20;

/// Lines on their way to a node.
#[derive(Debug)]
pub(super) struct Input {
    lines: mpsc::UnboundedSender<String>,
    unread: Arc<Unread>,
}

/// How much of its input a node has yet to read.
#[derive(Debug, Default)]
pub(super) struct Unread {
    bytes: AtomicUsize,
    too_much: Notify,
}

/// Starts a task that writes lines until there are no more to come, or nobody reads them.
pub(super) fn start(stdin: impl AsyncWrite + Unpin + Send + 'static) -> (Input, Arc<Unread>) {
    let (lines, to_write) = mpsc::unbounded_channel();
    let unread = Arc::new(Unread::default());
    tokio::spawn(write(stdin, to_write, Arc::clone(&unread)));
    (Input { lines, unread: Arc::clone(&unread) }, unread)
}

impl Input {
    /// Hands the node a line.
    pub(super) fn deliver(&self, line: String) {
        let length = line.len();
        let unread = self.unread.bytes.fetch_add(length, Ordering::Relaxed) + length;
        // A node that has closed its STDIN reads no more, which is its right.
        let is_open = self.lines.send(line).is_ok();
        if is_open && unread > MOST_UNREAD {
            self.unread.too_much.notify_one();
        }
    }
}

impl Unread {
    /// Waits until there is more than there may be, and says so in words that follow "it".
    pub(super) async fn too_much(&self) -> String {
        self.too_much.notified().await;
        let most = MOST_UNREAD >> 20;
        format!(
            "does not read STDIN: more than {most} MiB wait for it. A node must go on reading \
             whatever else it does."
        )
    }
}

async fn write(
    mut stdin: impl AsyncWrite + Unpin,
    mut lines: mpsc::UnboundedReceiver<String>,
    unread: Arc<Unread>,
) {
    let mut waiting = Vec::with_capacity(AT_ONCE);
    while lines.recv_many(&mut waiting, AT_ONCE).await > 0 {
        let text = waiting.concat();
        // A node that has closed its STDIN may be about to end, which says more than this error.
        if stdin.write_all(text.as_bytes()).await.is_err() {
            return;
        }
        unread.bytes.fetch_sub(text.len(), Ordering::Relaxed);
        waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_that_does_not_read_is_found_out() {
        let (stdin, _held) = tokio::io::duplex(1);
        let (input, unread) = start(stdin);
        input.deliver("x".repeat(MOST_UNREAD));
        assert!(futures_are_pending(unread.too_much()).await);
        input.deliver("y".to_owned());
        assert!(unread.too_much().await.starts_with("does not read STDIN: more than 64 MiB"));
    }

    async fn futures_are_pending(future: impl Future<Output = String>) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = tokio::task::yield_now() => true,
        }
    }
}
