//! What survives a kill: logs and values on a disk, durable before anybody is told so.
//!
//! Each log and each value is a file of records, and each record is a line with a checksum and its
//! place (`record`). All writing of a file goes through one queue (`file`), one batch at a time,
//! and a batch is written when the one before is durable. So what a kill tears is the last batch,
//! and nobody was told that it is stored. Opening the file cuts that off, as a whole. What is left
//! is a prefix of what was appended, and everything that was acknowledged is in it.
//!
//! A disk may also lose or change what it had made durable. A node that goes on without it forgets
//! a vote or a write that it has acknowledged; and where only one other node knows of that write,
//! and is down, so does the majority (Alagappan et al., *Protocol-Aware Recovery for
//! Consensus-Based Storage*, FAST 2018). So what was durable and is not whole is no torn end: the
//! node refuses to start (`recovery`). That it was durable shows from what stands behind it: the
//! next batch, or an empty one, a mark, which is written when nothing else was for a second. A
//! file that was written as a whole is durable before it has its name, so all of it counts as
//! marked, and a value always does.
//!
//! Beyond this are
//! - a change within the last batch of a log, before that is marked: it cannot be told from what a
//!   kill leaves, and is cut off;
//! - the loss of a log's end, so that no whole record is left behind the place: it looks as if the
//!   rest had never been durable;
//! - the loss of a file: there may never have been one.

mod directory;
mod file;
mod record;
mod recovery;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write as _};
use std::marker::PhantomData;
use std::rc::Rc;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::directory::Directory;
use self::file::{DurableFile, WriteMode};
use self::recovery::{Damage, RecoveredFile};
use crate::fatal::fail_node;
use crate::tasks::SpawnQueue;

/// Where a node's files are. A program started by eddy has a [`Directory`]; a simulation brings its
/// own.
///
/// One file is written by one call at a time, and no call is dropped before it ends unless the node
/// is. An error says that anything may have happened to what was to be written, and nothing to what
/// was durable before. After one, the file is not written again in this life of the node.
#[async_trait(?Send)]
pub trait Disk {
    /// What stands in this file, and is durable; nothing if there is no such file.
    fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>>;

    /// Shortens a file to `length` bytes, durably.
    fn truncate(&self, file: &str, length: u64) -> io::Result<()>;

    /// Adds bytes at the end of a file that is there. They are durable when this returns.
    async fn append(&self, file: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes these bytes the file. That is durable when this returns; before, a kill leaves either
    /// the old file, or none if there was none, or the new one.
    async fn replace(&self, file: &str, bytes: &[u8]) -> io::Result<()>;

    /// How people find this file.
    fn path(&self, file: &str) -> String {
        file.to_owned()
    }

    /// Reports what was found when a file was opened, by default on stderr.
    fn report(&self, line: &str) {
        report_on_stderr(line);
    }
}

/// What a node keeps for its next life. Clones are the same storage, and cheap.
#[derive(Clone)]
pub struct Storage {
    inner: Rc<StorageInner>,
}

struct StorageInner {
    /// The node's id.
    id: String,
    disk: Option<Rc<dyn Disk>>,
    /// For the tasks that write.
    spawn_queue: Rc<SpawnQueue>,
    /// The names of the open files. Each may be open once.
    open_files: RefCell<BTreeSet<String>>,
    /// True after the warning that nothing is kept.
    has_warned: Cell<bool>,
}

impl Storage {
    /// The storage of a node. Without a disk, all writes succeed and nothing is kept.
    pub(crate) fn new(id: String, disk: Option<Rc<dyn Disk>>, spawn_queue: Rc<SpawnQueue>) -> Self {
        let (open_files, has_warned) = (RefCell::default(), Cell::default());
        Storage { inner: Rc::new(StorageInner { id, disk, spawn_queue, open_files, has_warned }) }
    }

