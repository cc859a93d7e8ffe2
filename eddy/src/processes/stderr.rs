//! STDERR of a node: into its log, and the last lines into the story of its end.

use std::collections::VecDeque;
use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// How many lines are told when a node has ended, as in Maelstrom.
const LAST_LINES: usize = 32;

/// How much of one line is told.
const EXCERPT: usize = 500;

/// Where a line is broken that does not end itself.
const LONGEST_LINE: u64 = 1 << 20;

/// A node's log.
#[derive(Debug)]
pub(super) struct Log {
    node: String,
    path: PathBuf,
    file: File,
    /// Whether lines also go to our own STDERR.
    echo: bool,
}

/// What a node wrote last; displays as the end of a sentence.
#[derive(Debug, Default)]
pub(super) struct LastWords(VecDeque<String>);

impl Log {
    /// Creates the log of a node, and the directory it is in.
    pub(super) fn create(directory: &Path, node: &str, echo: bool) -> Result<Log> {
        let path = directory.join(format!("{node}.log"));
        let shown = || format!("{} cannot be written", path.display());
        fs::create_dir_all(directory).with_context(shown)?;
        let file = File::options().create(true).append(true).open(&path).with_context(shown)?;
        Ok(Log { node: node.to_owned(), path, file, echo })
    }
}

/// Logs lines until STDERR is closed.
pub(super) async fn read(stderr: impl AsyncRead + Unpin, mut log: Log) -> LastWords {
    let mut stderr = BufReader::new(stderr);
    let mut last_words = LastWords::default();
    let mut is_writable = true;
    loop {
        let mut line = Vec::new();
        let read = (&mut stderr).take(LONGEST_LINE).read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) {
            return last_words;
        }
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        // A full disk must not block the node: what cannot be logged is still read.
        if let Err(error) = log.file.write_all(&line)
            && std::mem::take(&mut is_writable)
        {
            eprintln!("eddy: {} cannot be written: {error}", log.path.display());
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if log.echo {
            eprintln!("{}: {line}", log.node);
        }
        last_words.push(line);
    }
}

impl LastWords {
    fn push(&mut self, line: &str) {
        if self.0.len() == LAST_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line.chars().take(EXCERPT).collect());
    }
}

impl Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, " and wrote nothing to STDERR");
        }
        write!(f, "; its last words on STDERR were:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
