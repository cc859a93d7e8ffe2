//! Write queue of one file: group commit, and marks of durable batches.
//!
//! A task of the node writes, and callers only wait for it. So a dropped call neither leaves half
//! of a record in the file nor blocks other callers. The task runs while there is something to
//! write. Records that arrive during a write form the next batch, with a single sync: the more
//! callers there are, the less each of them costs.
//!
//! A batch shows that the one before it was durable. After a while without writes, an empty batch,
//! a mark, does the same. It takes another sync, but at a time when nobody waits for the disk.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use anyhow::anyhow;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::Storage;
use super::record;
use super::recovery::RecoveredFile;

/// Time without writes after which the last batch is marked as durable. A longer one extends the
/// time in which damage to this batch is mistaken for a kill. A shorter one takes a second sync for
/// more writes: each that is the only one in this time.
const MARK_DELAY: Duration = Duration::from_secs(1);

/// Place of new records: after those in the file, or instead of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteMode {
    Append,
    Replace,
}

/// An open file of a node. Its name is free again when this is dropped.
pub(super) struct DurableFile {
    storage: Storage,
    name: String,
    state: RefCell<FileState>,
}

/// State of the queue. Invariant: `is_writing` if a caller waits in `pending` and no write has
/// failed.
struct FileState {
    /// The batch to write next.
    pending: PendingBatch,
    /// True while the task that writes is running.
    is_writing: bool,
    /// The error of a failed write, after which all further writes fail.
    failure: Option<Rc<str>>,
    /// The number of batches in the file; 0 if there is no file.
    batches: u64,
    /// True if the file shows that its last batch is durable.
    is_marked: bool,
    /// Time at which the last batch was written or recovered.
    written_at: Instant,
    /// True while the task that will mark the last batch is running.
    is_mark_scheduled: bool,
}

/// Records that are written together.
#[derive(Default)]
struct PendingBatch {
    is_replacement: bool,
    /// True to write the batch even if it has no records.
    is_mark: bool,
    /// The records as lines of JSON.
    lines: Vec<u8>,
    /// The callers in the order of their calls, which is the order in which they are woken.
    waiters: Vec<oneshot::Sender<Result<(), Rc<str>>>>,
}

