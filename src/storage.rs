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
use self::file::{File, Write};
use self::recovery::{Damage, Found};
use crate::refusal::refuse;
use crate::tasks::Newcomers;

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

    /// Forgets what stands behind the first `length` bytes, durably.
    fn cut(&self, file: &str, length: u64) -> io::Result<()>;

    /// Adds bytes at the end of a file that is there. They are durable when this returns.
    async fn append(&self, file: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes these bytes the file. That is durable when this returns; before, a kill leaves either
    /// the old file, or none if there was none, or the new one.
    async fn replace(&self, file: &str, bytes: &[u8]) -> io::Result<()>;

    /// How people find this file.
    fn path(&self, file: &str) -> String {
        file.to_owned()
    }

    /// Tells people what was found when a file was opened: on stderr, unless there is a better
    /// place.
    fn tell(&self, line: &str) {
        tell(line);
    }
}

/// What a node keeps for its next life. Clones are the same storage, and cheap.
#[derive(Clone)]
pub struct Storage {
    shared: Rc<Shared>,
}

struct Shared {
    /// The id of the node.
    id: String,
    disk: Option<Rc<dyn Disk>>,
    /// Where the tasks that write are spawned.
    newcomers: Rc<Newcomers>,
    /// The files that are open.
    open: RefCell<BTreeSet<String>>,
    /// Whether people were told that nothing is kept.
    has_told: Cell<bool>,
}

