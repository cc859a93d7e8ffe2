//! How neighbors are kept up to date, and how a node that was killed catches up.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use glomers::gossip::{self, Batch, Difference, Digest, Gossip, Lesson, Pace, Seen};
use glomers::{Handler, Host, Node, async_trait};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::peer::{Peer, converse_with};

/// Tells n2 and n3 what clients add, and c1 what it has learned from whom.
struct Gossiper {
    node: Node,
    gossip: Gossip<u64>,
    seen: Rc<RefCell<Seen<u64>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Add { items: Vec<u64> },
    Gossip(Batch<u64>),
    Compare { digest: Digest },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    AddOk,
    GossipOk,
    CompareOk(Difference<u64>),
}

impl Gossiper {
    fn new(node: Node) -> Self {
        let gossip = Gossip::new(&node, Pace::AT_ONCE, Request::Gossip);
        let seen = Rc::<RefCell<Seen<u64>>>::default();
        let (learner, teller) = (Rc::clone(&seen), node.clone());
        let learn = async move |Lesson { from, items, is_first, .. }| {
            let news = learner.borrow_mut().learn(items);
            let body = json!({"type": "learned", "from": from, "news": news, "first": is_first});
            teller.send("c1", &body);
        };
        gossip::catch_up(&gossip, &seen, |digest| Request::Compare { digest }, learn);
        Gossiper { node, gossip, seen }
    }

    /// One that lets its neighbors know that it has started.
    fn that_meets(node: Node) -> Self {
        let this = Gossiper::new(node);
        this.gossip.meet(this.node.peers().map(str::to_owned));
        this
    }
}

#[async_trait(?Send)]
impl Handler for Gossiper {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Add { items } => {
                let news = self.seen.borrow_mut().learn(items);
                self.gossip.tell("n2", news);
                Reply::AddOk
            }
            Request::Gossip(batch) => {
                self.gossip.receive(from, &batch);
                self.seen.borrow_mut().learn(batch.news);
                Reply::GossipOk
            }
            Request::Compare { digest } => Reply::CompareOk(self.seen.borrow().difference(&digest)),
        })
    }
}

/// Lets the first life of a node run, while `script` plays everybody else.
fn converse<H: Handler>(start: impl FnOnce(Node) -> H, script: impl AsyncFnOnce(&mut Peer)) {
    converse_with(Host::seeded(0), start, script);
}

/// Expects a message at this millisecond.
async fn hear_at(peer: &mut Peer, millis: u128, expected: &str) {
    assert_eq!(peer.hear().await, expected);
    assert!((millis..millis + 10).contains(&peer.now()), "{expected} at {}", peer.now());
}

