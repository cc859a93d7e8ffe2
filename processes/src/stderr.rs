//! STDERR of a node: copied to its log, with the last lines kept for the failure report.

use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use eddy_text::printable::{excerpt, printable};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::oneshot;

use super::errors::StderrErrors;
use super::program::file_limit_advice;

/// Lines that are shown when a node has exited, as in Maelstrom.
const MAX_TAIL_LINES: usize = 32;

/// Characters of a line that are shown.
const MAX_EXCERPT_CHARS: usize = 500;

/// Characters that are shown of a line whose beginning is lost.
const MAX_LINE_END_CHARS: usize = 300;

/// Bytes after which an unterminated line is printed.
const MAX_PARTIAL_LINE: usize = 1 << 20;

/// Bytes of the end of STDERR that are kept in memory: enough for the last lines.
const TAIL_BYTES: usize = MAX_TAIL_LINES * MAX_EXCERPT_CHARS;

/// Bytes of a log at most. Less might be too little for a verbose node in a long test; more would
/// fill disks, with one log for each node of each test.
const MAX_LOG_BYTES: u64 = 256 << 20;

/// Log of a node, shared by all its processes.
#[derive(Debug)]
pub(super) struct StderrLog {
    node: String,
    path: PathBuf,
    file: File,
    /// Bytes that may still be written.
    remaining_bytes: u64,
    /// False after a failed write.
    is_writable: bool,
    /// Unterminated line to be repeated on our own STDERR; `None` without `--log-stderr`.
    echo: Option<Vec<u8>>,
    /// Errors of all processes of the node.
    errors: StderrErrors,
}

/// Part of a process's STDERR that is reported.
#[derive(Debug, Default)]
pub(super) struct StderrSummary {
    pub(super) tail: StderrTail,
    /// Errors of this and the previous processes of the node.
    pub(super) errors: StderrErrors,
}

/// End of a node's STDERR. It displays as sentences.
#[derive(Debug, Default)]
pub struct StderrTail {
    text: Vec<u8>,
    /// True if the text begins in the middle of a line.
    is_cut: bool,
}

impl StderrLog {
    /// Creates the log of a node and its directory.
    pub(super) fn create(directory: &Path, node: &str, echo: bool) -> Result<StderrLog> {
        let path = directory.join(format!("{node}.log"));
        let wrong = |error: io::Error| {
            anyhow!("{} cannot be written: {error}{}", path.display(), file_limit_advice(&error))
        };
        fs::create_dir_all(directory).map_err(wrong)?;
        let file = File::options().create(true).append(true).open(&path).map_err(wrong)?;
        let echo = echo.then(Vec::new);
        let (node, errors) = (node.to_owned(), StderrErrors::default());
        Ok(StderrLog {
            node,
            path,
            file,
            remaining_bytes: MAX_LOG_BYTES,
            is_writable: true,
            echo,
            errors,
        })
    }

    /// Appends as much as there is room for; true if that was everything.
    fn append(&mut self, text: &[u8]) -> bool {
        let room = usize::try_from(self.remaining_bytes).unwrap_or(usize::MAX);
        let fitting = &text[..text.len().min(room)];
        self.remaining_bytes -= fitting.len() as u64;
        // A full disk must not block the node: STDERR is still read.
        if self.is_writable
            && let Err(error) = self.file.write_all(fitting)
        {
            self.is_writable = false;
            write_stderr(&format!("eddy: {} cannot be written: {error}\n", self.path.display()));
        }
        fitting.len() == text.len()
    }

    /// Repeats whole lines on our own STDERR, and an unterminated one at the end.
    fn echo_lines(&mut self, text: &[u8], is_end: bool) {
        let Some(waiting) = &mut self.echo else { return };
        waiting.extend_from_slice(text);
        let is_long = waiting.len() > MAX_PARTIAL_LINE;
        let end = if is_end || is_long {
            waiting.len()
        } else {
            waiting.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
        };
        let lines: Vec<u8> = waiting.drain(..end).collect();
        let lines = String::from_utf8_lossy(&lines);
        let lines = lines.lines().map(|line| format!("{}: {}\n", self.node, printable(line)));
        write_stderr(&lines.collect::<String>());
    }

