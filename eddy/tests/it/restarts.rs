//! Nodes that restart while messages of their former incarnation are still in flight.

use std::time::Duration;

use eddy::latency::Latency;
use eddy::{Strike, Test, workload};
use glomers::{Handler, Json, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum HelloMessage {
    Hello,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Echo { echo: Json },
    Hello,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    EchoOk { echo: Json },
    HelloOk,
}

/// Sends a message to every other node at each request.
struct HelloNode {
    node: Node,
}

#[async_trait(?Send)]
impl Handler for HelloNode {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        let Request::Echo { echo } = request else { return Ok(Reply::HelloOk) };
        self.node.peers().for_each(|other| self.node.send(other, &HelloMessage::Hello));
        Ok(Reply::EchoOk { echo })
    }
}

#[test]
fn a_node_is_not_blamed_for_messages_of_its_former_incarnation() {
    let second = Duration::from_secs(1);
    for seconds in [6, 12, 60] {
        let latency = Latency { mean: seconds * second, ..Latency::default() };
        let test = Test {
            workload: &workload::Echo,
            nodes: 3,
            rate: 20.0,
            time_limit: 3 * second,
            latency,
            strikes: vec![Strike::kill(["n0"], second / 2, second)],
            ..Test::default()
        };
        let report = test.run(|node| HelloNode { node });
        assert_eq!(report.failure, None, "{report}");
    }
}
