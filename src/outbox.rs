//! What a node has said and not yet written: whole lines, in order, in one buffer.
//!
//! The buffer grows only while the writer is stuck in the middle of a write, because nothing else
//! that makes a node talk is read meanwhile; and everything in it is a reply that somebody waits
//! for or a message that a task sent once.

use std::cell::RefCell;
use std::io;

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use crate::body;
use crate::incoming::Asker;

/// Keep this much of a buffer that has been written. More saves allocations after a burst, less
/// saves memory after a large message.
const KEEP: usize = 1 << 20;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    lines: RefCell<Vec<u8>>,
    filled: Notify,
}

/// Who a message is from and to, and which numbers it carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) src: &'a str,
    pub(crate) dest: &'a str,
    pub(crate) msg_id: Option<u64>,
    pub(crate) in_reply_to: Option<u64>,
}

impl Outbox {
    /// Adds a message as a line.
    ///
    /// # Panics
    /// If the body is not one: that is a bug in the node, and no reply would be the truth.
    pub(crate) fn push(&self, envelope: Envelope<'_>, body: &(impl Serialize + ?Sized)) {
        let mut lines = self.lines.borrow_mut();
        let start = lines.len();
        if let Err(error) = line(&mut lines, envelope, body) {
            lines.truncate(start);
            let Envelope { src, dest, .. } = envelope;
            panic!("{src} cannot write its message to {dest} as JSON: {error}");
        }
        // JSON that is passed on as text may contain line breaks, between its tokens. A message
        // must not: it is a line.
        for byte in lines[start..].iter_mut().filter(|byte| **byte == b'\n') {
            *byte = b' ';
        }
        lines.push(b'\n');
        self.filled.notify_one();
    }

    /// Adds a reply from `me` to whoever asked.
    pub(crate) fn reply(&self, me: &str, asker: &Asker, body: &(impl Serialize + ?Sized)) {
        let in_reply_to = Some(asker.msg_id);
        self.push(Envelope { src: me, dest: &asker.src, msg_id: None, in_reply_to }, body);
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.borrow().len()
    }

    /// Waits until there is something to write.
    pub(crate) async fn filled(&self) {
        while self.len() == 0 {
            self.filled.notified().await;
        }
    }

    /// Writes everything, in one go, and flushes.
    pub(crate) async fn write_to(&self, output: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let mut lines = self.lines.take();
        output.write_all(&lines).await?;
        output.flush().await?;
        lines.clear();
        lines.shrink_to(KEEP);
        let added = self.lines.replace(lines);
        self.lines.borrow_mut().extend_from_slice(&added);
        Ok(())
    }
}

fn line(
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