    fn overflow_message(&self) -> String {
        format!(
            "wrote more than {} MiB to STDERR. Make it log less; the beginning is in {}.",
            MAX_LOG_BYTES >> 20,
            self.path.display()
        )
    }
}

/// Logs STDERR until it is closed. When the log is full, sends one predicate for the node and reads
/// on, so that the node is not blocked.
pub(super) async fn read(
    mut stderr: impl AsyncRead + Unpin,
    log: &mut StderrLog,
    overflow: oneshot::Sender<String>,
) -> StderrSummary {
    let mut tail = StderrTail::default();
    let mut overflow = Some(overflow);
    let mut chunk = vec![0; 1 << 16];
    while let Ok(length @ 1..) = stderr.read(&mut chunk).await {
        let text = &chunk[..length];
        if !log.append(text)
            && let Some(overflow) = overflow.take()
        {
            // Nobody receives the failure after the test.
            let _ = overflow.send(log.overflow_message());
        }
        log.echo_lines(text, false);
        log.errors.push(text);
        tail.push(text);
    }
    log.echo_lines(b"", true);
    log.errors.finish();
    StderrSummary { tail, errors: log.errors.clone() }
}

/// Writes to our own STDERR; errors are ignored.
fn write_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

impl StderrTail {
    fn push(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
        // Not at every chunk, because draining moves the remaining bytes.
        if self.text.len() > 16 * TAIL_BYTES {
            let mut dropped = self.text.drain(..self.text.len() - TAIL_BYTES);
            self.is_cut = dropped.next_back() != Some(b'\n');
        }
    }
}

impl Display for StderrTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.text);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        if lines.is_empty() {
            return write!(f, "It wrote nothing to STDERR.");
        }
        write!(f, "It last wrote to STDERR:")?;
        let first = lines.len().saturating_sub(MAX_TAIL_LINES);
        let (cut, whole) = lines[first..].split_at(usize::from(self.is_cut && first == 0));
        for line in cut {
            let start =
                line.char_indices().rev().nth(MAX_LINE_END_CHARS - 1).map_or(0, |(start, _)| start);
            write!(f, "\n  …{} (the end of a long line)", printable(&line[start..]))?;
        }
        whole.iter().try_for_each(|line| write!(f, "\n  {}", excerpt(line, MAX_EXCERPT_CHARS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_printable_and_truncated() {
        #[track_caller]
        fn check(chunks: &[&str], expected: &str) {
            let mut tail = StderrTail::default();
            for chunk in chunks {
                tail.push(chunk.as_bytes());
            }
            assert_eq!(tail.to_string(), expected);
        }
        check(&[], "It wrote nothing to STDERR.");
        check(&["\n"], "It wrote nothing to STDERR.");
        check(&["o", "ne\ntwo\x07"], "It last wrote to STDERR:\n  one\n  two\\u{7}");
        let long = "x".repeat(16 * TAIL_BYTES);
        let end =
            format!("…{}b (the end of a long line)\n  two", "x".repeat(MAX_LINE_END_CHARS - 1));
        check(&[&long, "b\ntwo\n"], &format!("It last wrote to STDERR:\n  {end}"));
        let many: Vec<String> = (0..100_000).map(|number| format!("{number}\n")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let last: Vec<&str> =
            many[100_000 - MAX_TAIL_LINES..].iter().map(|line| line.trim()).collect();
        check(&many, &format!("It last wrote to STDERR:\n  {}", last.join("\n  ")));
    }
    #[tokio::test]
    async fn all_processes_of_a_node_share_the_room_in_its_log() {
        let directory = std::env::temp_dir().join(format!("eddy-log-{}", std::process::id()));
        let mut log = StderrLog::create(&directory, "n0", false).unwrap();
        log.remaining_bytes = 10;
        let (overflow, mut failure) = oneshot::channel();
        read(&b"first\n"[..], &mut log, overflow).await;
        assert!(failure.try_recv().is_err());
        let (overflow, mut failure) = oneshot::channel();
        read(&b"second\n"[..], &mut log, overflow).await;
        assert!(failure.try_recv().unwrap().starts_with("wrote more than 256 MiB to STDERR"));
        assert_eq!(fs::read_to_string(log.path).unwrap(), "first\nseco");
        fs::remove_dir_all(directory).unwrap();
    }
}
