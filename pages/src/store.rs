//! Store of recorded tests: one directory per test, in Jepsen's layout.
//!
//! `store/<workload>/<time>/` holds the files of a test: history, results, logs of nodes, and,
//! unlike in Jepsen, the nodes' `storage` and the list of faults. The link `current` names the test
//! that began last. `latest`, in the store and in each workload's directory, names the test that
//! ended last. Links are relative, so a store can be moved, and are replaced atomically, so they
//! never disappear.

mod description;
mod history;
mod progress;
mod replace;

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eddy_checkers::edn::Value;
use eddy_checkers::history::History;
use jiff::Zoned;
use serde::Serialize;

pub use self::description::Description;
pub use self::history::HistoryWriter;
pub use self::progress::{ProgressFile, TestProgress};
use crate::summary::Summary;

/// Bytes that must fit on the disk before a test begins. With less, a test could begin and record
/// nothing; more would refuse a disk that is large enough for a short test.
const MIN_FREE_BYTES: usize = 64 << 10;

/// File name of the history.
const HISTORY: &str = "history.edn";

/// File name of the test's [`Description`].
pub const DESCRIPTION: &str = "test.json";
/// File name of the progress of a running test.
pub const PROGRESS: &str = "progress.json";
/// File name of the test's [`Summary`].
pub const SUMMARY: &str = "summary.json";
/// File name of all results of the checkers.
pub const RESULTS: &str = "results.edn";

/// Name of the directory with the logs of the nodes.
pub const NODE_LOGS: &str = "node-logs";

/// Logs that a report links. With a cluster of a thousand nodes, more would fill the screen.
const MAX_LINKED_LOGS: usize = 32;
/// Directory of the recorded test that a file belongs to. The file may be one directory below it,
/// like a node's log.
pub fn test_directory_of(file: &Path) -> Option<&Path> {
    if !file.is_file() {
        return None;
    }
    let places = file.ancestors().skip(1).take(2).map(|place| match place.as_os_str().len() {
        0 => Path::new("."),
        _ => place,
    });
    let is_test = |place: &&Path| place.join(DESCRIPTION).exists() || place.join(RESULTS).exists();
    places.into_iter().find(is_test)
}

/// File that pages are written to.
#[derive(Debug)]
pub(crate) struct PageFile {
    /// Name of the file.
    pub(crate) file: &'static str,
    /// Contents of the file.
    pub(crate) text: String,
}

/// Directory of one recorded test.
#[derive(Debug)]
pub struct TestRecord {
    store: PathBuf,
    workload: String,
    time: String,
}

impl TestRecord {
    /// Creates a directory for a test that begins now, and links it as `current`.
    pub fn create(store: &Path, workload: &str) -> Result<TestRecord> {
        if fs::metadata(store).is_ok_and(|metadata| !metadata.is_dir()) {
            bail!("{} is a file; --store must be a directory", store.display());
        }
        let tests = store.join(workload);
        fs::create_dir_all(&tests).with_context(|| cannot_write(&tests))?;
        for path in [store.join("current"), store.join("latest"), tests.join("latest")] {
            check_free_for_link(&path)?;
        }
        loop {
            let time = Zoned::now().strftime("%Y%m%dT%H%M%S.%3f%z").to_string();
            let record =
                TestRecord { store: store.to_owned(), workload: workload.to_owned(), time };
            let directory = record.directory();
            match fs::create_dir(&directory) {
                Ok(()) => {
                    record.check_disk()?;
                    link(store, "current", &record.below_store())?;
                    return Ok(record);
                }
                // Another test began in the same millisecond: try the next one.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| cannot_write(&directory)),
            }
        }
    }

    /// Path of the directory.
    pub fn directory(&self) -> PathBuf {
        self.store.join(self.below_store())
    }

    /// Directory for the logs of the nodes.
    pub fn node_logs(&self) -> PathBuf {
        self.directory().join(NODE_LOGS)
    }

