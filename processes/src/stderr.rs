//! STDERR of a node: into its log, and the last lines into the story of its end.

use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use eddy_text::printable::{excerpt, printable};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::oneshot;

use super::errors::Errors;
use super::program::advice;

/// How many lines are told when a node has ended, as in Maelstrom.
const LAST_LINES: usize = 32;

/// How much of one line is told.
const EXCERPT: usize = 500;

/// How much is told of a line whose beginning is lost.
const END: usize = 300;

/// Where a line is broken that does not end itself.
const LONGEST_LINE: usize = 1 << 20;

/// How much of what a node wrote last is kept in memory: room for the last lines.
const TAIL: usize = LAST_LINES * EXCERPT;

/// How long a log may be. Less might be too little for a chatty node in a long test; more would
/// fill disks, one such log for each node of each test.
const LONGEST_LOG: u64 = 256 << 20;

/// A node's log.
#[derive(Debug)]
pub(super) struct Log {
    node: String,
    path: PathBuf,
    file: File,
    /// How many bytes there is still room for.
    room: u64,
    /// Whether the file takes what is written to it.
    is_writable: bool,
    /// What is yet to be repeated on our own STDERR, if anything is to be.
    echo: Option<Vec<u8>>,
    /// Those of all processes of the node.
    errors: Errors,
}

/// What is to be told of what a process wrote.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) last_words: LastWords,
    /// With those of the node's former processes.
    pub(super) errors: Errors,
}

/// What a node wrote last; displays as sentences.
#[derive(Debug, Default)]
pub struct LastWords {
    text: Vec<u8>,
    /// Whether the text begins in the middle of a line.
    is_cut: bool,
}

impl Log {
    /// Creates the log of a node, and the directory it is in.
    pub(super) fn create(directory: &Path, node: &str, echo: bool) -> Result<Log> {
        let path = directory.join(format!("{node}.log"));
        let wrong = |error: io::Error| {
            anyhow!("{} cannot be written: {error}{}", path.display(), advice(&error))
        };
        fs::create_dir_all(directory).map_err(wrong)?;
        let file = File::options().create(true).append(true).open(&path).map_err(wrong)?;
        let echo = echo.then(Vec::new);
        let (node, errors) = (node.to_owned(), Errors::default());
        Ok(Log { node, path, file, room: LONGEST_LOG, is_writable: true, echo, errors })
    }

    /// Keeps what there is room for; tells whether that was everything.
    fn keep(&mut self, text: &[u8]) -> bool {
        let room = usize::try_from(self.room).unwrap_or(usize::MAX);
        let kept = &text[..text.len().min(room)];
        self.room -= kept.len() as u64;
        // A full disk must not block the node: what cannot be logged is still read.
        if self.is_writable
            && let Err(error) = self.file.write_all(kept)
        {
            self.is_writable = false;
            tell(&format!("eddy: {} cannot be written: {error}\n", self.path.display()));
        }
        kept.len() == text.len()
    }

    /// Repeats whole lines; at the end, the rest as well.
    fn repeat(&mut self, text: &[u8], is_end: bool) {
        let Some(waiting) = &mut self.echo else { return };
        waiting.extend_from_slice(text);
        let is_long = waiting.len() > LONGEST_LINE;
        let end = if is_end || is_long {
            waiting.len()
        } else {
            waiting.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
        };
        let lines: Vec<u8> = waiting.drain(..end).collect();
        let lines = String::from_utf8_lossy(&lines);
        let lines = lines.lines().map(|line| format!("{}: {}\n", self.node, printable(line)));
        tell(&lines.collect::<String>());
    }

    fn is_full(&self) -> String {
        format!(
            "wrote more than {} MiB to STDERR. Have it log less; the beginning is in {}.",
            LONGEST_LOG >> 20,
            self.path.display()
        )
    }
}

/// Logs what comes until STDERR is closed; says once, in words that follow "it", when it is too
/// much, and reads on so that the node is not blocked.
pub(super) async fn read(
    mut stderr: impl AsyncRead + Unpin,
    log: &mut Log,
    too_much: oneshot::Sender<String>,
) -> Told {
    let mut last_words = LastWords::default();
    let mut too_much = Some(too_much);
    let mut chunk = vec![0; 1 << 16];
    while let Ok(length @ 1..) = stderr.read(&mut chunk).await {
        let text = &chunk[..length];
        if !log.keep(text)
            && let Some(too_much) = too_much.take()
        {
            // Nobody listens any more when the test is over.
            let _ = too_much.send(log.is_full());
        }
        log.repeat(text, false);
        log.errors.push(text);
        last_words.push(text);
    }
    log.repeat(b"", true);
    log.errors.end();
    Told { last_words, errors: log.errors.clone() }
}

/// Writes to our own STDERR, if anybody still reads it.
fn tell(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

impl LastWords {
    fn push(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
        // Not at every chunk, because it moves what is left.
        if self.text.len() > 16 * TAIL {
            let mut gone = self.text.drain(..self.text.len() - TAIL);
            self.is_cut = gone.next_back() != Some(b'\n');
        }
    }
}

impl Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.text);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        if lines.is_empty() {
            return write!(f, "It wrote nothing to STDERR.");
        }
        write!(f, "Its last words on STDERR were:")?;
        let first = lines.len().saturating_sub(LAST_LINES);
        let (cut, whole) = lines[first..].split_at(usize::from(self.is_cut && first == 0));
        for line in cut {
            let start = line.char_indices().rev().nth(END - 1).map_or(0, |(start, _)| start);
            write!(f, "\n  …{} (the end of a long line)", printable(&line[start..]))?;
        }
        whole.iter().try_for_each(|line| write!(f, "\n  {}", excerpt(line, EXCERPT)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_told_printable_and_not_at_any_length() {
        #[track_caller]
        fn check(chunks: &[&str], expected: &str) {
            let mut last_words = LastWords::default();
            for chunk in chunks {
                last_words.push(chunk.as_bytes());
            }
            assert_eq!(last_words.to_string(), expected);
        }
        check(&[], "It wrote nothing to STDERR.");
        check(&["\n"], "It wrote nothing to STDERR.");
        check(&["o", "ne\ntwo\x07"], "Its last words on STDERR were:\n  one\n  two\\u{7}");
        let long = "x".repeat(16 * TAIL);
        let end = format!("…{}b (the end of a long line)\n  two", "x".repeat(END - 1));
        check(&[&long, "b\ntwo\n"], &format!("Its last words on STDERR were:\n  {end}"));
        let many: Vec<String> = (0..100_000).map(|number| format!("{number}\n")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let last: Vec<&str> = many[100_000 - LAST_LINES..].iter().map(|line| line.trim()).collect();
        check(&many, &format!("Its last words on STDERR were:\n  {}", last.join("\n  ")));
    }
    #[tokio::test]
    async fn all_processes_of_a_node_share_the_room_in_its_log() {
        let directory = std::env::temp_dir().join(format!("eddy-log-{}", std::process::id()));
        let mut log = Log::create(&directory, "n0", false).unwrap();
        log.room = 10;
        let (too_much, mut complaint) = oneshot::channel();
        read(&b"first\n"[..], &mut log, too_much).await;
        assert!(complaint.try_recv().is_err());
        let (too_much, mut complaint) = oneshot::channel();
        read(&b"second\n"[..], &mut log, too_much).await;
        assert!(complaint.try_recv().unwrap().starts_with("wrote more than 256 MiB to STDERR"));
        assert_eq!(fs::read_to_string(log.path).unwrap(), "first\nseco");
        fs::remove_dir_all(directory).unwrap();
    }
}
