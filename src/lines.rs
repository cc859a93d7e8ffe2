//! Input split into lines, with a limit to the length of a line.
//!
//! Bytes are read in chunks, and lines are borrowed from the buffer. Only the beginning of an
//! incomplete line is copied.

use std::io::{self, BufRead};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Length of the longest line that is read. Longer ones are skipped, because a peer that never
/// sends a newline must not fill the memory. Maelstrom's longest, a `read_ok` with all values, is
/// far shorter.
const MAX_LINE_BYTES: usize = 64 << 20;

/// Free space in the buffer for each read. A larger size takes more memory per node; a smaller one
/// needs more reads under load. A Linux pipe holds this much.
const CHUNK_BYTES: usize = 64 << 10;

/// Buffer capacity kept between lines. A larger size saves allocations; a smaller one saves memory
/// after a long line.
const RETAINED_BYTES: usize = 1 << 20;

/// Reader of lines. Invariant: `start + searched <= buffer.len()`.
pub(crate) struct Lines<I> {
    input: I,
    buffer: Vec<u8>,
    /// Offset of the next line in the buffer.
    start: usize,
    /// Bytes of the next line that contain no newline.
    searched: usize,
    /// Bytes of the next line that were discarded, because it is over the limit.
    skipped: usize,
    /// True after the end of the input.
    is_at_end: bool,
}

/// A line as [`Lines::next_line`] returns it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InputLine<'a> {
    /// A line without its newline. The last one may end with the input.
    Whole(&'a [u8]),
    /// A line over the limit, whose bytes were discarded.
    TooLong { bytes: usize },
}

impl<I: AsyncRead + Unpin> Lines<I> {
    pub(crate) fn new(input: I) -> Self {
        Lines { input, buffer: Vec::new(), start: 0, searched: 0, skipped: 0, is_at_end: false }
    }

    /// Reads once, and returns false at the end of the input. To be called after
    /// [`next_line`](Lines::next_line) has returned `None`.
    ///
    /// Cancel safe: bytes that were read stay in the buffer.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..std::mem::take(&mut self.start));
        if self.buffer.len() > MAX_LINE_BYTES {
            self.skipped += self.buffer.len();
            self.searched = 0;
            self.buffer.clear();
        }
        if self.buffer.len() <= RETAINED_BYTES {
            self.buffer.shrink_to(RETAINED_BYTES);
        }
        self.buffer.reserve(CHUNK_BYTES);
        self.is_at_end = self.input.read_buf(&mut self.buffer).await? == 0;
        Ok(!self.is_at_end)
    }

    /// The next line that is completely in the buffer and not blank.
    pub(crate) fn next_line(&mut self) -> Option<InputLine<'_>> {
        loop {
            let rest = &self.buffer[self.start..];
            let length = match find_newline(&rest[self.searched..]) {
                Some(position) => self.searched + position,
                None if self.is_at_end && rest.len() + self.skipped > 0 => rest.len(),
                None => {
                    self.searched = rest.len();
                    return None;
                }
            };
            let line = self.start..self.start + length;
            let bytes = std::mem::take(&mut self.skipped) + length;
            self.start = self.buffer.len().min(line.end + 1);
            self.searched = 0;
            if bytes > MAX_LINE_BYTES {
                return Some(InputLine::TooLong { bytes });
            }
            if !self.buffer[line.clone()].trim_ascii().is_empty() {
                return Some(InputLine::Whole(&self.buffer[line]));
            }
        }
    }
}

/// Position of the first newline.
fn find_newline(bytes: &[u8]) -> Option<usize> {
    // The fastest search for a byte in the standard library.
    let taken = { bytes }.skip_until(b'\n').ok()?;
    bytes[..taken].ends_with(b"\n").then(|| taken - 1)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Every line of an input, as text.
    async fn lines(input: impl AsyncRead + Unpin) -> Vec<String> {
        let (mut input, mut lines) = (Lines::new(input), Vec::new());
        loop {
            let has_input = input.fill().await.unwrap();
            while let Some(line) = input.next_line() {
                lines.push(match line {
                    InputLine::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                    InputLine::TooLong { bytes } => format!("{bytes} bytes"),
                });
            }
            if !has_input {
                return lines;
            }
        }
    }

    #[tokio::test]
    async fn lines_are_returned_without_newlines_and_the_last_needs_none() {
        for capacity in 1..20 {
            let (mut peer, input) = tokio::io::duplex(capacity);
            tokio::spawn(async move { peer.write_all(b"one\n\n \r\nfour\r\nfive").await });
            assert_eq!(lines(input).await, ["one", "four\r", "five"]);
        }
    }

    #[tokio::test]
    async fn a_line_over_the_limit_is_skipped_alone() {
        let mut input = vec![b'x'; MAX_LINE_BYTES + 1];
        input.extend_from_slice(b"\nnext\n");
        let expected = [format!("{} bytes", MAX_LINE_BYTES + 1), "next".to_owned()];
        assert_eq!(lines(&input[..]).await, expected);
        assert_eq!(lines(&input[1..]).await[0].len(), MAX_LINE_BYTES);
        input.extend(vec![b'x'; 2 * MAX_LINE_BYTES]);
        assert_eq!(lines(&input[..]).await.last(), Some(&format!("{} bytes", 2 * MAX_LINE_BYTES)));
    }

    #[tokio::test]
    async fn a_long_line_frees_its_memory_although_another_line_is_always_incomplete() {
        let (mut peer, input) = tokio::io::duplex(MAX_LINE_BYTES * 2);
        peer.write_all(&vec![b'x'; MAX_LINE_BYTES]).await.unwrap();
        let mut lines = Lines::new(input);
        for _ in 0..3000 {
            peer.write_all(b" end\nbeginning").await.unwrap();
            lines.fill().await.unwrap();
            while lines.next_line().is_some() {}
        }
        assert!(
            lines.buffer.capacity() <= RETAINED_BYTES + CHUNK_BYTES,
            "{}",
            lines.buffer.capacity()
        );
    }

    #[tokio::test]
    async fn a_long_line_frees_its_memory() {
        let mut input = vec![b'x'; MAX_LINE_BYTES];
        input.extend_from_slice(b"\nnext\n");
        let mut lines = Lines::new(&input[..]);
        while lines.fill().await.unwrap() {
            while lines.next_line().is_some() {}
        }
        assert!(
            lines.buffer.capacity() <= RETAINED_BYTES + CHUNK_BYTES,
            "{}",
            lines.buffer.capacity()
        );
    }
}