    /// The log of this name, and the entries that it holds.
    ///
    /// Reading keeps the whole node waiting, so it belongs into its start. What a kill has left of
    /// a batch is cut off, and that is told on stderr.
    ///
    /// A node whose file is damaged, or whose disk cannot be read, ends here: with an error that
    /// says what was found where, and what to do.
    ///
    /// # Panics
    /// If the name has other characters than lower-case letters, digits, `-` and `_`. If the log is
    /// open already, or was dropped and is still being written. If a whole record is no `T`,
    /// because then the type has changed.
    pub fn log<T: Serialize + DeserializeOwned>(&self, name: &str) -> (DurableLog<T>, Vec<T>) {
        let file = self.open(name, "log");
        let bytes = self.read(&file);
        let found =
            bytes.as_deref().map_or_else(|| Ok(RecoveredFile::default()), recovery::read_log);
        let found = found.unwrap_or_else(|damage| self.fail_damaged(&file, &damage));
        let records = (1..).zip(&found.records);
        let entries = records.map(|(record, json)| self.parse(&file, record, json)).collect();
        let torn = bytes.as_ref().map_or(0, Vec::len) - found.length;
        if torn > 0 {
            let last = found.batches;
            self.report_finding(&format!(
                "cut off {torn} bytes of a torn batch after batch {last} of {file}"
            ));
            self.truncate(&file, found.length);
        }
        if bytes.is_some() {
            file.resume_after(&found);
        }
        (DurableLog { file, entries: PhantomData }, entries)
    }

    /// The value of this name, and what it holds, if it was ever set.
    ///
    /// ```
    /// # use glomers::Node;
    /// /// Which life of this node it is: 1, 2, 3, ….
    /// async fn life(node: &Node) -> anyhow::Result<u64> {
    ///     let (value, former) = node.storage().value::<u64>("life");
    ///     let life = former.unwrap_or_default() + 1;
    ///     value.replace(&life).await?;
    ///     Ok(life)
    /// }
    /// ```
    ///
    /// No kill leaves a part of a value. So what is no whole one is damaged, and ends the node as
    /// in [`Storage::log`].
    ///
    /// # Panics
    /// As [`Storage::log`].
    pub fn value<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
    ) -> (DurableValue<T>, Option<T>) {
        let file = self.open(name, "value");
        let value = self.read(&file).map(|bytes| {
            let found = recovery::read_value(&bytes);
            let json = found.unwrap_or_else(|damage| self.fail_damaged(&file, &damage));
            self.parse(&file, 1, json)
        });
        (DurableValue { file, value: PhantomData }, value)
    }

    fn open(&self, name: &str, extension: &str) -> Rc<DurableFile> {
        let id = self.id();
        // Such names mean the same file on every system, or none at all.
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        assert!(
            !name.is_empty() && name.bytes().all(fits),
            "{id} cannot name a {extension} {name:?}: expected lower-case letters, digits, - and _"
        );
        let file = format!("{name}.{extension}");
        assert!(
            self.inner.open_files.borrow_mut().insert(file.clone()),
            "{id} has already opened {file}: open it once, and share it"
        );
        if self.disk().is_none() && !self.inner.has_warned.replace(true) {
            report_on_stderr(&format!(
                "{id}: stored data is not kept, because EDDY_STORAGE names no directory"
            ));
        }
        DurableFile::new(self.clone(), file)
    }

    fn read(&self, file: &DurableFile) -> Option<Vec<u8>> {
        let read = self.disk()?.read(file.name());
        read.unwrap_or_else(|error| self.fail_io(file, "read", &error))
    }

    fn truncate(&self, file: &DurableFile, length: usize) {
        let Some(disk) = self.disk() else { return };
        let cut = disk.truncate(file.name(), length as u64);
        cut.unwrap_or_else(|error| self.fail_io(file, "cut off the end of", &error));
    }

    fn fail_io(&self, file: &DurableFile, action: &str, error: &io::Error) -> ! {
        let (id, path) = (self.id(), self.path(file));
        fail_node(format!("{id} refuses to start: it cannot {action} {path}: {error}"));
    }

