//! Input, line by line, with a limit to what one line may cost.
//!
//! Bytes are read in chunks, and a line is handed out where it lies in the buffer: nothing is
//! copied but the beginning of a line whose end has not come yet.

use std::io::{self, BufRead};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line that is read. Longer ones are skipped: a peer that never sends a newline must
/// not fill the memory. Maelstrom's longest, a `read_ok` with every value, stay far below.
const LONGEST: usize = 64 << 20;

/// How much room a read finds at least. More costs memory per node, less costs reads under load; a
/// pipe of Linux holds this much.
const CHUNK: usize = 64 << 10;

/// Keep this much of the buffer between lines. More saves allocations, less saves memory after one
/// long line.
const KEEP: usize = 1 << 20;

pub(crate) struct Lines<I> {
    input: I,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
    /// How much of the next line has been searched for its end.
    searched: usize,
    /// How much of the next line was thrown away, because it is over the limit.
    skipped: usize,
    /// Whether the input has ended.
    ended: bool,
}

/// What [`Lines::next_line`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// A line without its newline; the last one may end with the input.
    Whole(&'a [u8]),
    /// A line over the limit, of which nothing is kept.
    TooLong { bytes: usize },
}

impl<I: AsyncRead + Unpin> Lines<I> {
    pub(crate) fn new(input: I) -> Self {
        Lines { input, buffer: Vec::new(), start: 0, searched: 0, skipped: 0, ended: false }
    }

    /// Reads once, and says whether the input goes on. To be called when
    /// [`next_line`](Lines::next_line) has found nothing more.
    ///
    /// Cancel safe: what has been read is kept for the next call.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..std::mem::take(&mut self.start));
        if self.buffer.len() > LONGEST {
            self.skipped += self.buffer.len();
            self.searched = 0;
            self.buffer.clear();
        }
        if self.buffer.len() <= KEEP {
            self.buffer.shrink_to(KEEP);
        }
        self.buffer.reserve(CHUNK);
        self.ended = self.input.read_buf(&mut self.buffer).await? == 0;
        Ok(!self.ended)
    }

    /// The next line that has been read and is not blank.
    pub(crate) fn next_line(&mut self) -> Option<Line<'_>> {
        loop {
            let rest = &self.buffer[self.start..];
            let length = match newline(&rest[self.searched..]) {
                Some(position) => self.searched + position,
                None if self.ended && rest.len() + self.skipped > 0 => rest.len(),
                None => {
                    self.searched = rest.len();
                    return None;
                }
            };
            let line = self.start..self.start + length;
            let bytes = std::mem::take(&mut self.skipped) + length;
            self.start = self.buffer.len().min(line.end + 1);
            self.searched = 0;
            if bytes > LONGEST {
                return Some(Line::TooLong { bytes });
            }
            if !self.buffer[line.clone()].trim_ascii().is_empty() {
                return Some(Line::Whole(&self.buffer[line]));
            }
        }
    }
}

/// Where the first newline is.
fn newline(bytes: &[u8]) -> Option<usize> {
    // Of all that searches for a byte, this is the fastest in the standard library.
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
            let goes_on = input.fill().await.unwrap();
            while let Some(line) = input.next_line() {
                lines.push(match line {
                    Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                    Line::TooLong { bytes } => format!("{bytes} bytes"),
                });
            }
            if !goes_on {
                return lines;
            }
        }
    }

    #[tokio::test]
    async fn lines_come_without_their_newlines_and_the_last_needs_none() {
        for capacity in 1..20 {
            let (mut peer, input) = tokio::io::duplex(capacity);
            tokio::spawn(async move { peer.write_all(b"one\n\n \r\nfour\r\nfive").await });
            assert_eq!(lines(input).await, ["one", "four\r", "five"]);
        }
    }

    #[tokio::test]
    async fn a_line_over_the_limit_costs_that_line_only() {
        let mut input = vec![b'x'; LONGEST + 1];
        input.extend_from_slice(b"\nnext\n");
        let expected = [format!("{} bytes", LONGEST + 1), "next".to_owned()];
        assert_eq!(lines(&input[..]).await, expected);
        assert_eq!(lines(&input[1..]).await[0].len(), LONGEST);
        input.extend(vec![b'x'; 2 * LONGEST]);
        assert_eq!(lines(&input[..]).await.last(), Some(&format!("{} bytes", 2 * LONGEST)));
    }

    #[tokio::test]
    async fn a_long_line_leaves_little_behind_although_there_is_always_the_beginning_of_another() {
        let (mut peer, input) = tokio::io::duplex(LONGEST * 2);
        peer.write_all(&vec![b'x'; LONGEST]).await.unwrap();
        let mut lines = Lines::new(input);
        for _ in 0..3000 {
            peer.write_all(b" end\nbeginning").await.unwrap();
            lines.fill().await.unwrap();
            while lines.next_line().is_some() {}
        }
        assert!(lines.buffer.capacity() <= KEEP + CHUNK, "{}", lines.buffer.capacity());
    }

    #[tokio::test]
    async fn a_long_line_leaves_little_behind() {
        let mut input = vec![b'x'; LONGEST];
        input.extend_from_slice(b"\nnext\n");
        let mut lines = Lines::new(&input[..]);
        while lines.fill().await.unwrap() {
            while lines.next_line().is_some() {}
        }
        assert!(lines.buffer.capacity() <= KEEP + CHUNK, "{}", lines.buffer.capacity());
    }
}