impl DurableFile {
    pub(super) fn new(storage: Storage, name: String) -> Rc<Self> {
        let state = FileState {
            pending: PendingBatch::default(),
            is_writing: false,
            failure: None,
            batches: 0,
            is_marked: true,
            written_at: Instant::now(),
            is_mark_scheduled: false,
        };
        Rc::new(DurableFile { storage, name, state: RefCell::new(state) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Continues after the recovered batches. [`Disk::read`](super::Disk::read) has made them
    /// durable.
    pub(super) fn resume_after(self: &Rc<Self>, found: &RecoveredFile<'_>) {
        {
            let mut state = self.state.borrow_mut();
            (state.batches, state.is_marked) = (found.batches, found.is_marked);
        }
        self.schedule_mark();
    }

    /// Serializes entries as lines of JSON.
    pub(super) fn lines(&self, entries: &[impl Serialize]) -> Vec<u8> {
        let mut lines = Vec::new();
        for entry in entries {
            if let Err(error) = record::push_line(&mut lines, entry) {
                panic!("{} cannot write an entry of {self} as JSON: {error}", self.storage.id());
            }
        }
        lines
    }

    /// Queues lines, and waits until they are durable.
    pub(super) fn write(
        self: &Rc<Self>,
        mode: WriteMode,
        lines: &[u8],
    ) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let (caller, answer) = oneshot::channel();
        let mut state = self.state.borrow_mut();
        if let Some(failure) = &state.failure {
            // The caller may have dropped its future.
            let _ = caller.send(Err(Rc::clone(failure)));
        } else if self.storage.disk().is_none() {
            let _ = caller.send(Ok(()));
        } else {
            state.pending.add(mode, lines);
            state.pending.waiters.push(caller);
            if !std::mem::replace(&mut state.is_writing, true) {
                self.storage.spawn(Rc::clone(self).write_batches());
            }
        }
        async move {
            let answer = answer.await.map_err(|_| anyhow!("the node is ending"))?;
            answer.map_err(|failure| anyhow!("{failure}"))
        }
    }

    /// Writes batches until none is pending.
    async fn write_batches(self: Rc<Self>) {
        while let Some(batch) = self.take_batch() {
            let outcome = self.write_batch(&batch).await.map_err(|error| self.fail_all(&error));
            for caller in batch.waiters {
                let _ = caller.send(outcome.clone());
            }
            if outcome.is_ok() {
                self.schedule_mark();
            }
        }
    }

    fn take_batch(&self) -> Option<PendingBatch> {
        let mut state = self.state.borrow_mut();
        let batch = std::mem::take(&mut state.pending);
        state.is_writing = batch.is_mark || !batch.waiters.is_empty();
        state.is_writing.then_some(batch)
    }

    async fn write_batch(&self, batch: &PendingBatch) -> io::Result<()> {
        let Some(disk) = self.storage.disk() else { return Ok(()) };
        if batch.lines.is_empty() && !batch.is_replacement && !batch.is_mark {
            return Ok(());
        }
        let before = self.state.borrow().batches;
        // A replacement is durable before it is visible, so batch 1 is always written by one.
        let replaces = batch.is_replacement || before == 0;
        let number = if replaces { 1 } else { before + 1 };
        let bytes = record::encode_batch(number, &batch.lines);
        if replaces {
            disk.replace(&self.name, &bytes).await?;
        } else {
            disk.append(&self.name, &bytes).await?;
        }
        let mut state = self.state.borrow_mut();
        state.batches = number;
        state.is_marked = replaces || batch.lines.is_empty();
        state.written_at = Instant::now();
        Ok(())
    }

    /// Fails all pending and future writes.
    ///
    /// A retry would be wrong. The kernel may drop the pages that it could not write, and then the
    /// next sync succeeds although they are lost (Rebello et al., *Can Applications Recover from
    /// fsync Failures?*, USENIX ATC 2020).
    fn fail_all(&self, error: &io::Error) -> Rc<str> {
        let failure: Rc<str> =
            format!("cannot write {self}: {error}; further writes fail until a restart").into();
        let mut state = self.state.borrow_mut();
        state.failure = Some(Rc::clone(&failure));
        for caller in std::mem::take(&mut state.pending).waiters {
            let _ = caller.send(Err(Rc::clone(&failure)));
        }
        failure
    }

    /// Starts the task that marks the last batch as durable, unless it is marked.
    fn schedule_mark(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        if !state.is_marked && !std::mem::replace(&mut state.is_mark_scheduled, true) {
            self.storage.spawn(DurableFile::mark_when_idle(Rc::downgrade(self)));
        }
    }

    /// Marks the last batch when nothing was written for [`MARK_DELAY`]. Holds the file weakly, so
    /// that it can be closed meanwhile.
    async fn mark_when_idle(file: Weak<DurableFile>) {
        while let Some(due) = file.upgrade().and_then(|file| file.schedule_next_check()) {
            sleep_until(due).await;
            if let Some(file) = file.upgrade() {
                file.mark(due).await;
            }
        }
    }

    /// Time at which to check again, or `None` if no mark is needed: then the task that marks ends.
    fn schedule_next_check(&self) -> Option<Instant> {
        let state = &mut *self.state.borrow_mut();
        state.is_mark_scheduled = !state.is_marked && state.failure.is_none();
        let since = if state.is_writing { Instant::now() } else { state.written_at };
        state.is_mark_scheduled.then(|| since + MARK_DELAY)
    }

    /// Writes a mark, unless the file was written since `due` was computed.
    async fn mark(self: Rc<Self>, due: Instant) {
        {
            let state = &mut *self.state.borrow_mut();
            let is_needless = state.is_marked || state.failure.is_some();
            if is_needless || state.is_writing || state.written_at + MARK_DELAY > due {
                return;
            }
            state.pending.is_mark = true;
            state.is_writing = true;
        }
        self.write_batches().await;
    }
}

impl PendingBatch {
    fn add(&mut self, mode: WriteMode, lines: &[u8]) {
        if mode == WriteMode::Replace {
            // Pending appends are durable with the replacement, which supersedes them.
            self.lines.clear();
            self.is_replacement = true;
        }
        self.lines.extend_from_slice(lines);
    }
}

impl Drop for DurableFile {
    fn drop(&mut self) {
        self.storage.close(&self.name);
    }
}

impl fmt::Display for DurableFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for DurableFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("name", &self.name).finish_non_exhaustive()
    }
}
