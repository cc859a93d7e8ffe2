//! Challenge 3b: values flood the cluster.
//!
//! A node that learns a value sends it to all its neighbors but the one from which it came, once
//! and without waiting for an answer. A node forwards a value only the first time that it arrives.
//! So over a connected topology every value reaches every node, and the flood ends after at most
//! two messages over each link. A message that is lost is not repeated: that is the next challenge.

use std::cell::RefCell;
use std::collections::BTreeMap;

use glomers::gossip::Seen;
use glomers::{Handler, Json, JsonArray, Node, async_trait, check_entry_size};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Topology {
        topology: BTreeMap<String, Vec<String>>,
    },
    /// From a client, or from a neighbor, which expects no reply.
    Broadcast {
        message: Json,
    },
    Read,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    TopologyOk,
    BroadcastOk,
    ReadOk { messages: JsonArray },
}

struct Broadcast {
    node: Node,
    neighbors: RefCell<Vec<String>>,
    seen: RefCell<Seen<Json>>,
}

impl Broadcast {
    fn new(node: Node) -> Self {
        Broadcast { node, neighbors: RefCell::default(), seen: RefCell::default() }
    }

    fn learn(&self, from: &str, message: Json) {
        for message in self.seen.borrow_mut().insert_new([message]) {
            let gossip = Request::Broadcast { message };
            for neighbor in self.neighbors.borrow().iter().filter(|id| *id != from) {
                self.node.send(neighbor, &gossip);
            }
        }
    }
}

#[async_trait(?Send)]
impl Handler for Broadcast {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Topology { mut topology } => {
                let neighbors = topology.remove(self.node.id()).unwrap_or_default();
                self.neighbors.replace(neighbors);
                Reply::TopologyOk
            }
            Request::Broadcast { message } => {
                check_entry_size("the message", &message)?;
                self.learn(from, message);
                Reply::BroadcastOk
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

    use eddy::topology::Topology;
    use eddy::{Fault, Test, Validity, workload};

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::Broadcast,
            nodes: 5,
            rate: 10.0,
            time_limit: Duration::from_secs(20),
            ..Test::default()
        }
    }

    #[test]
    fn every_value_reaches_every_node_over_every_topology() {
        for topology in Topology::ALL {
            Test { topology, ..challenge() }.run(Broadcast::new).assert_valid();
        }
    }

    #[test]
    fn a_value_crosses_each_link_of_a_tree_once() {
        let report = Test { topology: Topology::Tree4, ..challenge() }.run(Broadcast::new);
        let broadcasts = report.ok_count("broadcast") as u64;
        assert_eq!(report.traffic.servers.sent, 4 * broadcasts, "{report}");
    }

    /// The node does not retransmit, which is right for this challenge and wrong for the next.
    #[test]
    fn a_partition_makes_it_lose_values() {
        let faults = [Fault::Partition].into();
        let report = Test { faults, topology: Topology::Line, ..challenge() }.run(Broadcast::new);
        assert!(report.dropped > 0, "{report}");
        assert_eq!(report.valid, Validity::Invalid, "{report}");
    }
}
