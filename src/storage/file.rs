//! One file, and those who wait until what they wrote is durable.
//!
//! A task of the node does the writing, and whoever calls only waits for it: so a call that is
//! dropped leaves no half of a record behind, and no one else waiting. The task lives while there
//! is something to write. What comes while the disk is busy waits, and then goes as one batch with
//! one sync: the more callers there are, the less each of them costs.
//!
//! The next batch shows that the one before was durable. Where none comes for a while, an empty one
//! does it: another sync, but at a time when nobody waits for the disk.

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
use super::recovery::Found;

/// How long nothing is written before the last batch is marked as durable. Longer leaves it longer
/// without, where a disk that changes it is taken for a kill; shorter takes a second sync for each
/// of the writes that come more slowly than this.
const QUIET: Duration = Duration::from_secs(1);

/// What is to be done with records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Append,
    Replace,
}

/// A file of a node. Its name is taken while this lives.
pub(super) struct File {
    storage: Storage,
    name: String,
    state: RefCell<State>,
}

struct State {
    /// What waits until the disk has time.
    next: Batch,
    /// Whether the task that writes is there.
    is_busy: bool,
    /// Why nothing can be written any more.
    failure: Option<Rc<str>>,
    /// How many batches the file has; none before there is a file.
    batches: u64,
    /// Whether the file shows that the last of them is durable.
    is_marked: bool,
    /// When that one was written, or found.
    written_at: Instant,
    /// Whether the task is there that will mark it.
    is_watched: bool,
}

/// What is written at once.
#[derive(Default)]
struct Batch {
    replaces: bool,
    /// Whether it is written even if it has no records.
    marks: bool,
    /// The records, each as a line of JSON.
    lines: Vec<u8>,
    /// In the order of their calls, because in this order they are woken.
    callers: Vec<oneshot::Sender<Result<(), Rc<str>>>>,
}

impl File {
    pub(super) fn new(storage: Storage, name: String) -> Rc<Self> {
        let state = State {
            next: Batch::default(),
            is_busy: false,
            failure: None,
            batches: 0,
            is_marked: true,
            written_at: Instant::now(),
            is_watched: false,
        };
        Rc::new(File { storage, name, state: RefCell::new(state) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Goes on behind what was found, which the disk has made durable to read it.
    pub(super) fn go_on_behind(self: &Rc<Self>, found: &Found<'_>) {
        {
            let mut state = self.state.borrow_mut();
            (state.batches, state.is_marked) = (found.batches, found.is_marked);
        }
        self.see_to_mark();
    }

    /// Entries as lines of JSON.
    pub(super) fn lines(&self, entries: &[impl Serialize]) -> Vec<u8> {
        let mut lines = Vec::new();
        for entry in entries {
            if let Err(error) = record::push_line(&mut lines, entry) {
                panic!("{} cannot write an entry of {self} as JSON: {error}", self.storage.id());
            }
        }
        lines
    }

    /// Puts lines into the queue, and waits until they are durable.
    pub(super) fn write(
        self: &Rc<Self>,
        how: Write,
        lines: &[u8],
    ) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let (caller, answer) = oneshot::channel();
        let mut state = self.state.borrow_mut();
        if let Some(failure) = &state.failure {
            // Whoever does not listen does not want to know.
            let _ = caller.send(Err(Rc::clone(failure)));
        } else if self.storage.disk().is_none() {
            let _ = caller.send(Ok(()));
        } else {
            state.next.add(how, lines);
            state.next.callers.push(caller);
            if !std::mem::replace(&mut state.is_busy, true) {
                self.storage.spawn(Rc::clone(self).work());
            }
        }
        async move {
            let answer = answer.await.map_err(|_| anyhow!("the node is about to end"))?;
            answer.map_err(|failure| anyhow!("{failure}"))
        }
    }

    /// Writes batch after batch, until nothing waits.
    async fn work(self: Rc<Self>) {
        while let Some(batch) = self.next_batch() {
            let outcome = self.store(&batch).await.map_err(|error| self.fail(&error));
            for caller in batch.callers {
                let _ = caller.send(outcome.clone());
            }
            if outcome.is_ok() {
                self.see_to_mark();
            }
        }
    }

    fn next_batch(&self) -> Option<Batch> {
        let mut state = self.state.borrow_mut();
        let batch = std::mem::take(&mut state.next);
        state.is_busy = batch.marks || !batch.callers.is_empty();
        state.is_busy.then_some(batch)
    }

    async fn store(&self, batch: &Batch) -> io::Result<()> {
        let Some(disk) = self.storage.disk() else { return Ok(()) };
        if batch.lines.is_empty() && !batch.replaces && !batch.marks {
            return Ok(());
        }
        let before = self.state.borrow().batches;
        // Only a replacement is durable before it is seen, so it is how a file begins.
        let begins = batch.replaces || before == 0;
        let number = if begins { 1 } else { before + 1 };
        let bytes = record::batch(number, &batch.lines);
        if begins {
            disk.replace(&self.name, &bytes).await?;
        } else {
            disk.append(&self.name, &bytes).await?;
        }
        let mut state = self.state.borrow_mut();
        state.batches = number;
        state.is_marked = begins || batch.lines.is_empty();
        state.written_at = Instant::now();
        Ok(())
    }

    /// Refuses what waits and what will come.
    ///
    /// To try again would be no help. A kernel may drop the pages that it could not write, and then
    /// the next sync succeeds although they are lost: Rebello et al., *Can Applications Recover
    /// from fsync Failures?*, USENIX ATC 2020.
    fn fail(&self, error: &io::Error) -> Rc<str> {
        let failure: Rc<str> =
            format!("cannot write {self}: {error}; it takes nothing more until a restart").into();
        let mut state = self.state.borrow_mut();
        state.failure = Some(Rc::clone(&failure));
        for caller in std::mem::take(&mut state.next).callers {
            let _ = caller.send(Err(Rc::clone(&failure)));
        }
        failure
    }

    /// Has the last batch marked as durable, unless it is, or another comes soon.
    fn see_to_mark(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        if !state.is_marked && !std::mem::replace(&mut state.is_watched, true) {
            self.storage.spawn(File::watch(Rc::downgrade(self)));
        }
    }

    /// Marks the last batch once it is old enough. Meanwhile nothing keeps the file open.
    async fn watch(file: Weak<File>) {
        while let Some(due) = file.upgrade().and_then(|file| file.mark_is_due()) {
            sleep_until(due).await;
            if let Some(file) = file.upgrade() {
                file.mark(due).await;
            }
        }
    }

    /// When to see whether the last batch is to be marked; never, once that is over.
    fn mark_is_due(&self) -> Option<Instant> {
        let state = &mut *self.state.borrow_mut();
        state.is_watched = !state.is_marked && state.failure.is_none();
        let since = if state.is_busy { Instant::now() } else { state.written_at };
        state.is_watched.then(|| since + QUIET)
    }

    async fn mark(self: Rc<Self>, due: Instant) {
        {
            let state = &mut *self.state.borrow_mut();
            let is_over = state.is_marked || state.failure.is_some();
            if is_over || state.is_busy || state.written_at + QUIET > due {
                return;
            }
            state.next.marks = true;
            state.is_busy = true;
        }
        self.work().await;
    }
}

impl Batch {
    fn add(&mut self, how: Write, lines: &[u8]) {
        if how == Write::Replace {
            // Whoever waits to append is stored once this is, for it comes after.
            self.lines.clear();
            self.replaces = true;
        }
        self.lines.extend_from_slice(lines);
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.storage.close(&self.name);
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("name", &self.name).finish_non_exhaustive()
    }
}
