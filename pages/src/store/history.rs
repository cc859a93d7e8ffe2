//! The history of a test while it runs: `history.edn` grows with it, so whoever kills eddy loses
//! no more than its last moments.
//!
//! A thread of its own writes, so that a slow disk takes no time from the test. Each write is of
//! whole lines; one that a kill has torn all the same is left out when the file is read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use eddy_checkers::history::History;

/// How long operations wait until they are written. Longer would lose more with eddy, shorter would
/// keep the disk busy beside the nodes.
const WRITE_EVERY: Duration = Duration::from_millis(250);

/// A `history.edn` that is being written.
#[derive(Debug)]
pub struct HistoryFile {
    /// The lines that wait for the next write.
    waiting: Arc<Mutex<Vec<u8>>>,
    /// How many operations have been handed over.
    noted: usize,
    /// Dropped when nothing more comes.
    going_on: Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl HistoryFile {
    /// Begins at the end of a file, which is there.
    pub fn begin(path: &Path) -> io::Result<HistoryFile> {
        let file = OpenOptions::new().append(true).open(path)?;
        let waiting = Arc::new(Mutex::new(Vec::new()));
        let (going_on, ended) = mpsc::channel();
        let thread = Builder::new().name("history".to_owned()).spawn({
            let waiting = Arc::clone(&waiting);
            move || write(file, &waiting, &ended)
        })?;
        Ok(HistoryFile { waiting, noted: 0, going_on, thread })
    }

    /// Takes over the operations that have come since.
    pub fn note(&mut self, history: &History) {
        let new = history.ops().get(self.noted..).unwrap_or_default();
        if !new.is_empty() {
            self.noted += new.len();
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let written = new.iter().try_for_each(|op| op.write_edn(&mut *waiting));
            written.expect("memory takes every line");
        }
    }

    /// Writes what is left. An error says that some operations may be missing, in the middle as
    /// well.
    pub fn finish(self) -> io::Result<()> {
        drop(self.going_on);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("its writer has failed")))
    }
}

/// Writes what waits, time and again, until nothing more comes.
fn write(mut file: File, waiting: &Mutex<Vec<u8>>, ended: &Receiver<()>) -> io::Result<()> {
    let mut lines = Vec::new();
    loop {
        let is_last = ended.recv_timeout(WRITE_EVERY) != Err(RecvTimeoutError::Timeout);
        std::mem::swap(&mut lines, &mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
        file.write_all(&lines)?;
        lines.clear();
        if is_last {
            return Ok(());
        }
    }
}