    fn fail_damaged(&self, file: &DurableFile, damage: &Damage) -> ! {
        let (id, path) = (self.id(), self.path(file));
        fail_node(format!(
            "{id} refuses to start: {path} is damaged at {damage}. The data there was durable, so \
             no kill has torn it, and without it {id} would forget what it has acknowledged. Keep \
             {id} down, because the other nodes continue while they are a majority; or repair that \
             line; or restore a copy of the file that has everything that this one had. Do not \
             start {id} without the file"
        ));
    }

    fn path(&self, file: &DurableFile) -> String {
        self.disk().map_or_else(|| file.to_string(), |disk| disk.path(file.name()))
    }

    /// Parses a record of a file, counted from 1.
    fn parse<T: DeserializeOwned>(&self, file: &DurableFile, record: usize, json: &[u8]) -> T {
        serde_json::from_slice(json).unwrap_or_else(|error| {
            let json = String::from_utf8_lossy(json);
            let excerpt: String = json.chars().take(EXCERPT_CHARS).collect();
            let (id, expected) = (self.id(), std::any::type_name::<T>());
            panic!(
                "{id} cannot read record {record} of {file} as {expected}: {error}; its checksum \
                 is right, so the type has changed since it was written: {excerpt}"
            )
        })
    }

    fn report_finding(&self, found: &str) {
        if let Some(disk) = self.disk() {
            disk.report(&format!("{}: {found}", self.id()));
        }
    }

    fn id(&self) -> &str {
        &self.inner.id
    }

    fn disk(&self) -> Option<&dyn Disk> {
        self.inner.disk.as_deref()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.inner.spawn_queue.push(Box::pin(task));
    }

    /// Frees the name of a file that is no longer open.
    fn close(&self, file: &str) {
        self.inner.open_files.borrow_mut().remove(file);
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").field("node", &self.id()).finish_non_exhaustive()
    }
}

/// Number of characters of a record that a panic shows. A larger one shows more of the cause, a
/// smaller one fits on a screen.
const EXCERPT_CHARS: usize = 200;

/// A list of entries that grows at its end.
#[derive(Debug)]
pub struct DurableLog<T> {
    file: Rc<DurableFile>,
    entries: PhantomData<fn(T)>,
}

impl<T: Serialize> DurableLog<T> {
    /// Appends entries. When the future completes, they and all entries before them survive a kill.
    ///
    /// The entries are taken when it is called, not when it is awaited, and calls are stored in
    /// their order. What is appended while the disk is busy shares the next write. To drop the
    /// future takes nothing back. A list of no entries waits for those before it.
    ///
    /// # Errors
    /// If the disk fails: the entries may be there after a restart, or not. From then on the log
    /// refuses everything.
    ///
    /// # Panics
    /// If an entry does not fit into JSON.
    pub fn append(&self, entries: &[T]) -> impl Future<Output = anyhow::Result<()>> + use<T> {
        self.file.write(WriteMode::Append, &self.file.lines(entries))
    }

    /// Makes these entries all that there are: to shorten a log, or to take its end back.
    ///
    /// A kill leaves either the old entries or the new ones. For the rest, see [`Log::append`].
    pub fn replace(&self, entries: &[T]) -> impl Future<Output = anyhow::Result<()>> + use<T> {
        self.file.write(WriteMode::Replace, &self.file.lines(entries))
    }
}

/// One value, of which only the last one counts.
#[derive(Debug)]
pub struct DurableValue<T> {
    file: Rc<DurableFile>,
    value: PhantomData<fn(T)>,
}

impl<T: Serialize> DurableValue<T> {
    /// Sets the value. When the future completes, the value survives a kill. Before, a kill leaves
    /// either the old value or the new one. Otherwise as [`DurableLog::append`].
    pub fn replace(&self, value: &T) -> impl Future<Output = anyhow::Result<()>> + use<T> {
        self.file.write(WriteMode::Replace, &self.file.lines(std::slice::from_ref(value)))
    }
}

fn report_on_stderr(line: &str) {
    // In one write, because several nodes may share stderr. A closed stderr must not end the node.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
