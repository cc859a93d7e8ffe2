//! STDIN of a node.

use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;

/// How many lines go into one write at most. More would save nothing; one by one, a burst of
/// messages would cost a system call each.
const AT_ONCE: usize = 64;

/// Writes lines until there are no more to come, or nobody reads them.
pub(super) async fn write(mut stdin: ChildStdin, mut lines: mpsc::UnboundedReceiver<String>) {
    let mut waiting = Vec::with_capacity(AT_ONCE);
    while lines.recv_many(&mut waiting, AT_ONCE).await > 0 {
        // A node that has closed its STDIN may be about to end, which says more than this error.
        if stdin.write_all(waiting.concat().as_bytes()).await.is_err() {
            return;
        }
        waiting.clear();
    }
}
