//! Server: its address, its routes, and the state that requests share.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Router, middleware};
use eddy_pages::page::STYLE;
use tokio::net::TcpListener;

use crate::events::{self, ProgressPoller};
use crate::response::{self, ErrorPage, asset};
use crate::store_dir::StoreDir;
use crate::{compare, files, host_guard, list, overview};

/// Store and address to serve.
#[derive(Debug)]
pub(crate) struct ServeSettings {
    pub(crate) store: PathBuf,
    pub(crate) host: String,
    /// 0 for any free port.
    pub(crate) port: u16,
}

/// Server that listens, but does not answer yet.
#[derive(Debug)]
pub(crate) struct StoreServer {
    listener: TcpListener,
    router: Router,
    address: SocketAddr,
}

/// State shared by all requests.
#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) store_dir: StoreDir,
    pub(crate) poller: ProgressPoller,
    /// Name of this machine, as given by `--host`.
    pub(crate) host: String,
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

    /// URL for a browser.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// True if only this machine can reach the server.
    pub(crate) fn is_private(&self) -> bool {
        match self.address.ip() {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        }
    }

    /// Serves requests forever.
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
        .route("/serve.css", asset("text/css", include_str!("../templates/serve.css")))
        .route("/serve.js", asset("text/javascript", include_str!("../templates/serve.js")))
        .fallback(async || ErrorPage::new(StatusCode::NOT_FOUND, "There is no such page."))
        .layer(middleware::from_fn(response::add_headers))
        .layer(middleware::from_fn_with_state(app.clone(), host_guard::refuse_foreign_hosts))
        .with_state(app)
}
