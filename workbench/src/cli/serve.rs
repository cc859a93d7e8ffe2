//! `eddy serve`: from arguments to a server, until somebody stops it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::signals::Signals;
use super::tell;
use super::text::Text;
use crate::serve::{Server, Settings};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where tests were recorded
    #[arg(default_value = "store", value_name = "DIR")]
    store: PathBuf,
    /// Listen on this address; 0.0.0.0 lets the whole network read the store
    #[arg(short = 'b', long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: String,
    /// Listen on this port; 0 takes any that is free
    #[arg(short, long, default_value_t = 8080)]
    port: u16,
}

impl Serve {
    /// What is to be served; an error says what is wrong with the arguments. A store that is
    /// missing is an error, not waited for: a name that was mistyped would look like a store
    /// without tests.
    pub(super) fn settings(self) -> Result<Settings, String> {
        let Serve { store, host, port } = self;
        let shown = store.display();
        if !store.exists() {
            return Err(format!(
                "{shown} does not exist; expected a directory of tests. Run one first, such as \
                 eddy test -w echo --bin NODE --time-limit 5, or name its --store"
            ));
        }
        if !store.is_dir() {
            return Err(format!("{shown} is no directory; expected a directory of tests"));
        }
        Ok(Settings { store, host, port })
    }
}

/// Serves until somebody wants it to stop.
pub(super) fn serve(settings: Settings) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(async {
        let mut signals = Signals::listen().context("signals cannot be listened to")?;
        let shown = settings.store.display().to_string();
        let server = Server::listen(settings).await?;
        if !server.is_private() {
            tell("eddy: whoever reaches this machine over the network can read the store");
        }
        Text::Plain(format!("{}\n", server.url()))
            .print()
            .context("the address cannot be printed")?;
        tell(&format!("eddy: serving {shown}; Ctrl-C ends it"));
        tokio::select! {
            ended = server.run() => ended.map(|()| 0),
            _ = signals.next() => Ok(0),
        }
    });
    // A read from a slow disk must not keep anybody waiting.
    runtime.shutdown_background();
    status
}
