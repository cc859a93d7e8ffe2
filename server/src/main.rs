//! `eddy-serve`: server that shows the store in a browser.
//!
//! `eddy serve` checks its arguments and becomes this program, a package of its own, so that
//! running and judging tests compiles no web server.
//!
//! Its content was written by nodes, which are other people's programs, and any page that makes a
//! browser send a request can reach this server. So there are three defenses. Files are opened
//! below the store only, whatever their names and links say ([`store_dir`]). Text from nodes never
//! runs as a script, and pages with scripts can reach nothing ([`files`], [`response`]). And
//! requests must name this machine, so that no foreign page can pass for ours ([`host_guard`]).
//!
//! Every page is built from the store at each request, because a store may grow, shrink and move
//! meanwhile. Forms and links do all the work, so that every view has a URL; scripts only spare a
//! reload.

mod compare;
mod events;
mod files;
mod format;
mod host_guard;
mod link;
mod list;
mod overview;
mod recorded_test;
mod response;
mod server;
mod store_dir;

use std::env;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use self::server::{ServeSettings, StoreServer};

/// Exit status for invalid arguments, as in `eddy`.
const INVALID_ARGUMENTS: u8 = 254;

/// Exit status if the address cannot be used.
const NOT_SERVED: u8 = 255;

fn main() -> ExitCode {
    let Some(settings) = settings(env::args_os().skip(1).collect()) else {
        write_stderr("eddy-serve: expected STORE HOST PORT, which eddy serve passes; run that");
        return ExitCode::from(INVALID_ARGUMENTS);
    };
    match serve(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            write_stderr(&format!("eddy: {error:#}"));
            ExitCode::from(NOT_SERVED)
        }
    }
}

fn settings(arguments: Vec<OsString>) -> Option<ServeSettings> {
    let [store, host, port] = <[OsString; 3]>::try_from(arguments).ok()?;
    let (host, port) = (host.into_string().ok()?, port.to_str()?.parse().ok()?);
    Some(ServeSettings { store: store.into(), host, port })
}

/// Serves until a signal comes.
fn serve(settings: ServeSettings) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let listen = |kind| signal(kind).context("signals cannot be handled");
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let shown = settings.store.display().to_string();
        let server = StoreServer::listen(settings).await?;
        if !server.is_private() {
            write_stderr(
                "eddy: everyone who reaches this machine over the network can read the store",
            );
        }
        print_url(&server.url()).context("the address cannot be printed")?;
        write_stderr(&format!("eddy: serving {shown}; Ctrl-C stops it"));
        tokio::select! {
            stopped = server.run() => stopped,
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    });
    // A read from a slow disk must not delay the exit.
    runtime.shutdown_background();
    ended
}

/// Prints the URL to STDOUT, which may be closed.
fn print_url(url: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{url}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Writes a line to STDERR; errors are ignored.
fn write_stderr(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