    /// Relative paths of the non-empty logs of these nodes. Names that would have to be escaped in
    /// a link are left out.
    pub(crate) fn written_logs(&self, nodes: &[String]) -> Vec<String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let nodes = nodes.iter().filter(|node| node.chars().all(is_plain));
        let logs = nodes.map(|node| format!("{NODE_LOGS}/{node}.log"));
        let is_written = |log: &String| {
            fs::metadata(self.directory().join(log)).is_ok_and(|metadata| metadata.len() > 0)
        };
        logs.filter(is_written).take(MAX_LINKED_LOGS).collect()
    }

    /// Directory for the storage of the nodes, which outlives their processes.
    pub fn storage(&self) -> PathBuf {
        self.directory().join("storage")
    }

    /// Checks that the disk takes data, before there is any to lose.
    fn check_disk(&self) -> Result<()> {
        self.write(HISTORY, |file| file.write_all(&vec![b'\n'; MIN_FREE_BYTES]))?;
        self.write(HISTORY, |_| Ok(()))
    }

    /// Begins the history file.
    pub fn begin_history(&self) -> Result<HistoryWriter> {
        let path = self.directory().join(HISTORY);
        HistoryWriter::open(&path).with_context(|| cannot_write(&path))
    }

    /// Writes the rest of the history, and links the test as `latest`. The error says what is lost.
    pub fn end_history(&self, mut file: HistoryWriter, history: &History) -> Result<()> {
        file.append(history);
        match file.finish() {
            Ok(()) => self.finish_history(history),
            // The whole history is written again: the disk may have room by now.
            Err(_) => self.keep_history(history),
        }
    }

    /// Writes the history, and links the test as `latest`. The error says what is lost.
    pub fn keep_history(&self, history: &History) -> Result<()> {
        let operations = history.ops().len();
        let lost = || format!("of the history, {operations} entries long, the end is lost");
        self.write(HISTORY, |file| history.write_edn(file)).with_context(lost)?;
        self.finish_history(history)
    }

    fn finish_history(&self, history: &History) -> Result<()> {
        self.write("history.txt", |file| history.write_txt(file))?;
        link(&self.store, "latest", &self.below_store())?;
        link(&self.store.join(&self.workload), "latest", Path::new(&self.time))
    }

    /// Writes the description of the test.
    pub fn describe(&self, description: &Description) -> Result<()> {
        self.write_json(DESCRIPTION, description)
    }

    /// Writes the results as EDN, as in Maelstrom, and as JSON.
    pub fn keep_results(&self, results: &Value) -> Result<()> {
        self.write(RESULTS, |file| writeln!(file, "{}", results.pretty()))?;
        self.write_json("results.json", results)
    }

    /// Writes the verdict and the figures.
    pub(crate) fn keep_summary(&self, summary: &Summary) -> Result<()> {
        self.replace(SUMMARY, &(serde_json::to_string_pretty(summary)? + "\n"))
    }

    /// Writes the pages.
    pub(crate) fn keep_pages(&self, pages: &[PageFile]) -> Result<()> {
        pages.iter().try_for_each(|page| self.replace(page.file, &page.text))
    }

    /// Writes the list of faults.
    pub(crate) fn keep_faults(&self, faults: &str) -> Result<()> {
        self.write("faults.txt", |file| file.write_all(faults.as_bytes()))
    }

    /// Writes every message of a simulation.
    pub(crate) fn keep_trace(&self, trace: &str) -> Result<()> {
        self.write("trace.txt", |file| file.write_all(trace.as_bytes()))
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        self.write(name, |file| {
            serde_json::to_writer_pretty(&mut *file, value)?;
            file.write_all(b"\n")
        })
    }

    /// Replaces a file atomically, because somebody may be reading it.
    fn replace(&self, name: &str, text: &str) -> Result<()> {
        let path = self.directory().join(name);
        replace::file(&path, text).with_context(|| cannot_write(&path))
    }

    fn below_store(&self) -> PathBuf {
        Path::new(&self.workload).join(&self.time)
    }

    fn write(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<()> {
        let path = self.directory().join(name);
        let written = File::create(&path).and_then(|file| {
            let mut file = BufWriter::new(file);
            write(&mut file)?;
            file.flush()
        });
        written.with_context(|| cannot_write(&path))
    }
}

/// Checks that a link may be created there: only another link is ever replaced.
fn check_free_for_link(path: &Path) -> Result<()> {
    let shown = path.display();
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_symlink() => bail!(
            "{shown} is in the way: expected nothing there, or a link to a test. Move it away, or \
             choose another --store"
        ),
        // Another error will show up when the link is written.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Creates or replaces a link.
fn link(directory: &Path, name: &str, target: &Path) -> Result<()> {
    let path = directory.join(name);
    replace::link(&path, target).with_context(|| cannot_write(&path))
}

fn cannot_write(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}
