//! Disks for tests: one in memory, whose files a test may spoil, and a directory of its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use glomers::{Disk, async_trait};

/// How long each write takes.
pub(crate) const SYNC: Duration = Duration::from_millis(10);

/// A disk in memory. It remembers what was written with each call, and what it was told.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) files: RefCell<BTreeMap<String, Vec<u8>>>,
    pub(crate) calls: RefCell<Vec<String>>,
    pub(crate) told: RefCell<Vec<String>>,
    /// Whether the next write fails, after half of it has arrived.
    pub(crate) fails: Cell<bool>,
    /// Whether nothing can be read.
    pub(crate) is_unreadable: Cell<bool>,
}

impl Memory {
    /// A disk with one file.
    pub(crate) fn with(file: &str, bytes: &[u8]) -> Rc<Self> {
        let disk = Memory::default();
        disk.files.borrow_mut().insert(file.to_owned(), bytes.to_vec());
        Rc::new(disk)
    }

    pub(crate) fn file(&self, file: &str) -> Vec<u8> {
        self.files.borrow().get(file).cloned().unwrap_or_default()
    }

    pub(crate) fn text(&self, file: &str) -> String {
        String::from_utf8(self.file(file)).unwrap()
    }

    async fn write(&self, call: &str, file: &str, bytes: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(bytes).replace('\n', ";");
        self.calls.borrow_mut().push(format!("{call} {file} {text}"));
        tokio::time::sleep(SYNC).await;
        if call == "append" && !self.files.borrow().contains_key(file) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let arrived = if self.fails.get() { &bytes[..bytes.len() / 2] } else { bytes };
        let mut files = self.files.borrow_mut();
        match files.get_mut(file) {
            Some(stored) if call == "append" => stored.extend_from_slice(arrived),
            _ if self.fails.get() => {}
            _ => drop(files.insert(file.to_owned(), bytes.to_vec())),
        }
        if self.fails.replace(false) { Err(io::Error::other("the disk is broken")) } else { Ok(()) }
    }
}

#[async_trait(?Send)]
impl Disk for Memory {
    fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>> {
        if self.is_unreadable.get() {
            return Err(io::Error::other("the disk is broken"));
        }
        Ok(self.files.borrow().get(file).cloned())
    }

    fn cut(&self, file: &str, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).unwrap();
        self.files.borrow_mut().get_mut(file).unwrap().truncate(length);
        Ok(())
    }

    async fn append(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        self.write("append", file, bytes).await
    }

    async fn replace(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        self.write("replace", file, bytes).await
    }

    fn tell(&self, line: &str) {
        self.told.borrow_mut().push(line.to_owned());
    }
}

/// A directory that is gone with the test.
pub(crate) struct Place {
    path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("glomers-storage-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Place { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
