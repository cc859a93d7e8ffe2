//! The rest of the cluster, played by a test.

use std::fmt::Debug;
use std::time::Duration;

use glomers::{Message, Node};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::time::Instant;

use super::{Example, INIT, INIT_OK, message, runtime};

/// Everybody who talks to the node n1.
pub(crate) struct Peer {
    to_node: DuplexStream,
    from_node: Lines<BufReader<DuplexStream>>,
    began: Instant,
}

/// Lets a node run `task` and tell c1 what comes of it, while `script` plays everybody else.
pub(crate) fn converse<T: Debug>(
    task: impl AsyncFnOnce(Node) -> T + 'static,
    script: impl AsyncFnOnce(&mut Peer),
) {
    let (to_node, input) = tokio::io::duplex(1 << 16);
    let (output, from_node) = tokio::io::duplex(1 << 16);
    let start = |node: Node| {
        let runner = node.clone();
        node.spawn(async move {
            let outcome = task(runner.clone()).await;
            runner.send("c1", &json!({"type": "outcome", "outcome": format!("{outcome:?}")}));
        });
        Example::new(node)
    };
    let play = async {
        let from_node = BufReader::new(from_node).lines();
        let mut peer = Peer { to_node, from_node, began: Instant::now() };
        peer.write(INIT).await;
        assert_eq!(peer.from_node.next_line().await.unwrap().as_deref(), Some(INIT_OK));
        script(&mut peer).await;
    };
    runtime().block_on(async {
        let (end, ()) = tokio::join!(glomers::serve_on(BufReader::new(input), output, start), play);
        end.unwrap();
    });
}

impl Peer {
    /// Sends the node a message.
    pub(crate) async fn say(&mut self, src: &str, body: &str) {
        self.write(&message(src, "n1", body)).await;
    }

    /// The next message from the node: its destination and its body.
    pub(crate) async fn hear(&mut self) -> String {
        let line = self.from_node.next_line().await.unwrap().expect("the node has ended");
        let Message { src, dest, body } = Message::parse(line.as_bytes()).unwrap();
        assert_eq!(src, "n1");
        format!("{dest} {body}")
    }

    /// What became of the task.
    pub(crate) async fn outcome(&mut self) -> String {
        let said = self.hear().await;
        let body = said.strip_prefix("c1 ").unwrap_or_else(|| panic!("heard {said}"));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        body["outcome"].as_str().unwrap().to_owned()
    }

    /// Makes sure that the node says nothing for so long.
    pub(crate) async fn hear_nothing_for(&mut self, time: Duration) {
        let heard = tokio::time::timeout(time, self.hear()).await;
        assert!(heard.is_err(), "heard {heard:?}");
    }

    /// Milliseconds since the node began.
    pub(crate) fn now(&self) -> u128 {
        self.began.elapsed().as_millis()
    }

    async fn write(&mut self, line: &str) {
        self.to_node.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
}
