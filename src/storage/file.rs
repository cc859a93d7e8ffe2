//! One file, and those who wait until what they wrote is durable.
//!
//! A task of the node does the writing, and whoever calls only waits for it: so a call that is
//! dropped leaves no half of a record behind, and no one else waiting. The task lives while there
//! is something to write. What comes while the disk is busy waits, and then goes as one batch with
//! one sync: the more callers there are, the less each of them costs.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::Rc;

use anyhow::anyhow;
use serde::Serialize;
use tokio::sync::oneshot;

use super::record;
use crate::node::Node;

/// What is to be done with records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Append,
    Replace,
}

/// A file of this node. Its name is taken while this lives.
pub(super) struct File {
    node: Node,
    name: String,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// What waits until the disk has time.
    next: Batch,
    /// Whether the task that writes is there.
    is_busy: bool,
    /// Why nothing can be written any more.
    failure: Option<Rc<str>>,
}

/// What is written at once.
#[derive(Default)]
struct Batch {
    replaces: bool,
    bytes: Vec<u8>,
    /// In the order of their calls, because in this order they are woken.
    callers: Vec<oneshot::Sender<Result<(), Rc<str>>>>,
}

impl File {
    pub(super) fn new(node: Node, name: String) -> Rc<Self> {
        Rc::new(File { node, name, state: RefCell::default() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Entries as they will stand in the file.
    pub(super) fn records(&self, entries: &[impl Serialize]) -> Vec<u8> {
        let mut records = Vec::new();
        for entry in entries {
            if let Err(error) = record::push(&mut records, entry) {
                panic!("{} cannot write an entry of {self} as JSON: {error}", self.node.id());
            }
        }
        records
    }

    /// Puts records into the queue, and waits until they are durable.
    pub(super) fn write(
        self: &Rc<Self>,
        how: Write,
        records: &[u8],
    ) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let (caller, answer) = oneshot::channel();
        let mut state = self.state.borrow_mut();
        if let Some(failure) = &state.failure {
            // Whoever does not listen does not want to know.
            let _ = caller.send(Err(Rc::clone(failure)));
        } else if self.node.place().disk.is_none() {
            let _ = caller.send(Ok(()));
        } else {
            state.next.add(how, records);
            state.next.callers.push(caller);
            if !std::mem::replace(&mut state.is_busy, true) {
                self.node.spawn(Rc::clone(self).work());
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
        }
    }

    fn next_batch(&self) -> Option<Batch> {
        let mut state = self.state.borrow_mut();
        let batch = std::mem::take(&mut state.next);
        state.is_busy = !batch.callers.is_empty();
        state.is_busy.then_some(batch)
    }

    async fn store(&self, batch: &Batch) -> io::Result<()> {
        let Some(disk) = &self.node.place().disk else { return Ok(()) };
        if batch.replaces {
            disk.replace(&self.name, &batch.bytes).await
        } else if batch.bytes.is_empty() {
            Ok(())
        } else {
            disk.append(&self.name, &batch.bytes).await
        }
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
}

impl Batch {
    fn add(&mut self, how: Write, records: &[u8]) {
        if how == Write::Replace {
            // Whoever waits to append is stored once this is, for it comes after.
            self.bytes.clear();
            self.replaces = true;
        }
        self.bytes.extend_from_slice(records);
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.node.place().open.borrow_mut().remove(&self.name);
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
