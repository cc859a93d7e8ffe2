//! The chapter on CRDTs: a set that only grows, to which every node can add and which every node
//! can read, whichever other nodes it can reach.
//!
//! Such sets need no agreement: in whatever order elements come, and however often, the union is
//! the same. So a node answers at once, from what it knows, and sends every other node the elements
//! that its own clients have added; nothing is forwarded. Elements are retransmitted until they are
//! acknowledged ([`gossip`]): partitions and lost messages delay an element, duplicates and
//! reordering change nothing. In Maelstrom's chapter each node sends its whole set now and then,
//! which needs no acknowledgements; here an element travels once to each node, and acknowledgements
//! travel with the elements in the other direction.
//!
//! A node that is killed forgets its set. Once it is back, it compares itself with the others, so
//! it regains the elements that it had sent to any of them; elements that only killed nodes knew
//! are lost.

use std::cell::RefCell;
use std::rc::Rc;

use glomers::gossip::{self, Batch, BucketItems, ComparisonStep, Digest, Gossip, Seen, Timing};
use glomers::{Handler, Json, JsonArray, Node, async_trait, check_entry_size};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Add {
        element: Json,
    },
    Read,
    /// From another node: elements that may be new.
    Gossip(Batch<Json>),
    /// From a node that was restarted: a digest of its elements.
    Compare {
        digest: Digest,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    AddOk,
    ReadOk {
        value: JsonArray,
    },
    /// Never sent: batches have no `msg_id`. They are acknowledged by batches in return.
    GossipOk,
    CompareOk(BucketItems<Json>),
}

/// The handler. Clones share its state, so tasks can hold one.
#[derive(Clone)]
struct GSet {
    node: Node,
    gossip: Gossip<Json>,
    seen: Rc<RefCell<Seen<Json>>>,
}

impl GSet {
    fn new(node: Node) -> Self {
        let gossip = Gossip::new(&node, Timing::IMMEDIATE, Request::Gossip);
        gossip.connect(node.peers().map(str::to_owned));
        let this = GSet { node, gossip, seen: Rc::default() };
        this.start_anti_entropy();
        this
    }

    /// Adds elements that no other node may have, and sends those that are new to all.
    fn publish(&self, elements: Vec<Json>) {
        let new_elements = self.seen.borrow_mut().insert_new(elements);
        for peer in self.node.peers() {
            self.gossip.enqueue(peer, new_elements.iter().cloned());
        }
    }

    fn start_anti_entropy(&self) {
        let this = self.clone();
        let on_items = async move |ComparisonStep { items, is_first, .. }| {
            if is_first {
                this.seen.borrow_mut().insert_new(items);
            } else {
                this.publish(items);
            }
        };
        let make_request = |digest| Request::Compare { digest };
        gossip::spawn_anti_entropy(&self.gossip, &self.seen, make_request, on_items);
    }
}

#[async_trait(?Send)]
impl Handler for GSet {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Add { element } => {
                check_entry_size("the element", &element)?;
                self.publish(vec![element]);
                Reply::AddOk
            }
            Request::Read => Reply::ReadOk { value: self.seen.borrow().to_json() },
            Request::Gossip(batch) => {
                if self.gossip.receive(from, &batch) {
                    self.seen.borrow_mut().insert_new(batch.items);
                } else {
                    self.publish(batch.items);
                }
                Reply::GossipOk
            }
            Request::Compare { digest } => {
                Reply::CompareOk(self.seen.borrow().differing_buckets(&digest))
            }
        })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(GSet::new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eddy::checkers::availability::Goal;
    use eddy::{Fault, Test, Validity, seeds, workload};

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::GSet,
            nodes: 5,
            rate: 20.0,
            time_limit: Duration::from_secs(20),
            ..Test::default()
        }
    }

    #[test]
    fn every_element_is_sent_to_every_node_once() {
        let report = challenge().run(GSet::new);
        report.assert_valid();
        // An acknowledgement that does not travel with an element costs one more message.
        let least = 4 * report.ok_count("add") as u64;
        assert!((least..least * 11 / 10).contains(&report.traffic.servers.sent), "{report}");
        assert!(report.stable_latency.maximum < 100, "{report}");
    }

    #[test]
    fn for_any_seed_every_node_answers_and_partitions_lose_nothing() {
        let dropped = seeds(|seed| {
            let (faults, availability) = ([Fault::Partition].into(), Goal::Total);
            let report = Test { faults, availability, seed, ..challenge() }.run(GSet::new);
            report.assert_valid();
            report.dropped
        });
        println!("{} seeds: partitions dropped messages, and no element", dropped.len());
        assert!(dropped.iter().sum::<u64>() > 0, "no partition cut anything");
    }

    #[test]
    fn for_any_seed_faults_lose_only_what_only_killed_nodes_knew() {
        let dropped = seeds(|seed| {
            let runs = Fault::sets_to_test().into_iter().map(|faults| {
                let nemesis_interval = Duration::from_secs(3);
                let test = Test { faults, nemesis_interval, seed, ..challenge() };
                let report = test.run(GSet::new);
                report.assert_valid_but_for_kills();
                report.dropped
            });
            runs.sum::<u64>()
        });
        println!("{} seeds: faults dropped messages, and no element of a live node", dropped.len());
        assert!(dropped.iter().sum::<u64>() > 0, "no fault struck anything");
    }

    /// Wrong node that sends each element once, without acknowledgements.
    struct NoRetransmission(GSet);

    #[async_trait(?Send)]
    impl Handler for NoRetransmission {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            let GSet { node, seen, .. } = &self.0;
            let Request::Add { element } = request else {
                return self.0.handle(from, request).await;
            };
            if node.node_ids().iter().any(|id| id == from) {
                seen.borrow_mut().insert_new([element]);
            } else {
                seen.borrow_mut().insert_new([element.clone()]);
                let told = Request::Add { element };
                node.peers().for_each(|peer| node.send(peer, &told));
            }
            Ok(Reply::AddOk)
        }
    }

    #[test]
    fn for_any_seed_a_node_that_does_not_retransmit_is_caught() {
        let verdicts = seeds(|seed| {
            let (faults, nemesis_interval) = ([Fault::Partition].into(), Duration::from_secs(2));
            let test = Test { faults, nemesis_interval, seed, ..challenge() };
            test.run(|node| NoRetransmission(GSet::new(node))).valid
        });
        assert!(verdicts.contains(&Validity::Invalid));
    }
}
