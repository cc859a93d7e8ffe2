//! Fairness between input, tasks and output.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time;

use crate::wire::{INIT, message, runtime};

/// A node that is as slow as requested, and counts its polls.
#[derive(Default)]
struct PollCountingNode {
    polls: Rc<Cell<usize>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Answer,
    Never,
    Sleep { milliseconds: u64 },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Done { polls: usize, text: String },
}

#[async_trait(?Send)]
impl Handler for PollCountingNode {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        match request {
            Request::Answer => {}
            Request::Never => pending().await,
            Request::Sleep { milliseconds } => {
                let mut sleep = Box::pin(time::sleep(Duration::from_millis(milliseconds)));
                poll_fn(|cx| {
                    self.polls.set(self.polls.get() + 1);
                    sleep.as_mut().poll(cx)
                })
                .await;
            }
        }
        Ok(Reply::Done { polls: self.polls.get(), text: "x".repeat(1000) })
    }
}

fn request(body: &str) -> String {
    format!("{}\n", message("c1", "n1", body))
}

/// Checks that a node whose tasks never rest replies to a request.
fn check_reply(start: impl FnOnce(Node) -> PollCountingNode) {
    let (mut writer, input) = tokio::io::duplex(1000);
    let (output, mut reader) = tokio::io::duplex(1 << 16);
    let ask = async {
        writer.write_all(format!("{INIT}\n").as_bytes()).await.unwrap();
        yield_times(1000).await;
        writer.write_all(request(r#"{"type":"answer","msg_id":2}"#).as_bytes()).await.unwrap();
        let (mut received, mut buffer) = (String::new(), [0; 4096]);
        while !received.contains(r#""in_reply_to":2"#) {
            let length = reader.read(&mut buffer).await.unwrap();
            received.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
    };
    runtime().block_on(async {
        tokio::select! {
            _ = glomers::serve_on(input, output, start) => panic!("the node has ended"),
            () = ask => {}
            // Virtual time stands still while tasks are busy, so the limit is a number of yields.
            () = yield_times(100_000) => panic!("the node does not answer"),
        }
    });
}

/// Yields so many times.
async fn yield_times(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_task_that_never_rests_does_not_keep_the_node_from_reading() {
    check_reply(|node| {
        node.spawn(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        PollCountingNode::default()
    });
}

#[test]
fn tasks_that_wake_each_other_do_not_keep_the_node_from_reading() {
    check_reply(|node| {
        let (to_first, mut first_inbox) = mpsc::unbounded_channel();
        let (to_second, mut second_inbox) = mpsc::unbounded_channel();
        to_first.send(()).unwrap();
        node.spawn(async move {
            while first_inbox.recv().await.is_some() {
                to_second.send(()).unwrap();
            }
        });
        node.spawn(async move {
            while second_inbox.recv().await.is_some() {
                to_first.send(()).unwrap();
            }
        });
        PollCountingNode::default()
    });
}

#[test]
fn tasks_spawned_at_the_start_run_before_the_first_request() {
    let start = |node: Node| {
        let slow = PollCountingNode::default();
        let polls = Rc::clone(&slow.polls);
        node.spawn(async move { polls.set(42) });
        slow
    };
    let input = format!("{INIT}\n{}", request(r#"{"type":"answer","msg_id":1}"#));
    let (output, end) = crate::wire::run(input.as_bytes(), start);
    end.unwrap();
    assert!(output.contains(r#""polls":42"#), "{output}");
}

#[test]
fn requests_that_wake_together_are_not_polled_in_vain() {
    const REQUESTS: usize = 10_000;
    let mut input = format!("{INIT}\n");
    for id in 1..=REQUESTS {
        let body = format!(r#"{{"type":"sleep","milliseconds":500,"msg_id":{id}}}"#);
        input.push_str(&request(&body));
    }
    let slow = PollCountingNode::default();
    let polls = Rc::clone(&slow.polls);
    let (output, end) = crate::wire::run(input.as_bytes(), |_| slow);
    end.unwrap();
    assert_eq!(output.lines().count(), 1 + REQUESTS);
    // At the start and at the end, and once more for requests that ran out of tokio's budget.
    assert!(polls.get() < 3 * REQUESTS, "{} polls", polls.get());
}

#[test]
fn all_output_is_written_however_slow_the_reader_is() {
    let requests =
        [r#"{"type":"never","msg_id":1}"#, r#"{"type":"sleep","milliseconds":9,"msg_id":2}"#];
    let input = format!("{INIT}\n{}", requests.map(request).concat());
    let (output, mut reader) = tokio::io::duplex(16);
    let node = glomers::serve_on(input.as_bytes(), output, |_| PollCountingNode::default());
    let read = async {
        let (mut received, mut first) = (String::new(), [0; 80]);
        reader.read_exact(&mut first).await.unwrap();
        time::sleep(Duration::from_secs(3)).await;
        reader.read_to_string(&mut received).await.unwrap();
        received
    };
    let (end, received) = runtime().block_on(async { tokio::join!(node, read) });
    end.unwrap();
    assert!(received.ends_with("\"in_reply_to\":2}}\n"), "{received}");
}

/// An output that accepts one write and fails all others.
struct Broken {
    has_written: bool,
}

impl AsyncWrite for Broken {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if std::mem::replace(&mut self.has_written, true) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn an_output_that_fails_at_the_end_is_an_error() {
    let body = r#"{"type":"sleep","milliseconds":9,"msg_id":1}"#;
    let input = format!("{INIT}\n{}", request(body));
    let output = Broken { has_written: false };
    let node = glomers::serve_on(input.as_bytes(), output, |_| PollCountingNode::default());
    let error = runtime().block_on(node).unwrap_err();
    assert_eq!(error.to_string(), "cannot write output");
}
