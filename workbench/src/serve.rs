//! The store in a browser.
//!
//! What is shown was written by nodes, which are programs of people who try things out, and whoever
//! can make a browser ask can ask this server. So there are three walls. Files are opened below the
//! store only, whatever their names and links say ([`root`]). What nodes wrote never runs as a
//! script, and the pages that do run scripts reach nobody ([`files`], [`answer`]). And requests
//! must name this machine, so that no foreign page can pass for ours ([`host`]).
//!
//! Every page is made anew from the store when it is asked for: a store may grow, shrink and move
//! while it is looked at. Forms and links do all the work, so that what is seen has an address;
//! scripts only spare a reload.

mod compare;
mod events;
mod files;
mod format;
mod host_guard;
mod link;
mod list;
mod overview;
mod response;
mod run;
mod store_dir;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Router, middleware};
use eddy_pages::page::STYLE;
use tokio::net::TcpListener;

use self::events::ProgressPoller;
use self::response::{ErrorPage, asset};
use self::store_dir::StoreDir;

/// What is served, and where.
#[derive(Debug)]
pub(crate) struct ServeSettings {
    pub(crate) store: PathBuf,
    pub(crate) host: String,
    /// 0 for any that is free.
    pub(crate) port: u16,
}

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub(crate) struct StoreServer {
    listener: TcpListener,
    router: Router,
    address: SocketAddr,
}

/// What every request may need.
#[derive(Debug)]
struct AppState {
    store_dir: StoreDir,
    poller: ProgressPoller,
    /// Name of this machine, as given by `--host`.
    host: String,
}

impl StoreServer {
    /// Binds the port. The error says what to do.
    pub(crate) async fn listen(settings: ServeSettings) -> Result<StoreServer> {
        let ServeSettings { store, host, port } = settings;
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let listener = TcpListener::bind((bare.as_str(), port)).await.with_context(|| {
            format!(
                "cannot listen on {host}, port {port}. Another port may be free: --port 0 takes \
                 any; --host must be a name or an address of this machine"
            )
        })?;
        let address = listener.local_addr().context("the address of the listener is unknown")?;
        let store_dir = StoreDir::new(store);
        let poller = ProgressPoller::start(store_dir.clone());
        let app = Arc::new(AppState { store_dir, poller, host: bare });
        Ok(StoreServer { listener, router: router(app), address })
    }

    /// Where it is found, as an address for a browser.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Whether only this machine reaches it.
    pub(crate) fn is_private(&self) -> bool {
        match self.address.ip() {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        }
    }

    /// Answers for ever.
    pub(crate) async fn run(self) -> Result<()> {
        Ok(axum::serve(self.listener, self.router).await?)
    }
}

fn router(app: Arc<AppState>) -> Router {
    Router::new()
        .route("/", get(list::page))
        .route("/compare", get(compare::page))
        .route("/events", get(events::stream))
        .route("/run/{workload}/{time}", get(overview::redirect))
        .route("/run/{workload}/{time}/", get(overview::page))
        .route("/run/{workload}/{time}/{*path}", get(files::file))
        .route("/style.css", asset("text/css", STYLE))
        .route("/serve.css", asset("text/css", include_str!("../templates/serve/serve.css")))
        .route("/serve.js", asset("text/javascript", include_str!("../templates/serve/serve.js")))
        .fallback(async || ErrorPage::new(StatusCode::NOT_FOUND, "There is no such page."))
        .layer(middleware::from_fn(response::add_headers))
        .layer(middleware::from_fn_with_state(app.clone(), host_guard::refuse_foreign_hosts))
        .with_state(app)
}
