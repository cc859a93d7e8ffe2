//! The files of a test, as they are.
//!
//! Only what eddy itself made is shown as a page or a picture: a few names, directly in the test's
//! directory. Everything else, logs and storage, is plain text, whatever it claims to be. In either
//! case the browser is told to keep it apart from all other pages, as if it came from a host of its
//! own, and to let it load nothing: should a report be fooled by what a node wrote, it still
//! reaches nobody.

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

use super::App;
use super::answer::{self, Failure};
use super::root::{self, Id, Root};

/// How much of a file is in memory at a time. Less would cost a thread's attention more often; more
/// would be held for everybody who reads slowly.
const CHUNK: usize = 64 << 10;

/// For pages and pictures of ours: what is written in them runs, and reaches nothing.
const PAGE: &str = "sandbox allow-scripts allow-popups allow-downloads; default-src 'none'; \
    script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// For what nodes wrote: nothing runs.
const TEXT: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

const TEXT_KIND: &str = "text/plain; charset=utf-8";

/// Parts of a file, up to the size that was promised: a log may grow while it is read.
struct Chunks(Take<File>);

/// One file of a test.
pub(super) async fn file(
    State(app): State<Arc<App>>,
    Path((workload, time, path)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let id = Id::new(&workload, &time).ok_or_else(|| Failure::not_found("such test"))?;
    let root = app.root.clone();
    let (kind, policy) = kind(&path);
    let (file, size) = answer::look(move || open(&root, &id, &path)).await?;
    let chunks = Chunks(File::from_std(file).take(size));
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (CONTENT_LENGTH, size.to_string()),
        (CONTENT_SECURITY_POLICY, policy.to_owned()),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

fn open(root: &Root, id: &Id, path: &str) -> Result<(std::fs::File, u64), Failure> {
    let opened = root.run(id).and_then(|directory| {
        let file = root::open(&directory, path)?;
        let size = file.metadata()?.len();
        Ok((file.into_std(), size))
    });
    opened.map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => {
            Failure::new(StatusCode::BAD_REQUEST, "No file can have such a name.")
        }
        // A link that leads out of the store may not be followed; nobody is told where it leads.
        _ => Failure::not_found("such file"),
    })
}

/// The type of a file and what it may do.
fn kind(path: &str) -> (&'static str, &'static str) {
    match path {
        page::REPORT | page::TIMELINE => ("text/html; charset=utf-8", PAGE),
        _ => match path.rsplit_once('.') {
            Some((name, "svg")) if !name.contains('/') => ("image/svg+xml", PAGE),
            // Maelstrom's own pictures.
            Some((name, "png")) if !name.contains('/') => ("image/png", TEXT),
            _ => (TEXT_KIND, TEXT),
        },
    }
}

impl Stream for Chunks {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut chunk = vec![0; CHUNK];
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
