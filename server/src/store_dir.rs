//! Store directory: the only way from a request's URL to a file.
//!
//! Everything is opened relative to the store's directory, as a capability: the system resolves the
//! path and refuses to leave, whether by `..`, by an absolute path or by a link that a node made.
//! Checking and opening are one step, so nothing can change in between.

use std::fmt::{self, Display};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use serde::Serialize;

/// Bytes of a file that may be read into memory. The largest results of kafka are about a tenth of
/// that; a larger limit would let one huge file slow down the whole list.
const MAX_READ_BYTES: u64 = 8 << 20;

/// Directory of the served store. It is opened for each request, since it may be removed and
/// created again meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct StoreDir(Arc<PathBuf>);

/// Id of a test: its directory below the store, `<workload>/<time>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub(crate) struct TestId {
    pub(crate) workload: String,
    pub(crate) time: String,
}

impl StoreDir {
    pub(crate) fn new(store: PathBuf) -> StoreDir {
        StoreDir(Arc::new(store))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn open(&self) -> io::Result<Dir> {
        Dir::open_ambient_dir(&*self.0, ambient_authority())
    }

    /// Opens the directory of a test.
    pub(crate) fn test(&self, id: &TestId) -> io::Result<Dir> {
        self.open()?.open_dir(Path::new(&id.workload).join(&id.time))
    }
}

/// Ids of all tests of a store, in no particular order. Links are not tests.
pub(crate) fn ids(store: &Dir) -> Vec<TestId> {
    let mut ids = Vec::new();
    for workload in directories(store) {
        let Ok(tests) = store.open_dir(&workload) else { continue };
        let new = |time| TestId::new(&workload, time);
        ids.extend(directories(&tests).iter().filter_map(|time| new(time)));
    }
    ids
}

/// Names of the subdirectories. Unreadable ones are left out.
fn directories(directory: &Dir) -> Vec<String> {
    let entries = directory.entries().into_iter().flatten().filter_map(Result::ok);
    let real = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    real.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Opens a regular file, and nothing else: opening a named pipe, which a node can create in its
/// storage, would block forever.
pub(crate) fn open(directory: &Dir, path: &str) -> io::Result<File> {
    let refused = |why| Err(io::Error::new(ErrorKind::NotFound, why));
    if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return refused("not a plain path");
    }
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = directory.open_with(path, &options)?;
    if file.metadata()?.is_file() { Ok(file) } else { refused("not a regular file") }
}

/// Text of a file, if it can be read.
pub(crate) fn read(directory: &Dir, name: &str) -> Option<String> {
    let file = open(directory, name).ok()?;
    if file.metadata().ok()?.len() > MAX_READ_BYTES {
        return None;
    }
    let mut text = String::new();
    file.take(MAX_READ_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

impl TestId {
    /// Creates an id; `None` unless both are valid names.
    pub(crate) fn new(workload: &str, time: &str) -> Option<TestId> {
        let is_name =
            |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains('/');
        (is_name(workload) && is_name(time))
            .then(|| TestId { workload: workload.to_owned(), time: time.to_owned() })
    }

    pub(crate) fn parse(text: &str) -> Option<TestId> {
        let (workload, time) = text.split_once('/')?;
        TestId::new(workload, time)
    }
}

impl Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.workload, self.time)
    }
}

impl From<TestId> for String {
    fn from(id: TestId) -> String {
        id.to_string()
    }
}
