//! Challenge 3d: 25 nodes, 100 ms apart, few messages and short ways.
//!
//! What costs is messages, not links. However a value travels, 24 nodes must be told, which takes
//! 24 messages and 24 acknowledgements: half of the operations are broadcasts, so 24 messages per
//! operation, over any tree. A deep tree makes the same number of messages wait for each other. So
//! this node lays its own topology over the given one: everybody tells everybody else, directly. A
//! value is everywhere after one hop, nobody passes on what he has heard, and no node is more
//! important than another.
//!
//! One batch per neighbor is on its way at a time, as in 3c. A value that comes within the 200 ms
//! until the acknowledgement travels with the next batch, which saves its message, and costs up to
//! 200 ms. Each node gets 2 broadcasts per second, so that happens to one in three, and the longest
//! latency is 300 ms.
//!
//! Nothing is lost: who got a value from a client has it in the backlog for each node that has not
//! acknowledged it. The price of telling nobody's news but one's own: under a partition a value
//! waits for the link between its two nodes, although there may be a way around.

use std::cell::RefCell;

use glomers::gossip::{Neighbor, Pace, Seen};
use glomers::{Handler, Json, JsonArray, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Topology,
    Broadcast {
        message: Json,
    },
    Read,
    /// From the node that got these values from clients.
    Gossip {
        messages: Vec<Json>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    TopologyOk,
    BroadcastOk,
    ReadOk { messages: JsonArray },
    GossipOk,
}

struct Broadcast {
    others: Vec<Neighbor<Json>>,
    seen: RefCell<Seen<Json>>,
}

impl Broadcast {
    fn new(node: Node) -> Self {
        let connect = |id| {
            let gossip = |messages| Request::Gossip { messages };
            Neighbor::keep_up_to_date(&node, id, Pace::default(), gossip)
        };
        Broadcast { others: node.peers().map(connect).collect(), seen: RefCell::default() }
    }
}

#[async_trait(?Send)]
impl Handler for Broadcast {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Topology => Reply::TopologyOk,
            Request::Broadcast { message } => {
                let news = self.seen.borrow_mut().learn([message]);
                for other in &self.others {
                    other.tell(news.iter().cloned());
                }
                Reply::BroadcastOk
            }
            Request::Gossip { messages } => {
                self.seen.borrow_mut().learn(messages);
                Reply::GossipOk
            }
            Request::Read => Reply::ReadOk { messages: self.seen.borrow().to_json() },
        })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(Broadcast::new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eddy::latency::Latency;
    use eddy::{Fault, Test, Workload, seeds};

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: Workload::Broadcast,
            nodes: 25,
            rate: 100.0,
            time_limit: Duration::from_secs(20),
            latency: Latency { mean: Duration::from_millis(100), ..Latency::default() },
            ..Test::default()
        }
    }

    #[test]
    fn it_meets_the_limits_of_the_challenge() {
        let report = challenge().run(Broadcast::new);
        println!("{report}");
        report.assert_valid();
        assert!(report.servers.msgs_per_op.unwrap() < 30.0, "{report}");
        assert!(report.stable_latency.median < 400, "{report}");
        assert!(report.stable_latency.maximum < 600, "{report}");
    }

    #[test]
    fn whatever_the_seed_partitions_lose_messages_and_no_values() {
        let dropped = seeds(|seed| {
            let report =
                Test { faults: [Fault::Partition].into(), seed, ..challenge() }.run(Broadcast::new);
            report.assert_valid();
            report.dropped
        });
        let (seeds, dropped) = (dropped.len(), dropped.iter().sum::<u64>());
        println!("{seeds} seeds: partitions dropped {dropped} messages, and no value was lost");
        assert!(dropped > 0, "no partition cut anything");
    }
}
