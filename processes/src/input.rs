//! STDIN of a node.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};

use super::pulse::Pulse;

/// How many lines go into one write at most. More would save nothing; one by one, a burst of
/// messages would cost a system call each.
const AT_ONCE: usize = 64;

/// How many bytes may wait for a node to read them. Less might be too little for a node that is
/// merely slow; more would let a node that never reads fill the memory.
const MOST_UNREAD: usize = 64 << 20;

/// How long a node that has closed its STDIN may run until it ends. Shorter, and a node that ends
/// would be taken for one that lives on; longer, and short tests would not find it out.
const ENDED_WITHIN: Duration = Duration::from_secs(1);

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
    /// After how many lines the node had closed its STDIN, and lived on.
    closed_after: OnceLock<usize>,
}

/// Starts a task that writes lines until there are no more to come, nobody reads them, or the node
/// is killed, whoever else may hold its STDIN open.
pub(super) fn start(
    stdin: impl AsyncWrite + Unpin + Send + 'static,
    pulse: Pulse,
) -> (Input, Arc<Unread>) {
    let (lines, to_write) = mpsc::unbounded_channel();
    let unread = Arc::new(Unread::default());
    let (mut end, noted) = (pulse.clone(), Arc::clone(&unread));
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = end.killed() => {}
            () = write(stdin, to_write, noted, pulse) => {}
        }
    });
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
    /// How many lines could be written, if no more can although the node lives on.
    pub(super) fn closed_after(&self) -> Option<usize> {
        self.closed_after.get().copied()
    }

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
    mut pulse: Pulse,
) {
    let mut waiting = Vec::with_capacity(AT_ONCE);
    let mut written = 0;
    while lines.recv_many(&mut waiting, AT_ONCE).await > 0 {
        let text = waiting.concat();
        // A node that has closed its STDIN may be about to end, which says more than this error.
        if stdin.write_all(text.as_bytes()).await.is_err() {
            drop(lines);
            pulse.has_run_for(ENDED_WITHIN).await;
            let _ = unread.closed_after.set(written);
            return;
        }
        written += waiting.len();
        unread.bytes.fetch_sub(text.len(), Ordering::Relaxed);
        waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::super::pulse::testing::Puppet;
    use super::*;

    #[tokio::test]
    async fn a_node_that_does_not_read_is_found_out() {
        let (_node, pulse) = Puppet::running();
        let (stdin, _held) = tokio::io::duplex(1);
        let (input, unread) = start(stdin, pulse);
        input.deliver("x".repeat(MOST_UNREAD));
        assert!(futures_are_pending(unread.too_much()).await);
        input.deliver("y".to_owned());
        assert!(unread.too_much().await.starts_with("does not read STDIN: more than 64 MiB"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_closes_its_stdin_is_noted_when_it_had_time_to_end() {
        let (node, pulse) = Puppet::running();
        let (stdin, held) = tokio::io::duplex(64);
        let (input, unread) = start(stdin, pulse);
        input.deliver("one\n".to_owned());
        tokio::time::sleep(ENDED_WITHIN).await;
        drop(held);
        input.deliver("two\n".to_owned());
        tokio::time::sleep(ENDED_WITHIN / 2).await;
        node.pause();
        tokio::time::sleep(60 * ENDED_WITHIN).await;
        assert_eq!(unread.closed_after(), None);
        node.resume();
        tokio::time::sleep(2 * ENDED_WITHIN).await;
        assert_eq!(unread.closed_after(), Some(1));
    }

    #[tokio::test]
    async fn what_stands_in_stdin_is_lost_when_the_node_is_killed() {
        let (node, pulse) = Puppet::running();
        let (stdin, mut held) = tokio::io::duplex(4);
        let (input, _) = start(stdin, pulse);
        input.deliver("one\ntwo\nthree\n".to_owned());
        assert_eq!(held.read_u8().await.unwrap(), b'o');
        node.kill();
        let mut text = String::new();
        held.read_to_string(&mut text).await.unwrap();
        assert!("ne\ntwo\n".starts_with(&text), "{text:?}");
    }

    async fn futures_are_pending(future: impl Future<Output = String>) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = tokio::task::yield_now() => true,
        }
    }
}
