//! How a neighbor is kept up to date, and how a node that starts catches up.

use std::time::Duration;

use glomers::gossip::{self, Neighbor, Pace, Seen};
use glomers::{Host, Node};
use serde::Deserialize;
use serde_json::json;

use super::message;
use super::peer::{Peer, converse, converse_on};

fn keep_n2_up_to_date(node: &Node, flush_millis: u64) -> Neighbor<u64> {
    let pace = Pace { flush: Duration::from_millis(flush_millis), ..Pace::default() };
    Neighbor::keep_up_to_date(node, "n2", pace, |news| json!({"type": "news", "news": news}))
}

#[test]
fn a_batch_is_repeated_until_it_is_acknowledged_and_news_waits_for_the_next() {
    let task = async |node: Node| {
        let n2 = keep_n2_up_to_date(&node, 0);
        n2.tell([1, 2]);
        tokio::time::sleep(Duration::from_millis(500)).await;
        n2.tell([3]);
        n2.tell([4, 5]);
        std::future::pending::<()>().await;
    };
    converse(task, async |peer| {
        assert_eq!(peer.hear().await, r#"n2 {"news":[1,2],"type":"news","msg_id":1}"#);
        assert_eq!(peer.hear().await, r#"n2 {"news":[1,2],"type":"news","msg_id":2}"#);
        peer.say("n2", r#"{"type":"error","code":11,"in_reply_to":2}"#).await;
        assert_eq!(peer.hear().await, r#"n2 {"news":[1,2],"type":"news","msg_id":3}"#);
        peer.say("n2", r#"{"type":"error","in_reply_to":3}"#).await;
        assert_eq!(peer.hear().await, r#"n2 {"news":[1,2],"type":"news","msg_id":4}"#);
        peer.say("n2", r#"{"type":"thanks","in_reply_to":4}"#).await;
        assert_eq!(peer.hear().await, r#"n2 {"news":[3,4,5],"type":"news","msg_id":5}"#);
        peer.say("n2", r#"{"type":"thanks","in_reply_to":5}"#).await;
        peer.hear_nothing_for(Duration::from_secs(60)).await;
    });
}

#[test]
fn two_batches_keep_their_distance_and_the_first_leaves_at_once() {
    let task = async |node: Node| {
        let n2 = keep_n2_up_to_date(&node, 200);
        for item in 0.. {
            n2.tell([item]);
            tokio::time::sleep(Duration::from_millis(90)).await;
        }
    };
    converse(task, async |peer| {
        let batches = ["[0]", "[1,2]", "[3,4]", "[5,6]"];
        for ((batch, id), millis) in batches.iter().zip(1..).zip([0, 200, 400, 600]) {
            let body = format!(r#"{{"news":{batch},"type":"news","msg_id":{id}}}"#);
            assert_eq!(peer.hear().await, format!("n2 {body}"));
            assert!((millis..millis + 10).contains(&peer.now()), "{}", peer.now());
            peer.say("n2", &format!(r#"{{"type":"news_ok","in_reply_to":{id}}}"#)).await;
        }
    });
}

#[test]
fn nothing_is_sent_without_news_and_a_dropped_neighbor_still_gets_its_own() {
    let task = async |node: Node| {
        let n2 = keep_n2_up_to_date(&node, 0);
        n2.tell([]);
        tokio::time::sleep(Duration::from_secs(60)).await;
        n2.tell([1]);
    };
    converse(task, async |peer| {
        peer.hear_nothing_for(Duration::from_secs(59)).await;
        assert_eq!(peer.outcome().await, "()");
        assert_eq!(peer.hear().await, r#"n2 {"news":[1],"type":"news","msg_id":1}"#);
    });
}

#[test]
fn what_was_seen_before_is_no_news() {
    let mut seen = Seen::default();
    assert_eq!(seen.learn([3, 1, 3]), [3, 1]);
    assert_eq!(seen.learn([1, 2, 3]), [2]);
    assert_eq!(seen.items(), [3, 1, 2]);
}

#[derive(Deserialize)]
struct Known {
    known: Vec<u64>,
}

/// A node that asks n2 for what it knows, and tells c1 what it learns.
async fn catch_up_with_n2(node: Node) {
    let teller = node.clone();
    let learn = move |from: &str, news: Vec<u64>| {
        teller.send("c1", &json!({"type": "learned", "from": from, "news": news}));
    };
    let items = |answer: Known| answer.known;
    gossip::catch_up(&node, "n2", json!({"type": "all"}), items, learn);
    std::future::pending::<()>().await;
}

async fn be_asked(peer: &mut Peer, id: u64) {
    assert_eq!(peer.hear().await, format!(r#"n2 {{"type":"all","msg_id":{id}}}"#));
}

#[test]
fn a_node_that_starts_asks_until_it_is_answered_and_once_if_there_is_nothing_to_know() {
    converse(catch_up_with_n2, async |peer| {
        be_asked(peer, 1).await;
        be_asked(peer, 2).await;
        assert!(peer.now() > 1000, "{}", peer.now());
        peer.say("n2", r#"{"type":"error","code":11,"in_reply_to":2}"#).await;
        be_asked(peer, 3).await;
        peer.say("n2", r#"{"type":"all_ok","known":[],"in_reply_to":3}"#).await;
        peer.hear_nothing_for(Duration::from_hours(1)).await;
    });
}

#[test]
fn a_neighbor_that_knows_anything_is_asked_once_more_for_what_was_on_its_way() {
    converse(catch_up_with_n2, async |peer| {
        be_asked(peer, 1).await;
        peer.say("n2", r#"{"type":"all_ok","known":[7,8],"in_reply_to":1}"#).await;
        assert_eq!(peer.hear().await, r#"c1 {"from":"n2","news":[7,8],"type":"learned"}"#);
        be_asked(peer, 2).await;
        assert!((5000..5010).contains(&peer.now()), "{}", peer.now());
        peer.say("n2", r#"{"type":"all_ok","known":[7,8,9],"in_reply_to":2}"#).await;
        assert_eq!(peer.hear().await, r#"c1 {"from":"n2","news":[7,8,9],"type":"learned"}"#);
        peer.hear_nothing_for(Duration::from_hours(1)).await;
    });
}

#[test]
fn an_acknowledgement_for_a_former_life_leaves_the_batch_on_its_way() {
    let task = async |node: Node| {
        keep_n2_up_to_date(&node, 0).tell([1]);
        std::future::pending::<()>().await;
    };
    let mut former = 0;
    converse_on(Host::seeded(1), task, async |peer| {
        peer.hear().await;
        former = peer.first_id();
    });
    converse_on(Host::seeded(2), task, async |peer| {
        assert_eq!(peer.hear().await, r#"n2 {"news":[1],"type":"news","msg_id":1}"#);
        let late = format!(r#"{{"type":"news_ok","in_reply_to":{former}}}"#);
        peer.write(&message("n2", "n1", &late)).await;
        assert_eq!(peer.hear().await, r#"n2 {"news":[1],"type":"news","msg_id":2}"#);
    });
}