impl Storage {
    /// The storage of the node of this id, or one that keeps nothing where there is no disk.
    pub(crate) fn new(id: String, disk: Option<Rc<dyn Disk>>, newcomers: Rc<Newcomers>) -> Self {
        let (open, has_told) = (RefCell::default(), Cell::default());
        Storage { shared: Rc::new(Shared { id, disk, newcomers, open, has_told }) }
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
    /// If the name is not made of lower-case letters, digits, `-` and `_`; if this log is open
    /// already, or was dropped and is still being written; and if a record is whole but no `T`,
    /// because then it is the type that has changed.
    pub fn log<T: Serialize + DeserializeOwned>(&self, name: &str) -> (Log<T>, Vec<T>) {
        let file = self.open(name, "log");
        let bytes = self.read(&file);
        let found = bytes.as_deref().map_or_else(|| Ok(Found::default()), recovery::log);
        let found = found.unwrap_or_else(|damage| self.refuse_damaged(&file, &damage));
        let records = (1..).zip(&found.records);
        let entries = records.map(|(number, json)| self.parse(&file, number, json)).collect();
        let torn = bytes.as_ref().map_or(0, Vec::len) - found.length;
        if torn > 0 {
            let last = found.batches;
            self.tell(&format!("{file}: {torn} bytes after batch {last} are no whole batch"));
            self.cut(&file, found.length);
        }
        if bytes.is_some() {
            file.go_on_behind(&found);
        }
        (Log { file, entries: PhantomData }, entries)
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
    pub fn value<T: Serialize + DeserializeOwned>(&self, name: &str) -> (Value<T>, Option<T>) {
        let file = self.open(name, "value");
        let value = self.read(&file).map(|bytes| {
            let found = recovery::value(&bytes);
            let json = found.unwrap_or_else(|damage| self.refuse_damaged(&file, &damage));
            self.parse(&file, 1, json)
        });
        (Value { file, value: PhantomData }, value)
    }

    fn open(&self, name: &str, ending: &str) -> Rc<File> {
        let id = self.id();
        // Such names mean the same file on every system, or none at all.
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        assert!(
            !name.is_empty() && name.bytes().all(fits),
            "{id} cannot name a {ending} {name:?}: expected lower-case letters, digits, - and _"
        );
        let file = format!("{name}.{ending}");
        assert!(
            self.shared.open.borrow_mut().insert(file.clone()),
            "{id} has opened {file} already: expected that it is opened once, and shared"
        );
        if self.disk().is_none() && !self.shared.has_told.replace(true) {
            tell(&format!("{id}: nothing that it stores is kept: EDDY_STORAGE names no directory"));
        }
        File::new(self.clone(), file)
    }

    fn read(&self, file: &File) -> Option<Vec<u8>> {
        let read = self.disk()?.read(file.name());
        read.unwrap_or_else(|error| self.refuse_error(file, "read", &error))
    }

    fn cut(&self, file: &File, length: usize) {
        let Some(disk) = self.disk() else { return };
        let cut = disk.cut(file.name(), length as u64);
        cut.unwrap_or_else(|error| self.refuse_error(file, "cut off the end of", &error));
    }

    fn refuse_error(&self, file: &File, action: &str, error: &io::Error) -> ! {
        let (id, path) = (self.id(), self.path(file));
        refuse(format!("{id} refuses to start: it cannot {action} {path}: {error}"));
    }

    fn refuse_damaged(&self, file: &File, damage: &Damage) -> ! {
        let (id, path) = (self.id(), self.path(file));
        refuse(format!(
            "{id} refuses to start: {path} is damaged at {damage}. What stood there was durable, \
             so this is not what a kill leaves, and to go on without it would take back what {id} \
             has acknowledged. Keep {id} down: the other nodes go on while they are a majority. Or \
             mend that line, or restore a copy of the file that is no older. Do not start {id} \
             without the file"
        ));
    }

    fn path(&self, file: &File) -> String {
        self.disk().map_or_else(|| file.to_string(), |disk| disk.path(file.name()))
    }

    fn parse<T: DeserializeOwned>(&self, file: &File, number: usize, json: &[u8]) -> T {
        serde_json::from_slice(json).unwrap_or_else(|error| {
            let json = String::from_utf8_lossy(json);
            let excerpt: String = json.chars().take(EXCERPT).collect();
            let (id, expected) = (self.id(), std::any::type_name::<T>());
            panic!(
                "{id} cannot read record {number} of {file} as {expected}: {error}; its checksum \
                 is right, so the type has changed since it was written: {excerpt}"
            )
        })
    }

    fn tell(&self, found: &str) {
        if let Some(disk) = self.disk() {
            disk.tell(&format!("{}: {found}, and were cut off", self.id()));
        }
    }

    fn id(&self) -> &str {
        &self.shared.id
    }

    fn disk(&self) -> Option<&dyn Disk> {
        self.shared.disk.as_deref()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.shared.newcomers.push(Box::pin(task));
    }

    /// Frees the name of a file that is no longer open.
    fn close(&self, file: &str) {
        self.shared.open.borrow_mut().remove(file);
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").field("node", &self.id()).finish_non_exhaustive()
    }
}

/// How many characters of a record a panic shows. More shows what is meant in more cases, less fits
/// on a screen.
const EXCERPT: usize = 200;

/// A list of entries that grows at its end.
#[derive(Debug)]
pub struct Log<T> {
    file: Rc<File>,
    entries: PhantomData<fn(T)>,
}

impl<T: Serialize> Log<T> {
    /// Adds entries at the end. Once this has returned, they and all entries before them survive a
    /// kill.
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
        self.file.write(Write::Append, &self.file.lines(entries))
    }

    /// Makes these entries all that there are: to shorten a log, or to take its end back.
    ///
    /// A kill leaves either the old entries or the new ones. For the rest, see [`Log::append`].
    pub fn replace(&self, entries: &[T]) -> impl Future<Output = anyhow::Result<()>> + use<T> {
        self.file.write(Write::Replace, &self.file.lines(entries))
    }
}

/// One value, of which only the last one counts.
#[derive(Debug)]
pub struct Value<T> {
    file: Rc<File>,
    value: PhantomData<fn(T)>,
}

impl<T: Serialize> Value<T> {
    /// Sets the value. Once this has returned, it survives a kill; before, a kill leaves either the
    /// old value or the new one. For the rest, see [`Log::append`].
    pub fn replace(&self, value: &T) -> impl Future<Output = anyhow::Result<()>> + use<T> {
        self.file.write(Write::Replace, &self.file.lines(std::slice::from_ref(value)))
    }
}

fn tell(line: &str) {
    // In one piece, because several nodes may share a log; and a log that nobody takes is no reason
    // to die.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
