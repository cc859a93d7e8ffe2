//! What all answers have in common: headers that keep what is shown from doing harm, and pages that
//! say what went wrong.

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

/// What our own pages may do: load our styles, scripts and pictures, listen to our events, and
/// nothing that is written into the page itself.
const OURS: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Keeps other hosts' pages from embedding ours, pictures included.
const NOT_ELSEWHERE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What goes wrong with a request, as a page.
#[derive(Debug, Template)]
#[template(path = "serve/failure.html")]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
}

/// Adds the headers that every answer must have; a policy of its own stays.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(OURS));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(NOT_ELSEWHERE, HeaderValue::from_static("same-origin"));
    // A test that runs changes its files, and `eddy check` those of one that has ended.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

/// Renders a page.
pub(super) fn page(template: &impl Template) -> Result<Response, Failure> {
    Ok(Html(template.render().map_err(Failure::of_ours)?).into_response())
}

/// Looks into the store without keeping other requests waiting.
pub(super) async fn look<T: Send + 'static>(
    look: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(look).await.map_err(Failure::of_ours)?
}

/// A file that is part of the program.
pub(super) fn asset<S: Clone + Send + Sync + 'static>(
    kind: &'static str,
    text: &'static str,
) -> MethodRouter<S> {
    get(async move || ([(CONTENT_TYPE, format!("{kind}; charset=utf-8"))], text))
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Failure {
        Failure { status, message: message.into() }
    }

    pub(super) fn not_found(what: &str) -> Failure {
        Failure::new(StatusCode::NOT_FOUND, format!("There is no {what} in the store."))
    }

    fn of_ours(error: impl std::fmt::Display) -> Failure {
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, format!("The page failed: {error}"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let text = self.render().unwrap_or_else(|error| error.to_string());
        (self.status, Html(text)).into_response()
    }
}
