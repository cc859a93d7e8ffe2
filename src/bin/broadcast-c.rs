//! Challenge 3c: values reach every node although the network loses messages.
//!
//! One task per neighbor keeps that neighbor up to date ([`gossip`], where a value is an *item*):
//! it sends the values that the neighbor has not acknowledged, and retransmits them until it has. A
//! node acknowledges a value once it has stored it in memory and put it into the backlogs for its
//! other neighbors. So at any moment each of its values that a neighbor lacks is in the backlog for
//! that neighbor. Once the links work for long enough, all backlogs are empty and all nodes have
//! all values.
//!
//! A node that is restarted has forgotten values that its former incarnation may have acknowledged.
//! It learns from its neighbors that it was restarted, and compares its values with theirs
//! (anti-entropy). It knows its neighbors from `topology` alone. eddy sends that again after a
//! kill. Under a workbench that does not, a restarted node receives its neighbors' values, but
//! forwards none. (3d and 3e compute their neighbors from `node_ids`.)
//!
//! Partitions, one-way cuts and lost messages cost retransmissions, slow links and pauses cost
//! time, and duplicates cost nothing. A kill loses only values that no other node had.
//!
//! A client is answered before its value spreads: it learns that one node has the value. Waiting
//! for more nodes would cost availability, and the challenge does not ask for it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use glomers::gossip::{self, Batch, BucketItems, ComparisonStep, Digest, Gossip, Seen, Timing};
use glomers::{Handler, Json, JsonArray, Node, async_trait, check_entry_size};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Topology {
        topology: BTreeMap<String, Vec<String>>,
    },
    Broadcast {
        message: Json,
    },
    Read,
    /// From a neighbor: values that may be new.
    Gossip(Batch<Json>),
    /// From a neighbor that was restarted: a digest of its values.
    Compare {
        digest: Digest,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    TopologyOk,
    BroadcastOk,
    ReadOk {
        messages: JsonArray,
    },
    /// Never sent: batches have no `msg_id`. They are acknowledged by batches in return.
    GossipOk,
    CompareOk(BucketItems<Json>),
}

/// The handler. Clones share its state, so tasks can hold one.
#[derive(Clone)]
struct Broadcast {
    node: Node,
    gossip: Gossip<Json>,
    seen: Rc<RefCell<Seen<Json>>>,
    neighbors: Rc<RefCell<Vec<String>>>,
}

impl Broadcast {
    fn new(node: Node) -> Self {
        let gossip = Gossip::new(&node, Timing::IMMEDIATE, Request::Gossip);
        let (seen, neighbors) = (Rc::default(), Rc::default());
        let this = Broadcast { node, gossip, seen, neighbors };
        this.start_anti_entropy();
        this
    }

    /// Opens links to the neighbors. Clients may have sent values before, so all are enqueued.
    fn connect(&self, neighbors: Vec<String>) {
        for neighbor in &neighbors {
            self.gossip.enqueue(neighbor, self.seen.borrow().items().iter().cloned());
        }
        self.gossip.connect(neighbors.iter().cloned());
        self.neighbors.replace(neighbors);
    }

    /// Adds values to those that this node has, and forwards those that are new.
    fn add_and_forward(&self, from: &str, values: Vec<Json>) {
        let new_values = self.seen.borrow_mut().insert_new(values);
        for neighbor in self.neighbors.borrow().iter().filter(|neighbor| *neighbor != from) {
            self.gossip.enqueue(neighbor, new_values.iter().cloned());
        }
    }

    fn start_anti_entropy(&self) {
        let this = self.clone();
        let on_items = async move |ComparisonStep { from, items, is_first, .. }| {
            if is_first {
                // All other neighbors are compared with next. That sends each what it lacks, so
                // nothing needs to be forwarded.
                this.seen.borrow_mut().insert_new(items);
            } else {
                this.add_and_forward(&from, items);
            }
        };
        let make_request = |digest| Request::Compare { digest };
        gossip::spawn_anti_entropy(&self.gossip, &self.seen, make_request, on_items);
    }
}

#[async_trait(?Send)]
impl Handler for Broadcast {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Topology { mut topology } => {
                self.connect(topology.remove(self.node.id()).unwrap_or_default());
                Reply::TopologyOk
            }
            Request::Broadcast { message } => {
                check_entry_size("the message", &message)?;
                self.add_and_forward(from, vec![message]);
                Reply::BroadcastOk
            }
            Request::Gossip(batch) => {
                // The items are forwarded even if `receive` returns false because the sender has
                // been restarted since. Without an `await` between the two calls, no
                // acknowledgement leaves before the items are in the backlogs.
                self.gossip.receive(from, &batch);
                self.add_and_forward(from, batch.items);
                Reply::GossipOk
            }
            Request::Compare { digest } => {
                Reply::CompareOk(self.seen.borrow().differing_buckets(&digest))
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

    use eddy::checkers::availability::Goal;
    use eddy::{Fault, RepairMatrix, Test, seeds, workload};

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
    fn every_value_reaches_every_node_within_a_second() {
        let report = challenge().run(Broadcast::new);
        report.assert_valid();
        assert!(report.stable_latency.maximum < 1000, "{report}");
    }

    #[test]
    fn for_any_seed_partitions_lose_messages_and_no_values() {
        let dropped = seeds(|seed| {
            // That every request succeeds shows that clients do not wait for a value to spread.
            let (faults, availability) = ([Fault::Partition].into(), Goal::Total);
            let test = Test { faults, availability, seed, ..challenge() };
            let report = test.run(Broadcast::new);
            report.assert_valid();
            report.dropped
        });
        let (seeds, dropped) = (dropped.len(), dropped.iter().sum::<u64>());
        println!("{seeds} seeds: partitions dropped {dropped} messages, and no value was lost");
        assert!(dropped > 0, "no partition cut anything");
    }

    #[test]
    fn the_cluster_falls_silent_once_all_nodes_have_all_values() {
        let report = Test { trace: true, ..challenge() }.run(Broadcast::new);
        let last_server_message = report.trace.lines().rfind(|line| line.contains("gossip"));
        let time = last_server_message.and_then(|line| line.split(' ').next()).unwrap();
        let seconds = time.parse::<u64>().unwrap() / 1_000_000_000;
        assert!(seconds <= 21, "{last_server_message:?}");
    }

    #[test]
    fn for_any_seed_values_arrive_within_two_seconds_after_the_faults() {
        let within = Duration::from_secs(2);
        let runs = seeds(|seed| {
            RepairMatrix::assert_repaired(&Test { seed, ..challenge() }, within, |test| {
                test.run(Broadcast::new)
            })
        });
        println!(
            "broadcast-c:\n{}",
            runs.into_iter().fold(RepairMatrix::default(), RepairMatrix::merge)
        );
    }
}
