//! STDIN of a node.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};

use super::run_state::RunStateReceiver;

/// Lines per write at most. A larger number would save nothing; with single lines, a burst of
/// messages would cost one system call each.
const MAX_LINES_PER_WRITE: usize = 64;

/// Bytes that may wait for a node to read them. Less might fail a node that is merely slow; more
/// would let a node that never reads fill the memory.
const MAX_UNREAD_BYTES: usize = 64 << 20;

/// Time that a node which closed its STDIN has to exit. A shorter one would take an exiting node
/// for a running one; with a longer one, short tests would not notice.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Writer of a node's STDIN.
#[derive(Debug)]
pub(super) struct StdinWriter {
    lines: mpsc::UnboundedSender<String>,
    backlog: Arc<StdinBacklog>,
}

/// Input that a node has not read yet.
#[derive(Debug, Default)]
pub(super) struct StdinBacklog {
    bytes: AtomicUsize,
    overflow: Notify,
    /// Number of lines written before the node closed its STDIN, if it kept running.
    closed_after: OnceLock<usize>,
}

/// Starts a task that writes lines until the sender is dropped, STDIN is closed, or the node is
/// killed. The kill counts even if another process holds STDIN open.
pub(super) fn start(
    stdin: impl AsyncWrite + Unpin + Send + 'static,
    run_state: RunStateReceiver,
) -> (StdinWriter, Arc<StdinBacklog>) {
    let (lines, to_write) = mpsc::unbounded_channel();
    let backlog = Arc::new(StdinBacklog::default());
    let (mut end, task_backlog) = (run_state.clone(), Arc::clone(&backlog));
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = end.killed() => {}
            () = write(stdin, to_write, task_backlog, run_state) => {}
        }
    });
    (StdinWriter { lines, backlog: Arc::clone(&backlog) }, backlog)
}

impl StdinWriter {
    /// Queues a line for the node.
    pub(super) fn deliver(&self, line: String) {
        let length = line.len();
        let backlog = self.backlog.bytes.fetch_add(length, Ordering::Relaxed) + length;
        // A node may close its STDIN; the backlog then means nothing.
        let is_open = self.lines.send(line).is_ok();
        if is_open && backlog > MAX_UNREAD_BYTES {
            self.backlog.overflow.notify_one();
        }
    }
}

impl StdinBacklog {
    /// Number of lines written before the node closed its STDIN, if it kept running.
    pub(super) fn closed_after(&self) -> Option<usize> {
        self.closed_after.get().copied()
    }

    /// Waits until the backlog is over its bound; returns a predicate for the node, such as "does
    /// not read STDIN".
    pub(super) async fn overflow(&self) -> String {
        self.overflow.notified().await;
        let most = MAX_UNREAD_BYTES >> 20;
        format!(
            "does not read STDIN: more than {most} MiB wait for it. A node must go on reading \
             whatever else it does."
        )
    }
}

async fn write(
    mut stdin: impl AsyncWrite + Unpin,
    mut lines: mpsc::UnboundedReceiver<String>,
    backlog: Arc<StdinBacklog>,
    mut run_state: RunStateReceiver,
) {
    let mut waiting = Vec::with_capacity(MAX_LINES_PER_WRITE);
    let mut written = 0;
    while lines.recv_many(&mut waiting, MAX_LINES_PER_WRITE).await > 0 {
        let text = waiting.concat();
        // A node that closed its STDIN may be about to exit, and its exit status says more than
        // this error.
        if stdin.write_all(text.as_bytes()).await.is_err() {
            drop(lines);
            run_state.has_run_for(EXIT_TIMEOUT).await;
            let _ = backlog.closed_after.set(written);
            return;
        }
        written += waiting.len();
        backlog.bytes.fetch_sub(text.len(), Ordering::Relaxed);
        waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::super::run_state::testing::FakeRunState;
    use super::*;

    #[tokio::test]
    async fn a_node_that_does_not_read_is_reported() {
        let (_node, run_state) = FakeRunState::running();
        let (stdin, _held) = tokio::io::duplex(1);
        let (input, backlog) = start(stdin, run_state);
        input.deliver("x".repeat(MAX_UNREAD_BYTES));
        assert!(is_pending(backlog.overflow()).await);
        input.deliver("y".to_owned());
        assert!(backlog.overflow().await.starts_with("does not read STDIN: more than 64 MiB"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_stdin_is_recorded_after_the_node_had_time_to_exit() {
        let (node, run_state) = FakeRunState::running();
        let (stdin, held) = tokio::io::duplex(64);
        let (input, backlog) = start(stdin, run_state);
        input.deliver("one\n".to_owned());
        tokio::time::sleep(EXIT_TIMEOUT).await;
        drop(held);
        input.deliver("two\n".to_owned());
        tokio::time::sleep(EXIT_TIMEOUT / 2).await;
        node.pause();
        tokio::time::sleep(60 * EXIT_TIMEOUT).await;
        assert_eq!(backlog.closed_after(), None);
        node.resume();
        tokio::time::sleep(2 * EXIT_TIMEOUT).await;
        assert_eq!(backlog.closed_after(), Some(1));
    }

    #[tokio::test]
    async fn unread_input_is_lost_when_the_node_is_killed() {
        let (node, run_state) = FakeRunState::running();
        let (stdin, mut held) = tokio::io::duplex(4);
        let (input, _) = start(stdin, run_state);
        input.deliver("one\ntwo\nthree\n".to_owned());
        assert_eq!(held.read_u8().await.unwrap(), b'o');
        node.kill();
        let mut text = String::new();
        held.read_to_string(&mut text).await.unwrap();
        assert!("ne\ntwo\n".starts_with(&text), "{text:?}");
    }

    async fn is_pending(future: impl Future<Output = String>) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = tokio::task::yield_now() => true,
        }
    }
}
