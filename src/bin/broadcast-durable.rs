//! Challenge 3c with nodes that are killed: no acknowledged value is lost.
//!
//! As in `broadcast-c`, [`gossip`] keeps neighbors up to date. The difference is in the order: a
//! node stores a value first, and only then shows it, forwards it, and acknowledges it to clients
//! and neighbors. So whatever a node has said, its next incarnation knows. It does not know which
//! values were still to be forwarded. So a node that has anything in storage begins by comparing it
//! with its neighbors, and sends each what it lacks. An acknowledged value is then, at any moment,
//! on the disk of a node whose neighbors either have it on theirs or will be sent it. The neighbors
//! are stored, too, as the node cannot rely on being sent the topology again after a restart.
//!
//! The cost is a sync for each batch: a value waits for one disk at each hop. Values that come
//! while the disk is busy share the next sync, so under load a sync is for many. A value that comes
//! twice before it is stored is stored twice; that does no harm, because values form a set, and
//! costs one more record.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use glomers::gossip::{self, Batch, BucketItems, ComparisonStep, Digest, Gossip, Seen, Timing};
use glomers::{
    DurableLog, DurableValue, Handler, Json, JsonArray, Node, async_trait, check_entry_size,
};
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
    stored_neighbors: Rc<DurableValue<Vec<String>>>,
    neighbors: Rc<RefCell<Vec<String>>>,
    log: Rc<DurableLog<Json>>,
    /// Values in the log, and no others.
    stored: Rc<RefCell<Seen<Json>>>,
}

impl Broadcast {
    fn new(node: Node) -> Self {
        let gossip = Gossip::new(&node, Timing::IMMEDIATE, Request::Gossip);
        let (log, values) = node.storage().log("values");
        let (stored_neighbors, neighbors) = node.storage().value("neighbors");
        let mut stored = Seen::default();
        stored.insert_new(values);
        let this = Broadcast {
            node,
            gossip,
            stored_neighbors: Rc::new(stored_neighbors),
            neighbors: Rc::default(),
            log: Rc::new(log),
            stored: Rc::new(RefCell::new(stored)),
        };
        this.start_anti_entropy();
        if let Some(neighbors) = neighbors {
            this.connect(neighbors);
        }
        this
    }

    fn connect(&self, neighbors: Vec<String>) {
        self.gossip.connect(neighbors.iter().cloned());
        self.neighbors.replace(neighbors);
    }

    /// Stores values that are new, then shows and forwards them.
    async fn store_and_forward(&self, from: &str, values: Vec<Json>) -> anyhow::Result<()> {
        let new_values = self.store(values).await?;
        for neighbor in self.neighbors.borrow().iter().filter(|neighbor| *neighbor != from) {
            self.gossip.enqueue(neighbor, new_values.iter().cloned());
        }
        Ok(())
    }

    /// Stores values that are new, then shows them, and returns them.
    async fn store(&self, mut values: Vec<Json>) -> anyhow::Result<Vec<Json>> {
        values.retain(|value| !self.stored.borrow().contains(value));
        self.log.append(&values).await?;
        Ok(self.stored.borrow_mut().insert_new(values))
    }

    fn start_anti_entropy(&self) {
        let this = self.clone();
        let on_items = async move |ComparisonStep { from, items, is_first, .. }| {
            let stored = if is_first {
                this.store(items).await.map(drop)
            } else {
                this.store_and_forward(&from, items).await
            };
            stored.expect("a node that cannot store anything is of no use");
        };
        let make_request = |digest| Request::Compare { digest };
        gossip::spawn_anti_entropy(&self.gossip, &self.stored, make_request, on_items);
        if !self.stored.borrow().items().is_empty() {
            self.gossip.note_restart(self.node.id());
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
                self.stored_neighbors.replace(&neighbors).await?;
                self.connect(neighbors);
                Reply::TopologyOk
            }
            Request::Broadcast { message } => {
                check_entry_size("the message", &message)?;
                self.store_and_forward(from, vec![message]).await?;
                Reply::BroadcastOk
            }
            Request::Gossip(batch) => {
                self.store_and_forward(from, batch.items.clone()).await?;
                self.gossip.receive(from, &batch);
                Reply::GossipOk
            }
            Request::Compare { digest } => {
                Reply::CompareOk(self.stored.borrow().differing_buckets(&digest))
            }
            Request::Read => Reply::ReadOk { messages: self.stored.borrow().to_json() },
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
    use eddy::{Fault, Test, seeds, workload};

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
    fn for_any_seed_no_fault_loses_a_value() {
        let struck = seeds(|seed| {
            let runs = Fault::sets_to_test().into_iter().map(|faults| {
                let report = Test {
                    faults,
                    // So high that kills hit disks at work.
                    rate: 100.0,
                    nemesis_interval: Duration::from_secs(1),
                    seed,
                    ..challenge()
                }
                .run(Broadcast::new);
                report.assert_valid();
                (report.dropped, report.discarded_bytes)
            });
            runs.fold((0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1))
        });
        let (dropped, discarded) =
            struck.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let seeds = struck.len();
        println!("{seeds} seeds: faults dropped {dropped} messages, and no value was lost");
        println!("kills discarded {discarded} bytes that were not durable yet");
        assert!(dropped > 0 && discarded > 0, "no fault struck anything");
    }
}
