//! Gossip to neighbors, and anti-entropy after a restart, message by message.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use glomers::gossip::{self, Batch, BucketItems, ComparisonStep, Digest, Gossip, Seen, Timing};
use glomers::{Handler, Host, Node, async_trait};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::peer::{TestPeer, run_node_with};

/// A node that sends added items to n2, and reports to c1 the items that it learns by anti-entropy.
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
    CompareOk(BucketItems<u64>),
}

impl Gossiper {
    fn new(node: Node) -> Self {
        let gossip = Gossip::new(&node, Timing::IMMEDIATE, Request::Gossip);
        let seen = Rc::<RefCell<Seen<u64>>>::default();
        let (own_seen, reporter) = (Rc::clone(&seen), node.clone());
        let on_items = async move |ComparisonStep { from, items, is_first, .. }| {
            let items = own_seen.borrow_mut().insert_new(items);
            let body = json!({"type": "learned", "from": from, "items": items, "first": is_first});
            reporter.send("c1", &body);
        };
        gossip::spawn_anti_entropy(&gossip, &seen, |digest| Request::Compare { digest }, on_items);
        Gossiper { node, gossip, seen }
    }

    /// A gossiper that tells its neighbors that it has started.
    fn announcing(node: Node) -> Self {
        let this = Gossiper::new(node);
        this.gossip.connect(this.node.peers().map(str::to_owned));
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
                let new_items = self.seen.borrow_mut().insert_new(items);
                self.gossip.enqueue("n2", new_items);
                Reply::AddOk
            }
            Request::Gossip(batch) => {
                self.gossip.receive(from, &batch);
                self.seen.borrow_mut().insert_new(batch.items);
                Reply::GossipOk
            }
            Request::Compare { digest } => {
                Reply::CompareOk(self.seen.borrow().differing_buckets(&digest))
            }
        })
    }
}

/// Runs the first incarnation of a node, while `script` plays all others.
fn run_first_incarnation<H: Handler>(
    start: impl FnOnce(Node) -> H,
    script: impl AsyncFnOnce(&mut TestPeer),
) {
    run_node_with(Host::seeded(0), start, script);
}

/// Expects a message at this millisecond.
async fn expect_at(peer: &mut TestPeer, millis: u128, expected: &str) {
    assert_eq!(peer.receive().await, expected);
    assert!((millis..millis + 10).contains(&peer.now()), "{expected} at {}", peer.now());
}

