//! What a node has said and not yet written: whole lines, in order, in one buffer.
//!
//! The buffer has no limit of its own, because whatever is said must be kept until it is written.
//! But the node writes before it reads on, while it writes none of its tasks has a turn, and once
//! there is 1 MiB the next task has its turn only when that is written. So the buffer holds 1 MiB
//! and what one task says in a turn.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::body;
use crate::tasks::WakeQueue;

/// Keep this much of a buffer that has been written. More saves allocations after a burst, less
/// saves memory after a large message.
const RETAINED_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Outbox {
    buffer: RefCell<Vec<u8>>,
    wake_queue: Arc<WakeQueue>,
}

/// Who a message is from and to, and which numbers it carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) src: &'a str,
    pub(crate) dest: &'a str,
    pub(crate) msg_id: Option<u64>,
    pub(crate) in_reply_to: Option<u64>,
}

impl<'a> Envelope<'a> {
    /// The answer to the request of this number.
    pub(crate) fn reply(src: &'a str, dest: &'a str, msg_id: u64) -> Self {
        Envelope { src, dest, msg_id: None, in_reply_to: Some(msg_id) }
    }
}

impl Outbox {
    /// An empty buffer, which notifies the node when it becomes non-empty.
    pub(crate) fn new(wake_queue: Arc<WakeQueue>) -> Self {
        Outbox { buffer: RefCell::default(), wake_queue }
    }

    /// Adds a message as a line.
    ///
    /// # Panics
    /// If the body is not one: that is a bug in the node, and no reply would be the truth.
    pub(crate) fn push(&self, envelope: Envelope<'_>, body: &(impl Serialize + ?Sized)) {
        let mut lines = self.buffer.borrow_mut();
        let start = lines.len();
        if let Err(error) = write_message(&mut lines, envelope, body) {
            lines.truncate(start);
            let Envelope { src, dest, .. } = envelope;
            panic!("{src} cannot write its message to {dest} as JSON: {error}");
        }
        // JSON that is passed on as text may contain line breaks, between its tokens. A message
        // must not: it is a line.
        let line = &mut lines[start..];
        // As a rule there are none, and nothing finds that out faster.
        if line.contains(&b'\n') {
            for byte in line.iter_mut().filter(|byte| **byte == b'\n') {
                *byte = b' ';
            }
        }
        lines.push(b'\n');
        if start == 0 {
            drop(lines);
            self.wake_queue.notify();
        }
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.buffer.borrow().len()
    }

    /// Writes everything, in as few writes as possible, and flushes.
    pub(crate) async fn write_to(&self, output: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        // More may be said from outside of the node while it is being written.
        while self.len() > 0 {
            let mut lines = self.buffer.take();
            output.write_all(&lines).await?;
            output.flush().await?;
            lines.clear();
            lines.shrink_to(RETAINED_BYTES);
            let added = self.buffer.replace(lines);
            self.buffer.borrow_mut().extend_from_slice(&added);
        }
        Ok(())
    }
}

fn write_message(
    out: &mut Vec<u8>,
    envelope: Envelope<'_>,
    body: &(impl Serialize + ?Sized),
) -> serde_json::Result<()> {
    out.extend_from_slice(br#"{"src":"#);
    serde_json::to_writer(&mut *out, envelope.src)?;
    out.extend_from_slice(br#","dest":"#);
    serde_json::to_writer(&mut *out, envelope.dest)?;
    out.extend_from_slice(br#","body":"#);
    body::write(out, body, envelope.msg_id, envelope.in_reply_to)?;
    out.push(b'}');
    Ok(())
}
