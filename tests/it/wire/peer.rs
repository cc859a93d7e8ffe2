//! The rest of the cluster, played by a test.
//!
//! A node numbers its calls from a random start. A test reads and writes 1 for the first, 2 for the
//! second.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use glomers::{Handler, Host, Message, Node};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::time::Instant;

use super::{Example, INIT, INIT_OK, message, runtime};

/// All peers and clients of the node n1.
pub(crate) struct TestPeer {
    to_node: DuplexStream,
    from_node: Lines<BufReader<DuplexStream>>,
    start: Instant,
    /// Difference between the node's `msg_id`s and the test's, known after the first call.
    offset: Option<u64>,
}

/// Runs a node whose `task` sends its outcome to c1, while `script` plays all others.
pub(crate) fn run_task<T: Debug>(
    task: impl AsyncFnOnce(Node) -> T + 'static,
    script: impl AsyncFnOnce(&mut TestPeer),
) {
    run_task_on(Host::system(), task, script);
}

/// [`run_task`] with a host of the node.
pub(crate) fn run_task_on<T: Debug>(
    host: Host,
    task: impl AsyncFnOnce(Node) -> T + 'static,
    script: impl AsyncFnOnce(&mut TestPeer),
) {
    let start = |node: Node| {
        let runner = node.clone();
        node.spawn(async move {
            let outcome = task(runner.clone()).await;
            runner.send("c1", &json!({"type": "outcome", "outcome": format!("{outcome:?}")}));
        });
        Example::new(node)
    };
    run_node_with(host, start, script);
}

/// Runs a node, while `script` plays all others.
pub(crate) fn run_node_with<H: Handler>(
    host: Host,
    start: impl FnOnce(Node) -> H,
    script: impl AsyncFnOnce(&mut TestPeer),
) {
    let (to_node, input) = tokio::io::duplex(1 << 16);
    let (output, from_node) = tokio::io::duplex(1 << 16);
    // Boxed, so that the node and the runtime are compiled once for all tests.
    let start: Box<dyn FnOnce(Node) -> H> = Box::new(start);
    let play: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {
        let from_node = BufReader::new(from_node).lines();
        let mut peer = TestPeer { to_node, from_node, start: Instant::now(), offset: None };
        peer.write(INIT).await;
        assert_eq!(peer.from_node.next_line().await.unwrap().as_deref(), Some(INIT_OK));
        script(&mut peer).await;
    });
    runtime().block_on(async {
        let (end, ()) = tokio::join!(host.serve_on(BufReader::new(input), output, start), play);
        end.unwrap();
    });
}

impl TestPeer {
    /// Sends the node a message.
    pub(crate) async fn send(&mut self, src: &str, body: &str) {
        let offset = self.offset.unwrap_or_default();
        let body = shift(body, "in_reply_to", |id| id.saturating_add(offset));
        self.write(&message(src, "n1", &body)).await;
    }

    /// The next message from the node: its destination and its body.
    pub(crate) async fn receive(&mut self) -> String {
        let line = self.from_node.next_line().await.unwrap().expect("the node has ended");
        let Message { src, dest, body } = Message::parse(line.as_bytes()).unwrap();
        assert_eq!(src, "n1");
        let offset = &mut self.offset;
        let body = shift(body.get(), "msg_id", |id| id - *offset.get_or_insert(id - 1));
        format!("{dest} {body}")
    }

    /// The `msg_id` of the node's first call, which tests see as 1.
    pub(crate) fn first_id(&self) -> u64 {
        self.offset.expect("a node that has made a call") + 1
    }

    /// The outcome of the task.
    pub(crate) async fn outcome(&mut self) -> String {
        let received = self.receive().await;
        let body = received.strip_prefix("c1 ").unwrap_or_else(|| panic!("received {received}"));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        body["outcome"].as_str().unwrap().to_owned()
    }

    /// Checks that the node sends nothing during this time.
    pub(crate) async fn expect_silence(&mut self, time: Duration) {
        let received = tokio::time::timeout(time, self.receive()).await;
        assert!(received.is_err(), "received {received:?}");
    }

    /// Milliseconds since the start of the node.
    pub(crate) fn now(&self) -> u128 {
        self.start.elapsed().as_millis()
    }

    /// Writes a line unchanged.
    pub(crate) async fn write(&mut self, line: &str) {
        self.to_node.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
}

/// Changes the number in this field of a body, if it is there.
fn shift(body: &str, field: &str, change: impl FnOnce(u64) -> u64) -> String {
    let Some((before, after)) = body.split_once(&format!(r#""{field}":"#)) else {
        return body.to_owned();
    };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = after.split_at(digits);
    format!(r#"{before}"{field}":{}{rest}"#, change(number.parse().unwrap()))
}
