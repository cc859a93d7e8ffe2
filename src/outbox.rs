//! Output buffer: the messages that were sent and not yet written, as whole lines in order.
//!
//! The buffer itself has no limit, because no sent message may be dropped. But the node writes
//! before it reads on, polls no task while it writes, and polls no further task while the buffer
//! holds more than 1 MiB. So the buffer holds at most 1 MiB and the messages of one poll of one
//! task.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::body;
use crate::tasks::WakeQueue;

/// Buffer capacity kept after a write. A larger size saves allocations after a burst; a smaller one
/// saves memory after a large message.
const RETAINED_BYTES: usize = 1 << 20;

/// The messages to be written.
#[derive(Debug)]
pub(crate) struct Outbox {
    buffer: RefCell<Vec<u8>>,
    wake_queue: Arc<WakeQueue>,
}

/// The addresses and the numbers of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) src: &'a str,
    pub(crate) dest: &'a str,
    pub(crate) msg_id: Option<u64>,
    pub(crate) in_reply_to: Option<u64>,
}

impl<'a> Envelope<'a> {
    /// The envelope of the reply to the request with this `msg_id`.
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
    /// If the body cannot be written as one. That is a bug in the node, and no reply would be true.
    pub(crate) fn push(&self, envelope: Envelope<'_>, body: &(impl Serialize + ?Sized)) {
        let mut lines = self.buffer.borrow_mut();
        let start = lines.len();
        if let Err(error) = write_message(&mut lines, envelope, body) {
            lines.truncate(start);
            let Envelope { src, dest, .. } = envelope;
            panic!("{src} cannot write its message to {dest} as JSON: {error}");
        }
        // JSON that is passed on as text may contain line breaks between its tokens, and a message
        // is one line.
        let line = &mut lines[start..];
        // There is rarely one, and `contains` is the fastest way to find that out.
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

    /// The number of buffered bytes.
    pub(crate) fn len(&self) -> usize {
        self.buffer.borrow().len()
    }

    /// Writes everything, in as few writes as possible, and flushes.
    pub(crate) async fn write_to(&self, output: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        // Code outside the node's future may send more during a write.
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
