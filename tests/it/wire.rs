//! Tests of a node by its messages: lines in, lines out, in virtual time.

mod bad_lines;
mod calls;
mod gossip;
mod kv;
mod lifetime;
mod peer;
mod requests;
mod turns;

use std::cell::RefCell;
use std::time::Duration;

use glomers::{ErrorCode, Handler, Json, Node, RpcError, async_trait};
use serde::{Deserialize, Serialize};

const INIT: &str = r#"{"src":"c0","dest":"n1","body":{"type":"init","msg_id":0,"node_id":"n1","node_ids":["n1","n2","n3"]}}"#;
const INIT_OK: &str = r#"{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":0}}"#;

/// Runs the [`Example`] on these lines and compares its output, where `…` stands for any text.
#[track_caller]
fn check(input: &[impl AsRef<str>], expected: &[impl AsRef<str>]) {
    let mut lines = vec![INIT];
    lines.extend(input.iter().map(AsRef::as_ref));
    let (output, end) = run(lines.join("\n").as_bytes(), Example::new);
    end.unwrap();
    let mut lines = vec![INIT_OK];
    lines.extend(expected.iter().map(AsRef::as_ref));
    expect_lines(&output, &lines);
}

/// [`check`] with the bodies of messages from c1 and of the replies to it.
#[track_caller]
fn check_bodies(input: &[&str], expected: &[&str]) {
    let input: Vec<_> = input.iter().map(|body| message("c1", "n1", body)).collect();
    let expected: Vec<_> = expected.iter().map(|body| message("n1", "c1", body)).collect();
    check(&input, &expected);
}

/// Compares lines; `…` in an expected one stands for any text.
#[track_caller]
fn expect_lines(output: &str, expected: &[&str]) {
    let output: Vec<_> = output.lines().collect();
    let matches = |(line, expected): (&&str, &&str)| match expected.split_once('…') {
        Some((start, end)) => line.starts_with(start) && line.ends_with(end),
        None => line == expected,
    };
    let same = output.len() == expected.len() && output.iter().zip(expected).all(matches);
    assert!(same, "expected\n{}\ngot\n{}", expected.join("\n"), output.join("\n"));
}

fn message(src: &str, dest: &str, body: &str) -> String {
    format!(r#"{{"src":"{src}","dest":"{dest}","body":{body}}}"#)
}

/// Runs a node on this input until it ends.
fn run<H: Handler>(input: &[u8], start: impl FnOnce(Node) -> H) -> (String, anyhow::Result<()>) {
    let mut output = Vec::new();
    let end = runtime().block_on(glomers::serve_on(input, &mut output, start));
    (String::from_utf8(output).unwrap(), end)
}

/// A runtime with virtual time, which jumps to the next timer when every task waits.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// A node with a request for each thing that a handler can do.
struct Example {
    node: Node,
    arrived: RefCell<Vec<u64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Echo { echo: Json },
    Add { delta: u64 },
    Wait { millis: u64 },
    Arrived,
    Refuse,
    Stumble,
    Panic,
    PanicLater,
    SpawnPanic,
    Work,
    Error,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    EchoOk { echo: Json },
    AddOk,
    WaitOk { millis: u64 },
    ArrivedOk { arrived: Vec<u64> },
    WorkOk,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Note {
    Working,
}

impl Example {
    fn new(node: Node) -> Self {
        Example { node, arrived: RefCell::default() }
    }
}

#[async_trait(?Send)]
impl Handler for Example {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        match request {
            Request::Echo { echo } => Ok(Reply::EchoOk { echo }),
            Request::Add { delta } => {
                self.arrived.borrow_mut().push(delta);
                Ok(Reply::AddOk)
            }
            Request::Wait { millis } => {
                self.arrived.borrow_mut().push(millis);
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok(Reply::WaitOk { millis })
            }
            Request::Arrived => Ok(Reply::ArrivedOk { arrived: self.arrived.borrow().clone() }),
            Request::Refuse => Err(ErrorCode::TxnConflict.error("on purpose").into()),
            Request::Stumble => {
                let refused = ErrorCode::PreconditionFailed.error("from a store");
                Err(RpcError::ErrorReply(refused))?
            }
            Request::Panic => panic!("a bug in a request"),
            Request::PanicLater => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                panic!("a bug in a request that waited");
            }
            Request::SpawnPanic => {
                self.node.spawn(async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    panic!("a bug in a task");
                });
                tokio::time::sleep(Duration::from_millis(10)).await;
                Ok(Reply::WorkOk)
            }
            Request::Work => {
                let node = self.node.clone();
                self.node.spawn(async move { node.send("n2", &Note::Working) });
                Ok(Reply::WorkOk)
            }
            Request::Error => Ok(Reply::WorkOk),
        }
    }
}
