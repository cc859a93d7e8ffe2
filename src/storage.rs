//! Durable storage: logs and values on a disk. A write is acknowledged once it survives a kill.
//!
//! Each log and each value is a file of records. A record is a line with a checksum and its
//! position (`record`). All writes to a file go through one queue (`file`). They are written in
//! batches, and a batch is written only when the one before is durable. So a kill tears at most the
//! last batch, which was never acknowledged. When the file is opened, a torn batch is cut off as a
//! whole. The rest is a prefix of what was appended, with everything that was acknowledged.
//!
//! A disk may also lose or change data that was durable. A node that continues without this data
//! forgets a vote or an acknowledged write. If the only other node that knows this write is down,
//! no majority knows it any more (Alagappan et al., *Protocol-Aware Recovery for Consensus-Based
//! Storage*, FAST 2018). So damage to durable data is not treated as a torn end: the node refuses
//! to start (`recovery`). A batch is known to have been durable if anything follows it: the next
//! batch, or a *mark*, which is an empty batch that is written after a second without other writes.
//! A file that was written as a whole, as a value always is, needs no mark, because it is durable
//! before it gets its name.
//!
//! Three kinds of damage are not detected:
//! - a change in the last batch of a log before it is marked: it looks like a torn batch, and is
//!   cut off;
//! - the loss of a log's end, if no whole record follows the place where data was lost: it looks as
//!   if the rest had never been durable;
//! - the loss of a file: it looks as if it had never been written.

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

/// The disk with a node's files. A program started by eddy has a [`Directory`], a simulation its
/// own implementation.
///
/// Callers write a file with one call at a time. They drop a call before it ends only with the
/// whole node, and do not write a file again after an error.
///
/// After an error, the old data must be unchanged; the new data may be durable, in whole or in
/// part.
#[async_trait(?Send)]
pub trait Disk {
    /// The contents of a file, which are durable; `None` if it does not exist.
    fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>>;

    /// Shortens a file to `length` bytes, durably.
    fn truncate(&self, file: &str, length: u64) -> io::Result<()>;

    /// Appends to an existing file. The bytes are durable when this returns.
    async fn append(&self, file: &str, bytes: &[u8]) -> io::Result<()>;

    /// Replaces a file atomically, or creates it. The bytes are durable when this returns. Before,
    /// a kill leaves either the old state or the new one.
    async fn replace(&self, file: &str, bytes: &[u8]) -> io::Result<()>;

    /// The file's path, for messages.
    fn path(&self, file: &str) -> String {
        file.to_owned()
    }

    /// Reports what was found when a file was opened, by default on stderr.
    fn report(&self, line: &str) {
        report_on_stderr(line);
    }
}

/// A node's durable storage. Clones are handles to the same storage, and cheap.
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

    /// Opens the log of this name, and returns it with its entries.
    ///
    /// The read blocks the whole node, so open logs when the node starts. A torn batch is cut off,
    /// and that is reported on stderr.
    ///
    /// If the file is damaged or cannot be read, the node ends with an error that names the place
    /// and the possible repairs.
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

    /// Opens the value of this name, and returns it with its contents, if it was ever set.
    ///
    /// ```
    /// # use glomers::Node;
    /// /// Number of times that this node has started: 1, 2, 3, ….
    /// async fn count_start(node: &Node) -> anyhow::Result<u64> {
    ///     let (value, former) = node.storage().value::<u64>("starts");
    ///     let starts = former.unwrap_or_default() + 1;
    ///     value.replace(&starts).await?;
    ///     Ok(starts)
    /// }
    /// ```
    ///
    /// A kill never tears a value. So a file that is not whole is damaged, and ends the node as in
    /// [`Storage::log`].
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
        // Such names are portable: every file system keeps them apart.
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

    /// Removes a file from the open ones.
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

/// A durable list of entries. It grows by appends, and can be replaced as a whole to compact it.
#[derive(Debug)]
pub struct DurableLog<T> {
    file: Rc<DurableFile>,
    entries: PhantomData<fn(T)>,
}

impl<T: Serialize> DurableLog<T> {
    /// Appends entries. When the future completes, they and all entries before them survive a kill.
    ///
    /// The entries are queued by the call, not by its first poll, and written in the order of the
    /// calls. Appends during a write share the next one. Dropping the future does not cancel the
    /// write. An empty list waits for the entries before it.
    ///
    /// # Errors
    /// If the disk fails. The entries may or may not be found after a restart. Until then, all
    /// further writes to this log fail.
    ///
    /// # Panics
    /// If an entry cannot be written as JSON.
    pub fn append(&self, entries: &[T]) -> impl Future<Output = anyhow::Result<()>> + use<T> {
        self.file.write(WriteMode::Append, &self.file.lines(entries))
    }

    /// Replaces all entries, to compact a log or to truncate it.
    ///
    /// A kill leaves either the old entries or the new ones. Otherwise as [`DurableLog::append`].
    pub fn replace(&self, entries: &[T]) -> impl Future<Output = anyhow::Result<()>> + use<T> {
        self.file.write(WriteMode::Replace, &self.file.lines(entries))
    }
}

/// A value on disk, which a kill never tears: the file has the old value or the new one.
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
