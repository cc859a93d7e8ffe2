//! `eddy serve`: from arguments to `eddy-serve`, the program that serves the pages.

use std::convert::Infallible;
use std::env;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

/// Name of the server's executable.
const SERVER: &str = "eddy-serve";

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
    /// Replaces this process with the server, beside this executable or on the PATH. The error says
    /// what is wrong with the arguments, or how to get the server. A missing store is an error and
    /// not awaited, because a mistyped name would look like a store without tests.
    pub(super) fn serve(self) -> Result<Infallible, String> {
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
        let beside = env::current_exe().ok().map(|eddy| eddy.with_file_name(SERVER));
        let program = beside.filter(|path| path.exists()).unwrap_or_else(|| SERVER.into());
        let error = Command::new(program).arg(store).args([host, port.to_string()]).exec();
        Err(format!(
            "{SERVER}, the program that serves the pages, cannot be started: {error}. It should \
             be beside eddy or on the PATH. In eddy's repository, `make serve` builds and starts \
             it, and `cargo install --path server` installs it"
        ))
    }
}
