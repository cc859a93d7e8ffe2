//! `eddy serve`: from arguments to a server that runs until it is stopped.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::signals::Signals;
use super::stdout::StdoutText;
use super::write_stderr;
use crate::serve::{ServeSettings, StoreServer};

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Directory of recorded tests
    #[arg(default_value = "store", value_name = "DIR")]
    store: PathBuf,
    /// Listen on this address; 0.0.0.0 lets the whole network read the store
    #[arg(short = 'b', long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: String,
    /// Listen on this port; 0 chooses a free one
    #[arg(short, long, default_value_t = 8080)]
    port: u16,
}

impl ServeArguments {
    /// Settings of the server. The error says what is wrong with the arguments. A missing store is
    /// an error and not awaited, because a mistyped name would look like a store without tests.
    pub(super) fn settings(self) -> Result<ServeSettings, String> {
        let ServeArguments { store, host, port } = self;
        let shown = store.display();
        if !store.exists() {
            return Err(format!(
                "{shown} does not exist; expected a directory of tests. Run one first, such as \
                 eddy test -w echo --bin NODE --time-limit 5, or name its --store"
            ));
        }
        if !store.is_dir() {
            return Err(format!("{shown} is not a directory; expected a directory of tests"));
        }
        Ok(ServeSettings { store, host, port })
    }
}

/// Serves until a signal comes.
pub(super) fn serve(settings: ServeSettings) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(async {
        let mut signals = Signals::listen().context("signals cannot be handled")?;
        let shown = settings.store.display().to_string();
        let server = StoreServer::listen(settings).await?;
        if !server.is_private() {
            write_stderr(
                "eddy: everyone who reaches this machine over the network can read the store",
            );
        }
        StdoutText::Plain(format!("{}\n", server.url()))
            .print()
            .context("the address cannot be printed")?;
        write_stderr(&format!("eddy: serving {shown}; Ctrl-C stops it"));
        tokio::select! {
            ended = server.run() => ended.map(|()| 0),
            _ = signals.next() => Ok(0),
        }
    });
    // A read from a slow disk must not delay the exit.
    runtime.shutdown_background();
    status
}
