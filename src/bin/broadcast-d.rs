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
//!
//! A node that is killed forgets what it had to tell the others, and what they told it. So a node
//! that starts asks all others for what they know, and tells everybody what it learns: it may have
//! been its own to tell. That makes 2 × 25 × 24 = 1200 messages when all start at once.
//!
//! So partitions, one-way cuts and lost messages cost repetitions, slow links and pauses cost time,
//! duplicates cost nothing, and a kill costs those values that only the killed nodes had.

use std::cell::RefCell;
use std::rc::Rc;

use glomers::gossip::{self, Neighbor, Pace, Seen};
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
    /// From the node that has to tell these values, because it got them from clients or found them
    /// after its start.
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

/// The answer of another node to [`Request::Read`].
#[derive(Deserialize)]
struct Known {
    messages: Vec<Json>,
}

/// Clones are the same node.
#[derive(Clone)]
struct Broadcast {
    node: Node,
    others: Rc<[Neighbor<Json>]>,
    seen: Rc<RefCell<Seen<Json>>>,
}

impl Broadcast {
    fn new(node: Node) -> Self {
        let connect = |id| {
            let gossip = |messages| Request::Gossip { messages };
            Neighbor::keep_up_to_date(&node, id, Pace::default(), gossip)
        };
        let others = node.peers().map(connect).collect();
        Broadcast { node, others, seen: Rc::default() }
    }

    fn catch_up(&self) {
        for other in self.others.iter() {
            let this = self.clone();
            let learn = move |from: &str, messages| this.tell_others(from, messages);
            let items = |known: Known| known.messages;
            gossip::catch_up(&self.node, other.id(), Request::Read, items, learn);
        }
    }

    fn tell_others(&self, from: &str, messages: Vec<Json>) {
        let news = self.seen.borrow_mut().learn(messages);
        for other in self.others.iter().filter(|other| other.id() != from) {
            other.tell(news.iter().cloned());
        }
    }
}

#[async_trait(?Send)]
impl Handler for Broadcast {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Topology => {
                self.catch_up();
                Reply::TopologyOk
            }
            Request::Broadcast { message } => {
                self.tell_others(from, vec![message]);
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

    #[test]
    fn whatever_the_seed_faults_take_nothing_but_what_only_killed_nodes_knew() {
        let dropped = seeds(|seed| {
            let runs = Fault::alone_and_together().into_iter().map(|faults| {
                let (rate, nemesis_interval) = (20.0, Duration::from_secs(3));
                let test = Test { faults, rate, nemesis_interval, seed, ..challenge() };
                let report = test.run(Broadcast::new);
                report.assert_valid_but_for_kills();
                report.dropped
            });
            runs.sum::<u64>()
        });
        let (seeds, dropped) = (dropped.len(), dropped.iter().sum::<u64>());
        println!("{seeds} seeds: faults dropped {dropped} messages, and no value that lived on");
        assert!(dropped > 0, "no fault struck anything");
    }
}
