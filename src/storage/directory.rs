//! The system's disk: a directory with one file for each log and each value.
//!
//! After a kill, data may be in the system's cache only. So a file is synced before it is read:
//! data that a restarted node has read must survive the next power failure. If a sync failed in a
//! former incarnation, the cache may hold data that the disk does not have. That cannot be
//! detected, but this data was never acknowledged.
//!
//! Two processes that write the same files would overwrite each other's acknowledged data. So each
//! read and write first locks the file `lock`, a name that no log and no value can have. The system
//! releases the lock when the process ends in any way, and child processes do not inherit it. A
//! node whose directory is removed and created again writes nothing more. Where the file system has
//! no locks, the node continues without: the lock guards against a mistake of the operator, and the
//! correctness of the files does not depend on it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::Disk;

/// Name of the file that is locked.
const LOCK_FILE: &str = "lock";

/// Timeout of a lock that another process holds. A longer one delays the error if a node was
/// started twice; a shorter one may be less than the system needs to release a killed process's
/// lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Pause between two attempts to lock. A shorter one takes more system calls, a longer one delays
/// the start.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// A [`Disk`] in an existing directory. From its first use until this value and its clones are
/// dropped, the directory is locked, and another node that tries to use it fails.
///
/// Writes run on a blocking thread of tokio, so the node continues meanwhile. The thread is started
/// by the first write, and ends some seconds after the last.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
    /// The locked file; `Some(None)` if the file system has no locks.
    lock: Arc<OnceLock<Option<File>>>,
}

impl Directory {
    /// The directory at this path, which must exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Directory { path: path.into(), lock: Arc::default() }
    }

    /// Locks the directory, or checks that it is still locked and the same.
    fn lock(&self) -> io::Result<()> {
        if self.lock.get().is_none() {
            let file =
                OpenOptions::new().create(true).append(true).open(self.path.join(LOCK_FILE))?;
            let is_locked = self.check_lock(try_lock(&file))?;
            // It is unset: only the node's thread sets it.
            let _ = self.lock.set(is_locked.then_some(file));
        }
        match self.lock.get() {
            Some(Some(file)) if !is_same_file(file, &self.path.join(LOCK_FILE))? => {
                let path = self.path.display();
                let text = format!("the directory {path} was replaced while this node used it");
                Err(io::Error::new(ErrorKind::NotFound, text))
            }
            _ => Ok(()),
        }
    }

    /// Returns true for a lock and false if the file system has none; fails if another process has
    /// it.
    fn check_lock(&self, attempt: Result<(), TryLockError>) -> io::Result<bool> {
        let (directory, lock) = (self.path.display(), self.path(LOCK_FILE));
        match attempt {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => {
                let text = format!(
                    "another process uses the directory {directory}, and has locked {lock}: end \
                     that process, or give each its own directory in EDDY_STORAGE"
                );
                Err(io::Error::new(ErrorKind::ResourceBusy, text))
            }
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                self.report(&format!(
                    "{lock} cannot be locked: {error}; nothing keeps another process from using \
                     the directory {directory} as well"
                ));
                Ok(false)
            }
            Err(TryLockError::Error(error)) => {
                Err(io::Error::new(error.kind(), format!("cannot lock {lock}: {error}")))
            }
        }
    }

    async fn write_on_thread(
        &self,
        file: &str,
        bytes: &[u8],
        write: fn(&Path, &str, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.lock()?;
        // The thread continues when the node is dropped, so it must hold the lock, too.
        let (this, file, bytes) = (self.clone(), file.to_owned(), bytes.to_vec());
        let thread = tokio::task::spawn_blocking(move || write(&this.path, &file, &bytes));
        thread.await.map_err(io::Error::other)?
    }
}

/// Locks a file, and waits for a process that holds it: the system needs a moment to release the
/// lock of a killed process.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_TIMEOUT => {
                std::thread::sleep(LOCK_RETRY_INTERVAL);
            }
            attempt => return attempt,
        }
    }
}

/// True if an open file is still the one at this path.
fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let mine = file.metadata()?;
        match fs::metadata(path) {
            Ok(there) => Ok((there.dev(), there.ino()) == (mine.dev(), mine.ino())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        Ok(true)
    }
}

#[async_trait(?Send)]
impl Disk for Directory {
    fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>> {
        sync_directory(&self.path).map_err(|error| {
            let path = self.path.display();
            let text = format!("{path} is not a directory that can be used: {error}");
            io::Error::new(error.kind(), text)
        })?;
        self.lock()?;
        let path = self.path.join(file);
        match File::open(&path) {
            Ok(file) => {
                file.sync_all()?;
                fs::read(&path).map(Some)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn truncate(&self, file: &str, length: u64) -> io::Result<()> {
        self.lock()?;
        let file = OpenOptions::new().write(true).open(self.path.join(file))?;
        file.set_len(length)?;
        file.sync_all()
    }

    async fn append(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        self.write_on_thread(file, bytes, append).await
    }

    async fn replace(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        self.write_on_thread(file, bytes, replace).await
    }

    fn path(&self, file: &str) -> String {
        self.path.join(file).display().to_string()
    }
}

fn append(directory: &Path, file: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(directory.join(file))?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// Writes a new file and renames it. A torn `.new` file is overwritten by the next replacement.
fn replace(directory: &Path, file: &str, bytes: &[u8]) -> io::Result<()> {
    let new_path = directory.join(format!("{file}.new"));
    let mut new_file = File::create(&new_path)?;
    new_file.write_all(bytes)?;
    new_file.sync_all()?;
    fs::rename(&new_path, directory.join(file))?;
    sync_directory(directory)
}

/// Makes the names in a directory durable, on systems where a directory can be opened.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { fs::metadata(path).map(|_| ()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_continues_without_a_lock_only_if_the_file_system_has_none() {
        let check = |attempt, expected: Result<bool, &str>| {
            let outcome = Directory::at("d").check_lock(attempt).map_err(|error| error.to_string());
            assert!(match (&outcome, expected) {
                (Ok(is_locked), Ok(expected)) => *is_locked == expected,
                (Err(error), Err(expected)) => error.starts_with(expected),
                _ => false,
            });
        };
        let failed = |kind: ErrorKind| Err(TryLockError::Error(kind.into()));
        check(Ok(()), Ok(true));
        check(failed(ErrorKind::Unsupported), Ok(false));
        check(failed(ErrorKind::Interrupted), Err("cannot lock d/lock: "));
        let busy = "another process uses the directory d, and has locked d/lock: end that process";
        check(Err(TryLockError::WouldBlock), Err(busy));
    }
}
