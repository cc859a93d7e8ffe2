//! Files of a test, unchanged.
//!
//! Only files that eddy itself made are served as pages or pictures: a few names, directly in the
//! test's directory. Everything else, logs and storage, is plain text, whatever it claims to be. In
//! either case the browser must isolate the file from all other pages, like one from another host,
//! and let it load nothing. So even if a node's text tricked a report, it could reach nothing.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use eddy_pages::page;
use futures_core::Stream;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf, Take};

use crate::response::{self, ErrorPage};
use crate::server::AppState;
use crate::store_dir::{self, StoreDir, TestId};

/// Bytes of a file in memory at a time. Less would need a blocking thread more often; more would be
/// held for every slow reader.
const CHUNK_BYTES: usize = 64 << 10;

/// Policy of our own pages and pictures: inline scripts run, but reach nothing.
const PAGE_POLICY: &str = "sandbox allow-scripts allow-popups allow-downloads; default-src 'none'; \
    script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Policy of text from nodes: nothing runs.
const TEXT_POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// Chunks of a file, up to the size in the header, because a log may grow meanwhile.
struct FileChunks(Take<File>);

/// Serves one file of a test.
pub(crate) async fn file(
    State(app): State<Arc<AppState>>,
    Path((workload, time, path)): Path<(String, String, String)>,
) -> Result<Response, ErrorPage> {
    let id = TestId::new(&workload, &time).ok_or_else(|| ErrorPage::not_found("such test"))?;
    let store_dir = app.store_dir.clone();
    let (kind, policy) = type_and_policy(&path);
    let (file, size) = response::read_store(move || open(&store_dir, &id, &path)).await?;
    let chunks = FileChunks(File::from_std(file).take(size));
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (CONTENT_LENGTH, size.to_string()),
        (CONTENT_SECURITY_POLICY, policy.to_owned()),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

fn open(store_dir: &StoreDir, id: &TestId, path: &str) -> Result<(std::fs::File, u64), ErrorPage> {
    let opened = store_dir.test(id).and_then(|directory| {
        let file = store_dir::open(&directory, path)?;
        let size = file.metadata()?.len();
        Ok((file.into_std(), size))
    });
    opened.map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => ErrorPage::new(StatusCode::BAD_REQUEST, "Invalid file name."),
        // A link that leads out of the store is not followed, and its target is not disclosed.
        _ => ErrorPage::not_found("such file"),
    })
}

/// Content type and policy of a file.
fn type_and_policy(path: &str) -> (&'static str, &'static str) {
    match path {
        page::REPORT | page::TIMELINE => ("text/html; charset=utf-8", PAGE_POLICY),
        _ => match path.rsplit_once('.') {
            Some((name, "svg")) if !name.contains('/') => ("image/svg+xml", PAGE_POLICY),
            // Pictures of Maelstrom.
            Some((name, "png")) if !name.contains('/') => ("image/png", TEXT_POLICY),
            _ => (TEXT_TYPE, TEXT_POLICY),
        },
    }
}

impl Stream for FileChunks {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut buffer = ReadBuf::new(&mut chunk);
        let read = Pin::new(&mut self.0).poll_read(context, &mut buffer);
        let length = buffer.filled().len();
        read.map(|read| match read {
            Ok(()) if length == 0 => None,
            Ok(()) => {
                chunk.truncate(length);
                Some(Ok(chunk.into()))
            }
            Err(error) => Some(Err(error)),
        })
    }
}
