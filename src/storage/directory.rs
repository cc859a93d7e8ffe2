//! The system's disk: a directory with one file for each log and each value.
//!
//! What a kill leaves in the system's cache is not on the disk yet. So a file is synced before it
//! is read: what a node builds on in its new life must not be lost by the next power failure.
//! Nothing helps against a sync that has failed in a former life; then the cache may show what the
//! disk does not have, but nobody was told that it was stored.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::Disk;

/// A directory as a [`Disk`]. It must be there; one node at a time may use it.
///
/// The disk is waited for on a thread of tokio's, so the node goes on meanwhile. The thread is made
/// at the first write, and ends some seconds after the last.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The directory at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Directory { path: path.into() }
    }

    async fn with_thread(
        &self,
        file: &str,
        bytes: &[u8],
        write: fn(&Path, &Path, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let (directory, path, bytes) = (self.path.clone(), self.path.join(file), bytes.to_vec());
        let thread = tokio::task::spawn_blocking(move || write(&directory, &path, &bytes));
        thread.await.map_err(io::Error::other)?
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

    fn cut(&self, file: &str, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path.join(file))?;
        file.set_len(length)?;
        file.sync_all()
    }

    async fn append(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        self.with_thread(file, bytes, append).await
    }

    async fn replace(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        self.with_thread(file, bytes, replace).await
    }
}

fn append(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (mut file, is_new) = match OpenOptions::new().append(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => (File::create_new(path)?, true),
        opened => (opened?, false),
    };
    file.write_all(bytes)?;
    file.sync_data()?;
    if is_new { sync_directory(directory) } else { Ok(()) }
}

/// What a kill leaves of the new file is overwritten by the next replacement.
fn replace(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new_path = path.to_owned().into_os_string();
    new_path.push(".new");
    let mut file = File::create(&new_path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new_path, path)?;
    sync_directory(directory)
}

/// Makes the names in a directory durable, where a directory can be opened.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { fs::metadata(path).map(|_| ()) }
}
