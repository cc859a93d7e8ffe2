//! Host guard: requests must name this machine.
//!
//! A foreign page cannot read our responses, because browsers separate pages of different hosts.
//! But the owner of a name can let it point to 127.0.0.1 right after the page was loaded, and then
//! page and server are the same host to the browser: DNS rebinding. Such a request still carries
//! the foreign name. IP addresses and `localhost` cannot be redirected, so they are allowed, and so
//! is the name that the user gave.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::response::ErrorPage;
use crate::server::AppState;

/// Refuses requests for other names.
pub(crate) async fn refuse_foreign_hosts(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let header = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    let asked = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let Some(named) = header.or(asked) else {
        return ErrorPage::new(StatusCode::BAD_REQUEST, "The request has no Host.").into_response();
    };
    if [Some(named), asked].into_iter().flatten().all(|name| is_this_machine(name, &app.host)) {
        return next.run(request).await;
    }
    let message = format!(
        "This server is not {named}. Open it by its IP address or as localhost, or start it with \
         --host and the name of this machine."
    );
    ErrorPage::new(StatusCode::MISDIRECTED_REQUEST, message).into_response()
}

/// True if a `Host`, with or without a port, can only mean this machine.
fn is_this_machine(named: &str, given: &str) -> bool {
    if let Some(rest) = named.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || is_port(port));
    }
    let name = match named.find(':') {
        Some(colon) if is_port(&named[colon..]) => &named[..colon],
        Some(_) => return false,
        None => named,
    };
    name.eq_ignore_ascii_case("localhost")
        || name.eq_ignore_ascii_case(given)
        || name.parse::<IpAddr>().is_ok()
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_names_of_this_machine_are_accepted() {
        let ours = [
            "127.0.0.1",
            "127.0.0.1:8080",
            "localhost",
            "LocalHost:1",
            "[::1]",
            "[::1]:8080",
            "192.168.1.7:80",
            "mybox",
            "MyBox:8080",
        ];
        let foreign = [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:",
            "localhost:x",
            "localhost:80:80",
            "[::1",
            "[evil.example]:80",
            "::1",
            "a@localhost",
            "127.0.0.1:8080@evil.example",
            "2130706433",
            "0x7f.1",
            "mybox.evil.example",
        ];
        for name in ours {
            assert!(super::is_this_machine(name, "mybox"), "{name}");
        }
        for name in foreign {
            assert!(!super::is_this_machine(name, "mybox"), "{name}");
        }
    }
}
