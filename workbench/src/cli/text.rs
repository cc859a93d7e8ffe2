//! What is printed to STDOUT, and for whom.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::AutoStream;

/// A text for STDOUT.
#[derive(Debug)]
pub(super) enum Text {
    /// Printed as it is.
    Plain(String),
    /// Printed in color where the terminal knows colors and its user wants them.
    Colored(String),
}

impl Text {
    /// Whether somebody reads STDOUT on a terminal, rather than a program from a pipe.
    pub(super) fn is_for_people() -> bool {
        io::stdout().is_terminal()
    }

    /// Prints it; whoever has closed STDOUT has seen enough.
    pub(super) fn print(&self) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let printed = match self {
            Text::Plain(text) => stdout.write_all(text.as_bytes()),
            Text::Colored(text) => AutoStream::auto(&mut stdout).write_all(text.as_bytes()),
        };
        match printed.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            printed => printed,
        }
    }
}