/// Expects the request for a comparison that has this number.
async fn be_asked(peer: &mut Peer, who: &str, id: u64) {
    let said = peer.hear().await;
    let is_it = said.starts_with(&format!(r#"{who} {{"type":"compare","digest":{{"buckets":["#))
        && said.ends_with(&format!(r#"]}},"msg_id":{id}}}"#));
    assert!(is_it, "expected {who} to be asked, for the time {id}, and heard {said}");
}

const ADD: &str = r#"{"type":"add","items":[1,2]}"#;
const BATCH: &str = r#"n2 {"type":"gossip","life":0,"heard":0,"first":0,"news":[1,2]}"#;

#[test]
fn a_batch_has_the_fields_that_say_something_and_acknowledgements_are_followed_by_silence() {
    converse(Gossiper::new, async |peer| {
        peer.say("c1", ADD).await;
        hear_at(peer, 0, BATCH).await;
        peer.say("n2", r#"{"type":"gossip","life":7,"to":0,"heard":2,"first":0,"news":[3]}"#).await;
        let body = r#"n2 {"type":"gossip","life":0,"to":7,"heard":1,"ack_delay":1400,"first":2,"news":[]}"#;
        hear_at(peer, 1400, body).await;
        peer.hear_nothing_for(Duration::from_hours(1)).await;
        peer.say("n2", r#"{"type":"gossip","life":8,"heard":0,"first":0,"news":[]}"#).await;
        let body =
            r#"n2 {"type":"gossip","life":0,"to":8,"heard":0,"first":2,"news":[],"again":2}"#;
        assert_eq!(peer.hear().await, body);
        peer.hear_nothing_for(Duration::from_hours(1)).await;
    });
}

#[test]
fn a_batch_is_repeated_until_it_is_acknowledged() {
    converse(Gossiper::new, async |peer| {
        peer.say("c1", ADD).await;
        hear_at(peer, 0, BATCH).await;
        for millis in [1700, 3400, 5100] {
            hear_at(peer, millis, &BATCH.replace(r#""heard""#, r#""ask":true,"heard""#)).await;
        }
        peer.say("n2", r#"{"type":"gossip","life":0,"to":0,"heard":2,"first":0,"news":[]}"#).await;
        peer.hear_nothing_for(Duration::from_hours(1)).await;
    });
}

#[test]
fn a_node_that_starts_greets_those_whom_it_has_nothing_to_tell() {
    converse(Gossiper::that_meets, async |peer| {
        peer.say("c1", ADD).await;
        hear_at(peer, 0, BATCH).await;
        let greeting = r#"n3 {"type":"gossip","life":0,"ask":true,"heard":0,"first":0,"news":[]}"#;
        hear_at(peer, 700, greeting).await;
    });
}

#[test]
fn a_node_that_is_reminded_asks_that_neighbor_first_and_then_the_others_until_they_answer() {
    let host = Host::seeded(0).with_former_lives(1);
    converse_with(host, Gossiper::that_meets, async |peer| {
        peer.say("c1", ADD).await;
        assert_eq!(peer.hear().await, BATCH.replace(r#""life":0"#, r#""life":1"#));
        let again = r#"{"type":"gossip","life":0,"to":1,"heard":0,"first":0,"news":[],"again":0}"#;
        peer.say("n3", again).await;
        be_asked(peer, "n3", 1).await;
        let difference = r#"{"type":"compare_ok","buckets":[],"items":[7],"in_reply_to":1}"#;
        peer.say("n3", difference).await;
        let learned = r#"c1 {"first":true,"from":"n3","news":[7],"type":"learned"}"#;
        assert_eq!(peer.hear().await, learned);
        be_asked(peer, "n2", 2).await;
        // All that the node has is in these buckets, and n2 has nothing of it.
        let heard = r#"{"type":"gossip","life":0,"to":1,"heard":2,"first":0,"news":[]}"#;
        peer.say("n2", heard).await;
        be_asked(peer, "n2", 3).await;
        let buckets: Vec<usize> = (0..256).collect();
        let items = r#""items":[7,8],"in_reply_to":3"#;
        let difference = format!(r#"{{"type":"compare_ok","buckets":{buckets:?},{items}}}"#);
        peer.say("n2", &difference).await;
        let learned = r#"c1 {"first":false,"from":"n2","news":[8],"type":"learned"}"#;
        let lacking = r#"n2 {"type":"gossip","life":1,"to":0,"heard":0,"first":2,"news":[1,2]}"#;
        let mut said = [peer.hear().await, peer.hear().await];
        said.sort();
        assert_eq!(said, [learned, lacking]);
    });
}

#[test]
fn an_answer_that_would_be_too_long_is_asked_for_in_pieces() {
    let host = Host::seeded(0).with_former_lives(1);
    converse_with(host, Gossiper::that_meets, async |peer| {
        let again = r#"{"type":"gossip","life":0,"to":1,"heard":0,"first":0,"news":[],"again":0}"#;
        peer.say("n3", again).await;
        be_asked(peer, "n3", 1).await;
        let piece = r#"{"type":"compare_ok","buckets":[],"items":[7],"done":20,"in_reply_to":1}"#;
        peer.say("n3", piece).await;
        let learned = r#"c1 {"first":true,"from":"n3","news":[7],"type":"learned"}"#;
        assert_eq!(peer.hear().await, learned);
        let said = peer.hear().await;
        assert!(said.ends_with(r#"],"skip":20},"msg_id":2}"#), "{said}");
        let rest = r#"{"type":"compare_ok","buckets":[],"items":[8],"in_reply_to":2}"#;
        peer.say("n3", rest).await;
        assert_eq!(peer.hear().await, learned.replace("[7]", "[8]"));
        // That was the end, so the other one is asked.
        be_asked(peer, "n2", 3).await;
    });
}

#[test]
fn a_first_neighbor_that_is_silent_keeps_the_others_waiting_for_a_second() {
    let host = Host::seeded(0).with_former_lives(1);
    converse_with(host, Gossiper::that_meets, async |peer| {
        for neighbor in ["n2", "n3"] {
            let again =
                r#"{"type":"gossip","life":0,"to":1,"heard":0,"first":0,"news":[],"again":0}"#;
            peer.say(neighbor, again).await;
        }
        be_asked(peer, "n2", 1).await;
        be_asked(peer, "n3", 2).await;
        assert!((1000..1010).contains(&peer.now()), "{}", peer.now());
        be_asked(peer, "n2", 3).await;
        assert!((1000..1010).contains(&peer.now()), "{}", peer.now());
    });
}

#[test]
fn a_bad_batch_is_malformed_for_whoever_asks_and_costs_nothing_otherwise() {
    converse(Gossiper::new, async |peer| {
        peer.say("n2", r#"{"type":"gossip","news":3}"#).await;
        peer.say("n2", r#"{"type":"gossip","news":3,"msg_id":1}"#).await;
        let said = peer.hear().await;
        assert!(said.starts_with(r#"n2 {"type":"error","code":12,"text":"#), "{said}");
        peer.say("c1", ADD).await;
        assert_eq!(peer.hear().await, BATCH);
    });
}
