//! Challenge 3a: a single node that remembers the values that it receives.
//!
//! A value is remembered before it is acknowledged, so every read that begins after the
//! acknowledgement contains it. There are no other nodes to send it to.

use std::cell::RefCell;

use glomers::gossip::Seen;
use glomers::{Handler, Json, JsonArray, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Topology,
    Broadcast { message: Json },
    Read,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    TopologyOk,
    BroadcastOk,
    ReadOk { messages: JsonArray },
}

#[derive(Default)]
struct Broadcast {
    seen: RefCell<Seen<Json>>,
}

#[async_trait(?Send)]
impl Handler for Broadcast {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Topology => Reply::TopologyOk,
            Request::Broadcast { message } => {
                self.seen.borrow_mut().insert_new([message]);
                Reply::BroadcastOk
            }
            Request::Read => Reply::ReadOk { messages: self.seen.borrow().to_json() },
        })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(|_node| Broadcast::default())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use eddy::{Test, Validity, workload};

    use super::*;

    fn challenge() -> Test {
        let time_limit = Duration::from_secs(20);
        Test { workload: &workload::Broadcast, rate: 10.0, time_limit, ..Test::default() }
    }

    #[test]
    fn every_value_is_in_every_later_read() {
        let report = challenge().run(|_node| Broadcast::default());
        report.assert_valid();
        assert_eq!(report.stable_latency.maximum, 0, "{report}");
    }

    #[tokio::test]
    async fn values_may_be_any_json_and_are_kept_once() {
        let values = [r#"{"b":[1.50,null],"a":18446744073709551616}"#, "1", "1.0", "\"1\"", "1"];
        let init = r#"{"type":"init","node_id":"n1","node_ids":["n1"]}"#.to_owned();
        let broadcast = |value| format!(r#"{{"type":"broadcast","message":{value}}}"#);
        let read = r#"{"type":"read","msg_id":9}"#.to_owned();
        let bodies = [init].into_iter().chain(values.map(broadcast)).chain([read]);
        let line = |body| format!("{{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{body}}}\n");
        let (input, mut output) = (bodies.map(line).collect::<String>(), Vec::new());
        let start = |_node| Broadcast::default();
        glomers::serve_on(input.as_bytes(), &mut output, start).await.unwrap();
        let expected = format!(r#""messages":[{}]"#, values[..4].join(","));
        let output = String::from_utf8(output).unwrap();
        assert!(output.contains(&expected), "{output}");
    }

    /// Wrong node that acknowledges at once and remembers at the next request, unless another value
    /// comes first.
    #[derive(Default)]
    struct AcknowledgesEarly {
        broadcast: Broadcast,
        pending: Cell<Option<Json>>,
    }

    #[async_trait(?Send)]
    impl Handler for AcknowledgesEarly {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            match request {
                Request::Broadcast { message } => {
                    self.pending.set(Some(message));
                    Ok(Reply::BroadcastOk)
                }
                request => {
                    if let Some(message) = self.pending.take() {
                        self.broadcast.handle(from, Request::Broadcast { message }).await?;
                    }
                    self.broadcast.handle(from, request).await
                }
            }
        }
    }

    #[test]
    fn a_node_that_acknowledges_before_it_remembers_is_caught() {
        let report = challenge().run(|_node| AcknowledgesEarly::default());
        assert_eq!(report.valid, Validity::Invalid, "{report}");
    }
}
