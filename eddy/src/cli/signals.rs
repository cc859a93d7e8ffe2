//! Requests to stop, heard from before the first node is started: a signal never leaves nodes
//! behind, and neither does a second one, which changes nothing.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a test.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    /// A file grew beyond what the shell's `ulimit -f` allows. That would kill; once it is listened
    /// to, who writes the file gets an error instead, and can tell it.
    _file_too_large: Signal,
}

impl Signals {
    /// Listens from now on, in place of dying.
    pub(super) fn listen() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            _file_too_large: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the next one, and gives its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}
