//! Short forms of the nodes of challenges 3c, 3d and 3e, with the same traffic: who sends to whom,
//! and how often.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use glomers::gossip::{Batch, Gossip, Seen, Timing};
use glomers::{Handler, Json, JsonArray, Node, async_trait};
use serde::{Deserialize, Serialize};

/// Topology of the gossip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GossipTopology {
    /// Each node sends to its neighbors on the grid, which forward it (3c).
    AsGiven,
    /// Each node sends to all others (3d).
    Everybody,
    /// The first node is the hub: it sends to all others, and they to it, in batches (3e).
    Star,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Topology { topology: BTreeMap<String, Vec<String>> },
    Broadcast { message: Json },
    Read,
    Gossip(Batch<Json>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    TopologyOk,
    BroadcastOk,
    ReadOk { messages: JsonArray },
    GossipOk,
}

pub(crate) struct Broadcast {
    node: Node,
    layout: GossipTopology,
    gossip: Gossip<Json>,
    neighbors: RefCell<Vec<String>>,
    seen: RefCell<Seen<Json>>,
}

impl Broadcast {
    pub(crate) fn new(node: Node, layout: GossipTopology) -> Self {
        let pace = match layout {
            GossipTopology::AsGiven | GossipTopology::Everybody => Timing::IMMEDIATE,
            GossipTopology::Star => Timing::every(Duration::from_millis(300)),
        };
        let gossip = Gossip::new(&node, pace, Request::Gossip);
        let (neighbors, seen) = (RefCell::default(), RefCell::default());
        Broadcast { node, layout, gossip, neighbors, seen }
    }

    fn connect(&self, given: Vec<String>) {
        let peers = self.node.peers().map(str::to_owned);
        let hub = &self.node.node_ids()[0];
        let neighbors = match self.layout {
            GossipTopology::AsGiven => given,
            GossipTopology::Everybody => peers.collect(),
            GossipTopology::Star if hub == self.node.id() => peers.collect(),
            GossipTopology::Star => {
                self.gossip.set_upstream(hub);
                vec![hub.clone()]
            }
        };
        self.neighbors.replace(neighbors);
    }

    fn learn(&self, from: &str, messages: Vec<Json>) {
        let new_items = self.seen.borrow_mut().insert_new(messages);
        let is_node = |name: &str| self.node.node_ids().iter().any(|id| id == name);
        if self.layout == GossipTopology::Everybody && is_node(from) {
            return;
        }
        for neighbor in self.neighbors.borrow().iter().filter(|neighbor| *neighbor != from) {
            self.gossip.enqueue(neighbor, new_items.iter().cloned());
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
                self.connect(topology.remove(self.node.id()).unwrap_or_default());
                Reply::TopologyOk
            }
            Request::Broadcast { message } => {
                self.learn(from, vec![message]);
                Reply::BroadcastOk
            }
            Request::Gossip(batch) => {
                self.gossip.receive(from, &batch);
                self.learn(from, batch.items);
                Reply::GossipOk
            }
            Request::Read => Reply::ReadOk { messages: self.seen.borrow().to_json() },
        })
    }
}
