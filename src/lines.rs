//! Input, line by line, with a limit to what one line may cost.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The longest line that is read. Longer ones are skipped: a peer that never sends a newline must
/// not fill the memory. Maelstrom's longest, a `read_ok` with every value, stay far below.
const LONGEST: usize = 64 << 20;

/// Keep this much of the buffer between lines. More saves allocations, less saves memory after one
/// long line.
const KEEP: usize = 1 << 20;

pub(crate) struct Lines<I> {
    input: BufReader<I>,
    line: Vec<u8>,
    /// How long the line has become; more than the line holds once it is over the limit.
    length: usize,
    /// Whether the line has been handed out, so that the next call starts a new one.
    complete: bool,
}

/// What [`Lines::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// A line without its newline; the last one may end with the input.
    Whole(&'a [u8]),
    /// A line over the limit, of which nothing is kept.
    TooLong { bytes: usize },
}

impl<I: AsyncRead + Unpin> Lines<I> {
    pub(crate) fn new(input: I) -> Self {
        Lines { input: BufReader::new(input), line: Vec::new(), length: 0, complete: false }
    }

    /// The next line that is not blank, or `None` at the end of the input.
    ///
    /// Cancel safe: what has been read of a line is kept for the next call.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            if self.complete {
                self.line.clear();
                self.line.shrink_to(KEEP);
                (self.length, self.complete) = (0, false);
            }
            if !self.read_line().await? {
                return Ok(None);
            }
            if self.length > LONGEST || !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        if self.length > LONGEST {
            return Ok(Some(Line::TooLong { bytes: self.length }));
        }
        Ok(Some(Line::Whole(&self.line)))
    }

    /// Reads up to the next newline; `false` if the input has ended and left nothing.
    async fn read_line(&mut self) -> io::Result<bool> {
        while !self.complete {
            let available = self.input.fill_buf().await?;
            if available.is_empty() {
                self.complete = true;
                return Ok(self.length > 0);
            }
            let newline = available.iter().position(|byte| *byte == b'\n');
            let taken = newline.unwrap_or(available.len());
            self.length += taken;
            if self.length <= LONGEST {
                self.line.extend_from_slice(&available[..taken]);
            } else {
                self.line.clear();
            }
            self.input.consume(taken + usize::from(newline.is_some()));
            self.complete = newline.is_some();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn lines_come_without_their_newlines_and_the_last_needs_none() {
        #[track_caller]
        fn check(line: Option<&Line<'_>>, expected: Option<&str>) {
            assert_eq!(line, expected.map(|line| Line::Whole(line.as_bytes())).as_ref());
        }
        let (mut peer, input) = tokio::io::duplex(2);
        tokio::spawn(async move { peer.write_all(b"one\n\n \r\nfour\r\nfive").await });
        let mut lines = Lines::new(input);
        for expected in [Some("one"), Some("four\r"), Some("five"), None, None] {
            check(lines.next().await.unwrap().as_ref(), expected);
        }
    }

    #[tokio::test]
    async fn a_line_over_the_limit_costs_that_line_only() {
        let mut input = vec![b'x'; LONGEST + 1];
        input.extend_from_slice(b"\nnext\n");
        let mut lines = Lines::new(&input[..]);
        let too_long = Line::TooLong { bytes: LONGEST + 1 };
        assert_eq!(lines.next().await.unwrap(), Some(too_long));
        assert_eq!(lines.next().await.unwrap(), Some(Line::Whole(b"next")));
    }
}