/// Expects a `compare` request with this `msg_id`.
async fn expect_compare(peer: &mut TestPeer, who: &str, id: u64) {
    let received = peer.receive().await;
    let is_it = received
        .starts_with(&format!(r#"{who} {{"type":"compare","digest":{{"buckets":["#))
        && received.ends_with(&format!(r#"]}},"msg_id":{id}}}"#));
    assert!(is_it, "expected request {id} to {who}, got {received}");
}

const ADD: &str = r#"{"type":"add","items":[1,2]}"#;
const BATCH: &str =
    r#"n2 {"type":"gossip","incarnation":0,"cumulative_ack":0,"first_seq":0,"items":[1,2]}"#;

/// Batch between two incarnations, with its last fields as text.
fn batch(incarnation: u64, receiver_incarnation: u64, rest: &str) -> String {
    let receiver = format!(r#""receiver_incarnation":{receiver_incarnation}"#);
    format!(r#"{{"type":"gossip","incarnation":{incarnation},{receiver},{rest}}}"#)
}

/// Batch to a restarted node, from a neighbor that knows its former incarnation.
fn restart_report() -> String {
    batch(0, 1, r#""cumulative_ack":0,"first_seq":0,"items":[],"stream_base":0"#)
}

#[test]
fn a_batch_omits_default_fields_and_an_acknowledgement_is_not_acknowledged() {
    run_first_incarnation(Gossiper::new, async |peer| {
        peer.send("c1", ADD).await;
        expect_at(peer, 0, BATCH).await;
        peer.send("n2", &batch(7, 0, r#""cumulative_ack":2,"first_seq":0,"items":[3]"#)).await;
        let rest = r#""cumulative_ack":1,"ack_delay_millis":1400,"first_seq":2,"items":[]"#;
        expect_at(peer, 1400, &format!("n2 {}", batch(0, 7, rest))).await;
        peer.expect_silence(Duration::from_hours(1)).await;
        let hello =
            r#"{"type":"gossip","incarnation":8,"cumulative_ack":0,"first_seq":0,"items":[]}"#;
        peer.send("n2", hello).await;
        let rest = r#""cumulative_ack":0,"first_seq":2,"items":[],"stream_base":2"#;
        assert_eq!(peer.receive().await, format!("n2 {}", batch(0, 8, rest)));
        peer.expect_silence(Duration::from_hours(1)).await;
    });
}

#[test]
fn a_batch_is_retransmitted_until_it_is_acknowledged() {
    run_first_incarnation(Gossiper::new, async |peer| {
        peer.send("c1", ADD).await;
        expect_at(peer, 0, BATCH).await;
        let again = BATCH.replace(r#""cumu"#, r#""ack_requested":true,"cumu"#);
        for millis in [1700, 3400, 5100] {
            expect_at(peer, millis, &again).await;
        }
        peer.send("n2", &batch(0, 0, r#""cumulative_ack":2,"first_seq":0,"items":[]"#)).await;
        peer.expect_silence(Duration::from_hours(1)).await;
    });
}

#[test]
fn a_node_that_starts_sends_an_empty_batch_to_neighbors_without_items() {
    run_first_incarnation(Gossiper::announcing, async |peer| {
        peer.send("c1", ADD).await;
        expect_at(peer, 0, BATCH).await;
        let hello = BATCH.replace("n2", "n3").replace("[1,2]", "[]");
        let hello = hello.replace(r#""cumu"#, r#""ack_requested":true,"cumu"#);
        expect_at(peer, 700, &hello).await;
    });
}

#[test]
fn a_restarted_node_compares_with_the_first_neighbor_that_knows_it_and_then_with_the_others() {
    let host = Host::seeded(0).with_incarnation(1);
    run_node_with(host, Gossiper::announcing, async |peer| {
        peer.send("c1", ADD).await;
        let later = BATCH.replace(r#""incarnation":0"#, r#""incarnation":1"#);
        assert_eq!(peer.receive().await, later);
        peer.send("n3", &restart_report()).await;
        expect_compare(peer, "n3", 1).await;
        let difference = r#"{"type":"compare_ok","buckets":[],"items":[7],"in_reply_to":1}"#;
        peer.send("n3", difference).await;
        let learned = r#"c1 {"first":true,"from":"n3","items":[7],"type":"learned"}"#;
        assert_eq!(peer.receive().await, learned);
        expect_compare(peer, "n2", 2).await;
        // All of the node's items are in these buckets, and n2 has none of them.
        peer.send("n2", &batch(0, 1, r#""cumulative_ack":2,"first_seq":0,"items":[]"#)).await;
        expect_compare(peer, "n2", 3).await;
        let buckets: Vec<usize> = (0..256).collect();
        let items = r#""items":[7,8],"in_reply_to":3"#;
        let difference = format!(r#"{{"type":"compare_ok","buckets":{buckets:?},{items}}}"#);
        peer.send("n2", &difference).await;
        let learned = r#"c1 {"first":false,"from":"n2","items":[8],"type":"learned"}"#;
        let lacking = batch(1, 0, r#""cumulative_ack":0,"first_seq":2,"items":[1,2]"#);
        let mut received = [peer.receive().await, peer.receive().await];
        received.sort();
        assert_eq!(received, [learned.to_owned(), format!("n2 {lacking}")]);
    });
}

#[test]
fn a_difference_that_is_too_long_is_requested_in_parts() {
    let host = Host::seeded(0).with_incarnation(1);
    run_node_with(host, Gossiper::announcing, async |peer| {
        peer.send("n3", &restart_report()).await;
        expect_compare(peer, "n3", 1).await;
        let part =
            r#"{"type":"compare_ok","buckets":[],"items":[7],"next_index":20,"in_reply_to":1}"#;
        peer.send("n3", part).await;
        let learned = r#"c1 {"first":true,"from":"n3","items":[7],"type":"learned"}"#;
        assert_eq!(peer.receive().await, learned);
        let received = peer.receive().await;
        assert!(received.ends_with(r#"],"start_index":20},"msg_id":2}"#), "{received}");
        let rest = r#"{"type":"compare_ok","buckets":[],"items":[8],"in_reply_to":2}"#;
        peer.send("n3", rest).await;
        assert_eq!(peer.receive().await, learned.replace("[7]", "[8]"));
        // That was the last part, so the other neighbor is next.
        expect_compare(peer, "n2", 3).await;
    });
}

#[test]
fn a_first_neighbor_without_a_reply_delays_the_others_by_a_second() {
    let host = Host::seeded(0).with_incarnation(1);
    run_node_with(host, Gossiper::announcing, async |peer| {
        for neighbor in ["n2", "n3"] {
            peer.send(neighbor, &restart_report()).await;
        }
        expect_compare(peer, "n2", 1).await;
        expect_compare(peer, "n3", 2).await;
        assert!((1000..1010).contains(&peer.now()), "{}", peer.now());
        expect_compare(peer, "n2", 3).await;
        assert!((1000..1010).contains(&peer.now()), "{}", peer.now());
    });
}

#[test]
fn a_bad_batch_gets_an_error_if_it_expects_a_reply_and_has_no_effect() {
    run_first_incarnation(Gossiper::new, async |peer| {
        peer.send("n2", r#"{"type":"gossip","items":3}"#).await;
        peer.send("n2", r#"{"type":"gossip","items":3,"msg_id":1}"#).await;
        let received = peer.receive().await;
        assert!(received.starts_with(r#"n2 {"type":"error","code":12,"text":"#), "{received}");
        peer.send("c1", ADD).await;
        assert_eq!(peer.receive().await, BATCH);
    });
}
