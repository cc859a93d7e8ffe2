//! History of a running test: `history.edn` grows with it, so a kill of eddy loses only the last
//! moments.
//!
//! A thread writes it, so that a slow disk does not delay the test. Each write consists of whole
//! lines. A line torn by a kill is left out when the file is read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use eddy_checkers::history::History;

/// Interval between writes. A longer one would lose more in a crash of eddy; a shorter one would
/// keep the disk busy beside the nodes.
const WRITE_INTERVAL: Duration = Duration::from_millis(250);

/// Writer of a `history.edn`.
#[derive(Debug)]
pub struct HistoryWriter {
    /// Lines that wait for the next write.
    buffer: Arc<Mutex<Vec<u8>>>,
    /// Number of operations appended so far.
    appended: usize,
    /// Dropped to stop the thread after its last write.
    stop_sender: Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl HistoryWriter {
    /// Opens an existing file for appending.
    pub fn open(path: &Path) -> io::Result<HistoryWriter> {
        let file = OpenOptions::new().append(true).open(path)?;
        let buffer = Arc::new(Mutex::new(Vec::new()));
        let (stop_sender, ended) = mpsc::channel();
        let thread = Builder::new().name("history".to_owned()).spawn({
            let buffer = Arc::clone(&buffer);
            move || write(file, &buffer, &ended)
        })?;
        Ok(HistoryWriter { buffer, appended: 0, stop_sender, thread })
    }

    /// Appends the operations that are new since the last call.
    pub fn append(&mut self, history: &History) {
        let new = history.ops().get(self.appended..).unwrap_or_default();
        if !new.is_empty() {
            self.appended += new.len();
            let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
            let written = new.iter().try_for_each(|op| op.write_edn(&mut *buffer));
            written.expect("memory takes every line");
        }
    }

    /// Writes the rest. After an error, operations may be missing anywhere in the file.
    pub fn finish(self) -> io::Result<()> {
        drop(self.stop_sender);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("its writer has failed")))
    }
}

/// Writes the buffered lines at an interval, until the sender is dropped.
fn write(mut file: File, buffer: &Mutex<Vec<u8>>, ended: &Receiver<()>) -> io::Result<()> {
    let mut lines = Vec::new();
    loop {
        let is_last = ended.recv_timeout(WRITE_INTERVAL) != Err(RecvTimeoutError::Timeout);
        std::mem::swap(&mut lines, &mut *buffer.lock().unwrap_or_else(PoisonError::into_inner));
        file.write_all(&lines)?;
        lines.clear();
        if is_last {
            return Ok(());
        }
    }
}
