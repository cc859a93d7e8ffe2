//! Broadcast with a failure detector: nodes call each other ten times a second.
//!
//! A value is sent to every other node until it is acknowledged. After a silence of its peer a node
//! assumes that it has missed values, and requests all of them when the peer is back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use eddy::{Report, Test};
use glomers::gossip::Seen;
use glomers::{Handler, Json, Node, Retry, async_trait};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

const CALL_INTERVAL: Duration = Duration::from_millis(100);

/// The silence of a peer after which values may have been missed.
const SILENCE_LIMIT: Duration = Duration::from_millis(300);

/// The time without an answer after which a peer is considered dead.
const DEAD_AFTER: Duration = Duration::from_secs(5);

/// The time of an answer above which a peer is considered overloaded. A round trip takes 20 ms.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(100);

/// The time of overload after which a peer is evicted.
const EVICT_AFTER: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GossipMistake {
    None,
    /// A value is sent once.
    NoRetry,
    /// A peer that does not answer receives no values until it requests what it has missed. It does
    /// not request that if it has received every call, and only its answers were lost.
    EvictsSilent,
    /// A peer that answers late receives no values until it requests them. It has no reason to.
    EvictsSlow,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GossiperMessage {
    Topology,
    TopologyOk,
    Broadcast {
        message: Json,
    },
    BroadcastOk,
    Read,
    ReadOk {
        messages: Vec<Json>,
    },
    Call {
        number: u64,
    },
    Answer {
        number: u64,
    },
    /// Requests all values.
    Hello,
    Gossip {
        message: Json,
    },
    GossipOk,
}

#[derive(Clone)]
pub(crate) struct Gossiper {
    node: Node,
    mistake: GossipMistake,
    seen: Rc<RefCell<Seen<Json>>>,
    peers: Rc<RefCell<BTreeMap<String, PeerState>>>,
}

/// State of a peer, as seen by a node.
struct PeerState {
    last_heard: Option<Instant>,
    /// The calls that it has not answered, and their times.
    calls: BTreeMap<u64, Instant>,
    last_answer: Instant,
    /// The time since which all its answers are late.
    late_since: Option<Instant>,
    is_evicted: bool,
}

/// A function that runs a test, with or without this mistake.
pub(crate) fn run(mistake: GossipMistake) -> impl Fn(&Test, bool) -> Report {
    move |test, is_wrong| {
        let mistake = if is_wrong { mistake } else { GossipMistake::None };
        test.run(move |node| Gossiper::new(node, mistake))
    }
}

impl Gossiper {
    fn new(node: Node, mistake: GossipMistake) -> Gossiper {
        let peer = |id: &str| {
            let (last_heard, calls, last_answer) = (None, BTreeMap::new(), Instant::now());
            let peer =
                PeerState { last_heard, calls, last_answer, late_since: None, is_evicted: false };
            (id.to_owned(), peer)
        };
        let peers = node.peers().map(peer).collect::<BTreeMap<_, _>>();
        let (seen, peers) = (Rc::default(), Rc::new(RefCell::new(peers)));
        let gossiper = Gossiper { node: node.clone(), mistake, seen, peers };
        let caller = gossiper.clone();
        node.spawn(async move { caller.call_peers().await });
        gossiper
    }

    async fn call_peers(&self) {
        for number in 0.. {
            for (id, peer) in &mut *self.peers.borrow_mut() {
                peer.calls.insert(number, Instant::now());
                peer.is_evicted |= self.mistake == GossipMistake::EvictsSilent
                    && peer.last_answer.elapsed() > DEAD_AFTER;
                self.node.send(id, &GossiperMessage::Call { number });
            }
            sleep(CALL_INTERVAL).await;
        }
    }

    /// Records a message from a peer. If the peer was silent before, requests all its values.
    fn note_contact(&self, from: &str) {
        let mut peers = self.peers.borrow_mut();
        let Some(peer) = peers.get_mut(from) else { return };
        let heard = peer.last_heard.replace(Instant::now());
        if heard.is_none_or(|heard| heard.elapsed() > SILENCE_LIMIT) {
            let (gossiper, from) = (self.clone(), from.to_owned());
            self.node.spawn(async move {
                let answer =
                    gossiper.node.rpc_retry(Retry::default(), &from, &GossiperMessage::Hello).await;
                if let Ok(GossiperMessage::ReadOk { messages }) = answer {
                    gossiper.seen.borrow_mut().insert_new(messages);
                }
            });
        }
    }

    fn note_answer(&self, from: &str, number: u64) {
        let mut peers = self.peers.borrow_mut();
        let Some(peer) = peers.get_mut(from) else { return };
        let Some(called) = peer.calls.remove(&number) else { return };
        peer.last_answer = Instant::now();
        if called.elapsed() <= ANSWER_TIMEOUT {
            peer.late_since = None;
            return;
        }
        let since = *peer.late_since.get_or_insert_with(Instant::now);
        peer.is_evicted |=
            self.mistake == GossipMistake::EvictsSlow && since.elapsed() > EVICT_AFTER;
    }

    fn send_to_peers(&self, message: &Json) {
        for peer in self.node.peers() {
            let (gossiper, peer) = (self.clone(), peer.to_owned());
            let gossip = GossiperMessage::Gossip { message: message.clone() };
            if self.mistake == GossipMistake::NoRetry {
                self.node.send(&peer, &gossip);
                continue;
            }
            self.node.spawn(async move {
                let is_evicted = || gossiper.peers.borrow()[&peer].is_evicted;
                while !is_evicted()
                    && gossiper.node.rpc::<GossiperMessage>(&peer, &gossip).await.is_err()
                {
                }
            });
        }
    }
}

#[async_trait(?Send)]
impl Handler for Gossiper {
    type Request = GossiperMessage;
    type Reply = GossiperMessage;

    async fn handle(
        &self,
        from: &str,
        request: GossiperMessage,
    ) -> anyhow::Result<GossiperMessage> {
        self.note_contact(from);
        Ok(match request {
            GossiperMessage::Topology => GossiperMessage::TopologyOk,
            GossiperMessage::Broadcast { message } => {
                self.seen.borrow_mut().insert_new([message.clone()]);
                self.send_to_peers(&message);
                GossiperMessage::BroadcastOk
            }
            GossiperMessage::Gossip { message } => {
                self.seen.borrow_mut().insert_new([message]);
                GossiperMessage::GossipOk
            }
            GossiperMessage::Call { number } => {
                self.node.send(from, &GossiperMessage::Answer { number });
                GossiperMessage::TopologyOk
            }
            GossiperMessage::Answer { number } => {
                self.note_answer(from, number);
                GossiperMessage::TopologyOk
            }
            GossiperMessage::Hello => {
                if let Some(peer) = self.peers.borrow_mut().get_mut(from) {
                    peer.is_evicted = false;
                    peer.late_since = None;
                    peer.last_answer = Instant::now();
                }
                GossiperMessage::ReadOk { messages: self.seen.borrow().items().to_vec() }
            }
            GossiperMessage::Read => {
                GossiperMessage::ReadOk { messages: self.seen.borrow().items().to_vec() }
            }
            _ => anyhow::bail!("no request"),
        })
    }
}
