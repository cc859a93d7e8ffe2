//! Disks for tests: one in memory, whose files a test can damage, and temporary directories.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use glomers::{Disk, async_trait};

/// Duration of a write.
pub(crate) const WRITE_TIME: Duration = Duration::from_millis(10);

/// A disk in memory, which records the writes and the reports.
#[derive(Default)]
pub(crate) struct FaultyDisk {
    pub(crate) files: RefCell<BTreeMap<String, Vec<u8>>>,
    pub(crate) writes: RefCell<Vec<String>>,
    pub(crate) reports: RefCell<Vec<String>>,
    /// True to let the next write fail after half of its bytes.
    pub(crate) fails_next_write: Cell<bool>,
    /// True to let all reads fail.
    pub(crate) is_unreadable: Cell<bool>,
}

impl FaultyDisk {
    /// A disk with one file.
    pub(crate) fn with(file: &str, bytes: &[u8]) -> Rc<Self> {
        let disk = FaultyDisk::default();
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
        self.writes.borrow_mut().push(format!("{call} {file} {text}"));
        tokio::time::sleep(WRITE_TIME).await;
        if call == "append" && !self.files.borrow().contains_key(file) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let arrived = if self.fails_next_write.get() { &bytes[..bytes.len() / 2] } else { bytes };
        let mut files = self.files.borrow_mut();
        match files.get_mut(file) {
            Some(stored) if call == "append" => stored.extend_from_slice(arrived),
            _ if self.fails_next_write.get() => {}
            _ => drop(files.insert(file.to_owned(), bytes.to_vec())),
        }
        if self.fails_next_write.replace(false) {
            Err(io::Error::other("the disk is broken"))
        } else {
            Ok(())
        }
    }
}

#[async_trait(?Send)]
impl Disk for FaultyDisk {
    fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>> {
        if self.is_unreadable.get() {
            return Err(io::Error::other("the disk is broken"));
        }
        Ok(self.files.borrow().get(file).cloned())
    }

    fn truncate(&self, file: &str, length: u64) -> io::Result<()> {
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

    fn report(&self, line: &str) {
        self.reports.borrow_mut().push(line.to_owned());
    }
}

/// A temporary directory, removed on drop.
pub(crate) struct TempDirectory {
    path: PathBuf,
}

impl TempDirectory {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("glomers-storage-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        TempDirectory { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
