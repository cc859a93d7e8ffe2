//! Printing to STDOUT.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::AutoStream;

/// Text for STDOUT.
#[derive(Debug)]
pub(super) enum StdoutText {
    /// Printed unchanged.
    Plain(String),
    /// Printed in color if the terminal supports it and its user wants it.
    Colored(String),
}

impl StdoutText {
    /// True if STDOUT is a terminal.
    pub(super) fn is_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// Prints the text. A closed STDOUT is not an error.
    pub(super) fn print(&self) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let printed = match self {
            StdoutText::Plain(text) => stdout.write_all(text.as_bytes()),
            StdoutText::Colored(text) => AutoStream::auto(&mut stdout).write_all(text.as_bytes()),
        };
        match printed.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            printed => printed,
        }
    }
}
