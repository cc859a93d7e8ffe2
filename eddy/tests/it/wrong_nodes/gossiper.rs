//! Broadcast among nodes that call each other ten times a second, and notice who is gone.
//!
//! A value is told to every other node until it is acknowledged. A node that has heard nothing of
//! another for a while takes it that it has missed something, and asks for everything when it hears
//! it again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use eddy::{Report, Test};
use glomers::gossip::Seen;
use glomers::{Handler, Json, Node, Retry, async_trait};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

const CALL_EVERY: Duration = Duration::from_millis(100);

/// Who is not heard for so long may have said something.
const SILENCE: Duration = Duration::from_millis(300);

/// Who has not answered for so long is taken for dead.
const DEAD_AFTER: Duration = Duration::from_secs(5);

/// Who takes longer to answer is taken for overloaded. A round trip is 20 ms.
const ANSWER_WITHIN: Duration = Duration::from_millis(100);

/// Who has been overloaded for so long is done without.
const OVERLOADED_FOR: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    None,
    /// A value is told once.
    NoRetry,
    /// Who does not answer is told nothing more until it asks for what it has missed. It will not
    /// if it has heard every call, and only its answers were lost.
    EvictsSilent,
    /// Who answers late is told nothing more until it asks; and why should it?
    EvictsSlow,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Body {
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
    /// Tell me everything.
    Hello,
    Gossip {
        message: Json,
    },
    GossipOk,
}

#[derive(Clone)]
pub(crate) struct Gossiper {
    node: Node,
    mistake: Mistake,
    seen: Rc<RefCell<Seen<Json>>>,
    peers: Rc<RefCell<BTreeMap<String, Peer>>>,
}

/// What a node knows of another.
struct Peer {
    heard: Option<Instant>,
    /// The calls that it has not answered, and when they were made.
    calls: BTreeMap<u64, Instant>,
    answered: Instant,
    /// Since when all its answers are late.
    late_since: Option<Instant>,
    is_evicted: bool,
}

/// Runs a test with nodes that make this mistake, or none.
pub(crate) fn run(mistake: Mistake) -> impl Fn(&Test, bool) -> Report {
    move |test, is_wrong| {
        let mistake = if is_wrong { mistake } else { Mistake::None };
        test.run(move |node| Gossiper::new(node, mistake))
    }
}

impl Gossiper {
    fn new(node: Node, mistake: Mistake) -> Gossiper {
        let peer = |id: &str| {
            let (heard, calls, answered) = (None, BTreeMap::new(), Instant::now());
            let peer = Peer { heard, calls, answered, late_since: None, is_evicted: false };
            (id.to_owned(), peer)
        };
        let peers = node.peers().map(peer).collect::<BTreeMap<_, _>>();
        let (seen, peers) = (Rc::default(), Rc::new(RefCell::new(peers)));
        let gossiper = Gossiper { node: node.clone(), mistake, seen, peers };
        let caller = gossiper.clone();
        node.spawn(async move { caller.call().await });
        gossiper
    }

    async fn call(&self) {
        for number in 0.. {
            for (id, peer) in &mut *self.peers.borrow_mut() {
                peer.calls.insert(number, Instant::now());
                peer.is_evicted |=
                    self.mistake == Mistake::EvictsSilent && peer.answered.elapsed() > DEAD_AFTER;
                self.node.send(id, &Body::Call { number });
            }
            sleep(CALL_EVERY).await;
        }
    }

    /// A peer was heard; if it was silent before, it is asked for everything.
    fn hear(&self, from: &str) {
        let mut peers = self.peers.borrow_mut();
        let Some(peer) = peers.get_mut(from) else { return };
        let heard = peer.heard.replace(Instant::now());
        if heard.is_none_or(|heard| heard.elapsed() > SILENCE) {
            let (gossiper, from) = (self.clone(), from.to_owned());
            self.node.spawn(async move {
                let answer = gossiper.node.rpc_retry(Retry::default(), &from, &Body::Hello).await;
                if let Ok(Body::ReadOk { messages }) = answer {
                    gossiper.seen.borrow_mut().learn(messages);
                }
            });
        }
    }

    fn answered(&self, from: &str, number: u64) {
        let mut peers = self.peers.borrow_mut();
        let Some(peer) = peers.get_mut(from) else { return };
        let Some(called) = peer.calls.remove(&number) else { return };
        peer.answered = Instant::now();
        if called.elapsed() <= ANSWER_WITHIN {
            peer.late_since = None;
            return;
        }
        let since = *peer.late_since.get_or_insert_with(Instant::now);
        peer.is_evicted |= self.mistake == Mistake::EvictsSlow && since.elapsed() > OVERLOADED_FOR;
    }

    fn tell_everybody(&self, message: &Json) {
        for peer in self.node.peers() {
            let (gossiper, peer) = (self.clone(), peer.to_owned());
            let gossip = Body::Gossip { message: message.clone() };
            if self.mistake == Mistake::NoRetry {
                self.node.send(&peer, &gossip);
                continue;
            }
            self.node.spawn(async move {
                let is_evicted = || gossiper.peers.borrow()[&peer].is_evicted;
                while !is_evicted() && gossiper.node.rpc::<Body>(&peer, &gossip).await.is_err() {}
            });
        }
    }
}

#[async_trait(?Send)]
impl Handler for Gossiper {
    type Request = Body;
    type Reply = Body;

    async fn handle(&self, from: &str, request: Body) -> anyhow::Result<Body> {
        self.hear(from);
        Ok(match request {
            Body::Topology => Body::TopologyOk,
            Body::Broadcast { message } => {
                self.seen.borrow_mut().learn([message.clone()]);
                self.tell_everybody(&message);
                Body::BroadcastOk
            }
            Body::Gossip { message } => {
                self.seen.borrow_mut().learn([message]);
                Body::GossipOk
            }
            Body::Call { number } => {
                self.node.send(from, &Body::Answer { number });
                Body::TopologyOk
            }
            Body::Answer { number } => {
                self.answered(from, number);
                Body::TopologyOk
            }
            Body::Hello => {
                if let Some(peer) = self.peers.borrow_mut().get_mut(from) {
                    peer.is_evicted = false;
                    peer.late_since = None;
                    peer.answered = Instant::now();
                }
                Body::ReadOk { messages: self.seen.borrow().items().to_vec() }
            }
            Body::Read => Body::ReadOk { messages: self.seen.borrow().items().to_vec() },
            _ => anyhow::bail!("no request"),
        })
    }
}
