//! End of a node: by the end of input, a panic or a failed write.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWrite;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Example, INIT, INIT_OK, expect_lines, message, run, runtime};

#[test]
fn requests_in_flight_get_one_more_second_after_the_end_of_input() {
    let wait = |id: u64, millis: u64| {
        message("c1", "n1", &format!(r#"{{"type":"wait","msg_id":{id},"millis":{millis}}}"#))
    };
    let input = [INIT, &wait(1, 990), &wait(2, 3_600_000)].join("\n");
    let mut output = Vec::new();
    runtime().block_on(async {
        let began = Instant::now();
        glomers::serve_on(input.as_bytes(), &mut output, Example::new).await.unwrap();
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(1) && took < Duration::from_millis(1010), "{took:?}");
    });
    let answer = message("n1", "c1", r#"{"type":"wait_ok","millis":990,"in_reply_to":1}"#);
    expect_lines(&String::from_utf8(output).unwrap(), &[INIT_OK, &answer]);
}

#[test]
fn background_tasks_are_dropped_when_nothing_is_in_flight() {
    struct Flag(Rc<Cell<bool>>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let dropped = Rc::new(Cell::new(false));
    let flag = Flag(Rc::clone(&dropped));
    runtime().block_on(async {
        let began = Instant::now();
        let start = |node: Node| {
            node.spawn(async move {
                let _flag = flag;
                std::future::pending::<()>().await;
            });
            Example::new(node)
        };
        glomers::serve_on(INIT.as_bytes(), &mut Vec::new(), start).await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(10));
    });
    assert!(dropped.get());
}

/// An actor: its state is in a background task, which the handler queries.
struct Actor {
    mailbox: mpsc::Sender<oneshot::Sender<u64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CountRequest {
    Count,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum CountReply {
    CountOk { count: u64 },
}

#[async_trait(?Send)]
impl Handler for Actor {
    type Request = CountRequest;
    type Reply = CountReply;

    async fn handle(
        &self,
        _from: &str,
        CountRequest::Count: CountRequest,
    ) -> anyhow::Result<CountReply> {
        let (sender, answer) = oneshot::channel();
        self.mailbox.send(sender).await?;
        Ok(CountReply::CountOk { count: answer.await? })
    }
}

#[test]
fn a_request_in_flight_may_wait_for_a_background_task() {
    let count = message("c1", "n1", r#"{"type":"count","msg_id":1}"#);
    let (output, end) = run(format!("{INIT}\n{count}").as_bytes(), |node| {
        let (mailbox, mut inbox) = mpsc::channel::<oneshot::Sender<u64>>(1);
        node.spawn(async move {
            while let Some(question) = inbox.recv().await {
                tokio::time::sleep(Duration::from_millis(100)).await;
                question.send(42).unwrap();
            }
        });
        Actor { mailbox }
    });
    end.unwrap();
    let answer = message("n1", "c1", r#"{"type":"count_ok","count":42,"in_reply_to":1}"#);
    expect_lines(&output, &[INIT_OK, &answer]);
}

#[test]
fn tasks_run_while_input_never_pauses() {
    let echo = message("c1", "n1", r#"{"type":"echo","echo":1,"msg_id":1}"#);
    let input = [INIT, &[&*echo; 1000].join("\n")].join("\n");
    let (output, end) = run(input.as_bytes(), |node| {
        let sender_node = node.clone();
        node.spawn(async move {
            tokio::task::yield_now().await;
            sender_node.send("n2", &serde_json::json!({"type": "turn"}));
        });
        Example::new(node)
    });
    end.unwrap();
    let turn = output.lines().position(|line| line.contains("turn")).unwrap();
    assert!(turn < 500, "the task ran after {turn} lines");
}

#[test]
fn a_panic_anywhere_ends_the_node() {
    #[track_caller]
    fn check(body: &str, expected: &str) {
        let input = format!("{INIT}\n{}", message("c1", "n1", body));
        let outcome = catch_unwind(AssertUnwindSafe(|| run(input.as_bytes(), Example::new)));
        let panic = outcome.unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&expected));
    }
    check(r#"{"type":"panic","msg_id":1}"#, "a bug in a request");
    check(r#"{"type":"panic_later","msg_id":1}"#, "a bug in a request that waited");
    check(r#"{"type":"spawn_panic","msg_id":1}"#, "a bug in a task");
    let start = |_: Node| -> Example { panic!("a bug in start") };
    assert!(catch_unwind(AssertUnwindSafe(|| run(INIT.as_bytes(), start))).is_err());
}

#[test]
fn a_closed_output_ends_the_node() {
    struct Closed;
    impl AsyncWrite for Closed {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let end = runtime().block_on(glomers::serve_on(INIT.as_bytes(), Closed, Example::new));
    assert_eq!(format!("{:#}", end.unwrap_err()), "cannot write output: broken pipe");
}
