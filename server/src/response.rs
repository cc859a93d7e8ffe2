//! Parts of all responses: security headers, and error pages.

use askama::Template;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get};

/// Content security policy of our own pages: they may load our styles, scripts and pictures and
/// listen to our events. Nothing inline runs.
const OWN_PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Header that keeps pages of other hosts from embedding ours, pictures included.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Error page of a request.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    status: StatusCode,
    message: String,
}

/// Adds the headers that every response must have. A policy that the response already has stays.
pub(crate) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(OWN_PAGE_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    // The files of a running test change.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

/// Renders a page.
pub(crate) fn page(template: &impl Template) -> Result<Response, ErrorPage> {
    Ok(Html(template.render().map_err(ErrorPage::internal)?).into_response())
}

/// Reads the store on another thread, so that other requests need not wait.
pub(crate) async fn read_store<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ErrorPage> + Send + 'static,
) -> Result<T, ErrorPage> {
    tokio::task::spawn_blocking(read).await.map_err(ErrorPage::internal)?
}

/// File that is part of the program.
pub(crate) fn asset<S: Clone + Send + Sync + 'static>(
    kind: &'static str,
    text: &'static str,
) -> MethodRouter<S> {
    get(async move || ([(CONTENT_TYPE, format!("{kind}; charset=utf-8"))], text))
}

impl ErrorPage {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> ErrorPage {
        ErrorPage { status, message: message.into() }
    }

    pub(crate) fn not_found(what: &str) -> ErrorPage {
        ErrorPage::new(StatusCode::NOT_FOUND, format!("There is no {what} in the store."))
    }

    fn internal(error: impl std::fmt::Display) -> ErrorPage {
        ErrorPage::new(StatusCode::INTERNAL_SERVER_ERROR, format!("The page failed: {error}"))
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        let text = self.render().unwrap_or_else(|error| error.to_string());
        (self.status, Html(text)).into_response()
    }
}
