//! A node in virtual time, and the memory that it allocates.

use std::pin::Pin;
use std::time::Duration;

use allocation_counter::AllocationInfo;
use glomers::{Handler, Host, Json, Node, async_trait};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Runtime;

/// The `msg_id` of the first call of a node whose host has the seed 0.
pub(crate) const FIRST_CALL: u64 = 2_033_605_725;

/// A node in virtual time, with the test's ends of its pipes.
pub(crate) struct MeasuredNode {
    runtime: Runtime,
    node: Pin<Box<dyn Future<Output = anyhow::Result<()>>>>,
    pub(crate) io: NodeIo,
}

/// The test's ends of the node's pipes.
pub(crate) struct NodeIo {
    pub(crate) to_node: DuplexStream,
    pub(crate) from_node: DuplexStream,
    pub(crate) received: usize,
}

impl MeasuredNode {
    pub(crate) fn start<H: Handler>(start: impl FnOnce(Node) -> H + 'static) -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        let (to_node, input) = tokio::io::duplex(1 << 16);
        let (output, from_node) = tokio::io::duplex(1 << 16);
        let node = Box::pin(Host::seeded(0).serve_on(input, output, start));
        let mut cluster =
            MeasuredNode { runtime, node, io: NodeIo { to_node, from_node, received: 0 } };
        let init = r#"{"type":"init","msg_id":0,"node_id":"n1","node_ids":["n1","n2","n3"]}"#;
        cluster.run(async |world| {
            world.write(&message("c0", init)).await;
            world.count_lines(Duration::from_millis(1)).await;
        });
        cluster
    }

    /// Runs the node during `step`, and returns the allocations of both.
    pub(crate) fn run(&mut self, step: impl AsyncFnOnce(&mut NodeIo)) -> AllocationInfo {
        let MeasuredNode { runtime, node, io } = self;
        allocation_counter::measure(|| {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    end = node => panic!("the node has ended: {end:?}"),
                    () = step(io) => {}
                }
            });
        })
    }
}

impl NodeIo {
    pub(crate) async fn write(&mut self, line: &str) {
        self.to_node.write_all(line.as_bytes()).await.unwrap();
        self.to_node.write_all(b"\n").await.unwrap();
    }

    /// Reads so many lines.
    pub(crate) async fn read_lines(&mut self, lines: usize) {
        read_lines(&mut self.from_node, lines).await;
    }

    /// Reads for this time, and returns the number of lines.
    pub(crate) async fn count_lines(&mut self, time: Duration) -> usize {
        let mut received = 0;
        let listen = async {
            loop {
                received += read_some(&mut self.from_node).await;
            }
        };
        let _: Result<(), _> = tokio::time::timeout(time, listen).await;
        received
    }
}

pub(crate) async fn read_lines(from_node: &mut DuplexStream, lines: usize) {
    let mut received = 0;
    while received < lines {
        received += read_some(from_node).await;
    }
    assert_eq!(received, lines);
}

async fn read_some(from_node: &mut DuplexStream) -> usize {
    let mut buffer = [0; 4096];
    let length = from_node.read(&mut buffer).await.unwrap();
    buffer[..length].split(|byte| *byte == b'\n').count() - 1
}

pub(crate) fn message(src: &str, body: &str) -> String {
    format!(r#"{{"src":"{src}","dest":"n1","body":{body}}}"#)
}

pub(crate) struct EchoNode {
    pub(crate) node: Node,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Echo { echo: Json },
    Ask,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    EchoOk { echo: Json },
    AskOk,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PeerRequest {
    Question,
}

#[async_trait(?Send)]
impl Handler for EchoNode {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        match request {
            Request::Echo { echo } => Ok(Reply::EchoOk { echo }),
            Request::Ask => {
                self.node.rpc::<IgnoredAny>("n2", &PeerRequest::Question).await?;
                Ok(Reply::AskOk)
            }
        }
    }
}
