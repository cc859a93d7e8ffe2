//! Messages, calls and repeated calls of a node.

use std::time::Duration;

use glomers::{Host, Json, Node, Retry, RpcError};
use serde::{Deserialize, Serialize};

use super::peer::{TestPeer, run_task, run_task_on};
use super::{Example, INIT, message, runtime};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Ping,
    Pong { n: u64 },
}

async fn ping(node: Node) -> Result<Body, RpcError> {
    node.rpc("n2", &Body::Ping).await
}

/// Receives these pings without replying.
async fn ignore_pings(peer: &mut TestPeer, ids: impl IntoIterator<Item = u64>) {
    for id in ids {
        assert_eq!(peer.receive().await, format!(r#"n2 {{"type":"ping","msg_id":{id}}}"#));
    }
}

#[test]
fn a_one_way_message_has_no_msg_id() {
    let task = async |node: Node| {
        node.send("n3", &Body::Pong { n: u64::MAX });
        let peers: Vec<_> = node.peers().collect();
        format!("{} of {:?} with {peers:?}", node.id(), node.node_ids())
    };
    run_task(task, async |peer| {
        assert_eq!(peer.receive().await, r#"n3 {"type":"pong","n":18446744073709551615}"#);
        assert_eq!(
            peer.outcome().await.replace('\\', ""),
            r#""n1 of ["n1", "n2", "n3"] with ["n2", "n3"]""#
        );
    });
}

#[test]
fn json_that_is_passed_on_stays_on_one_line() {
    #[derive(Serialize)]
    struct Carry {
        value: Json,
    }
    let task = async |node: Node| {
        let value: Json = serde_json::from_str("[1,\n 2.0]").unwrap();
        node.send("n3", &serde_json::Map::from_iter([("type".to_owned(), "x".into())]));
        node.send("n3", &Carry { value });
    };
    run_task(task, async |peer| {
        assert_eq!(peer.receive().await, r#"n3 {"type":"x"}"#);
        assert_eq!(peer.receive().await, r#"n3 {"value":[1,  2.0]}"#);
    });
}

#[test]
fn a_call_returns_its_own_reply() {
    let task = async |node: Node| {
        tokio::join!(node.rpc::<Body>("n2", &Body::Ping), node.rpc::<Body>("n3", &Body::Ping),)
    };
    run_task(task, async |peer| {
        assert_eq!(peer.receive().await, r#"n2 {"type":"ping","msg_id":1}"#);
        assert_eq!(peer.receive().await, r#"n3 {"type":"ping","msg_id":2}"#);
        peer.send("n3", r#"{"type":"pong","n":3,"in_reply_to":2}"#).await;
        peer.send("n9", r#"{"type":"pong","n":9,"in_reply_to":9}"#).await;
        peer.send("n2", r#"{"type":"pong","n":2,"in_reply_to":1}"#).await;
        assert_eq!(peer.outcome().await, "(Ok(Pong { n: 2 }), Ok(Pong { n: 3 }))");
    });
}

#[test]
fn a_call_times_out_after_a_second_and_late_or_duplicate_replies_are_dropped() {
    let task = async |node: Node| (ping(node.clone()).await, ping(node).await);
    run_task(task, async |peer| {
        ignore_pings(peer, [1]).await;
        ignore_pings(peer, [2]).await;
        assert!((1000..1010).contains(&peer.now()), "{}", peer.now());
        peer.send("n2", r#"{"type":"pong","n":1,"in_reply_to":1}"#).await;
        peer.send("n2", r#"{"type":"pong","n":2,"in_reply_to":2}"#).await;
        peer.send("n2", r#"{"type":"pong","n":3,"in_reply_to":2,"msg_id":8}"#).await;
        let outcome = peer.outcome().await;
        assert_eq!(outcome, r#"(Err(TimedOut { dest: "n2", within: 1s }), Ok(Pong { n: 2 }))"#);
        peer.expect_silence(Duration::from_secs(60)).await;
    });
}

#[test]
fn a_reply_to_a_former_incarnation_is_dropped() {
    let mut former = 0;
    run_task_on(Host::seeded(1), ping, async |peer| {
        ignore_pings(peer, [1]).await;
        former = peer.first_id();
        peer.send("n2", r#"{"type":"pong","n":1,"in_reply_to":1}"#).await;
        assert_eq!(peer.outcome().await, "Ok(Pong { n: 1 })");
    });
    run_task_on(Host::seeded(2), ping, async |peer| {
        ignore_pings(peer, [1]).await;
        let late = format!(r#"{{"type":"pong","n":1,"in_reply_to":{former}}}"#);
        peer.write(&message("n2", "n1", &late)).await;
        peer.send("n2", r#"{"type":"pong","n":2,"in_reply_to":1}"#).await;
        assert_eq!(peer.outcome().await, "Ok(Pong { n: 2 })");
    });
}

#[test]
fn a_call_waits_for_its_timeout() {
    let task = async |node: Node| {
        node.rpc_with_timeout::<Body>(Duration::from_millis(70), "n2", &Body::Ping).await
    };
    run_task(task, async |peer| {
        ignore_pings(peer, [1]).await;
        assert_eq!(peer.outcome().await, r#"Err(TimedOut { dest: "n2", within: 70ms })"#);
        assert!((70..80).contains(&peer.now()), "{}", peer.now());
    });
}

#[test]
fn an_error_reply_and_an_unreadable_one_are_typed_errors() {
    let task = async |node: Node| (ping(node.clone()).await, ping(node).await.is_err());
    run_task(task, async |peer| {
        ignore_pings(peer, [1]).await;
        peer.send("n2", r#"{"type":"error","code":14,"in_reply_to":1}"#).await;
        ignore_pings(peer, [2]).await;
        peer.send("n2", r#"{"type":"other","in_reply_to":2}"#).await;
        let expected = r#"(Err(ErrorReply(Error { code: Abort, text: "" })), true)"#;
        assert_eq!(peer.outcome().await, expected);
    });
}

#[test]
fn a_call_is_repeated_after_timeouts_and_indefinite_errors_only() {
    let task = async |node: Node| node.rpc_retry::<Body>(Retry::default(), "n2", &Body::Ping).await;
    run_task(task, async |peer| {
        ignore_pings(peer, [1, 2]).await;
        // The first attempt took 1 s, and the pause after it 50 to 100 ms.
        assert!((1050..1110).contains(&peer.now()), "{}", peer.now());
        peer.send("n2", r#"{"type":"pong","n":1,"in_reply_to":1}"#).await;
        peer.send("n2", r#"{"type":"error","code":13,"in_reply_to":2}"#).await;
        ignore_pings(peer, [3]).await;
        peer.send("n2", r#"{"type":"pong","n":3,"in_reply_to":3}"#).await;
        assert_eq!(peer.outcome().await, "Ok(Pong { n: 3 })");
    });
    run_task(task, async |peer| {
        ignore_pings(peer, [1]).await;
        peer.send("n2", r#"{"type":"error","code":14,"in_reply_to":1}"#).await;
        assert_eq!(peer.outcome().await, r#"Err(ErrorReply(Error { code: Abort, text: "" }))"#);
    });
    run_task(task, async |peer| {
        ignore_pings(peer, [1]).await;
        peer.send("n2", r#"{"type":"other","in_reply_to":1}"#).await;
        assert!(peer.outcome().await.starts_with("Err(Unreadable"));
    });
}

#[test]
fn a_repeated_call_gives_up_in_time() {
    let task = async |node: Node| {
        let retry = Retry { give_up_after: Some(Duration::from_secs(10)), ..Retry::default() };
        node.rpc_retry::<Body>(retry, "n2", &Body::Ping).await
    };
    run_task(task, async |peer| {
        // Attempts of 1, 2, 2, 2 s and the rest, with pauses of 0.1, 0.2, 0.4, 0.8 s at most.
        ignore_pings(peer, 1..=5).await;
        assert!(peer.outcome().await.starts_with("Err(TimedOut"));
        assert!((9000..10_010).contains(&peer.now()), "{}", peer.now());
        peer.expect_silence(Duration::from_secs(60)).await;
    });
}

#[test]
fn a_call_can_have_no_time_limit() {
    let task = async |node: Node| {
        let (timeout, max_delay) = (Duration::MAX, Duration::MAX);
        let retry =
            Retry { timeout, max_delay, give_up_after: Some(Duration::MAX), ..Retry::default() };
        node.rpc_retry::<Body>(retry, "n2", &Body::Ping).await
    };
    run_task(task, async |peer| {
        ignore_pings(peer, [1]).await;
        peer.send("n2", r#"{"type":"error","code":13,"in_reply_to":1}"#).await;
        ignore_pings(peer, [2]).await;
        peer.expect_silence(Duration::from_hours(1)).await;
        peer.send("n2", r#"{"type":"pong","n":1,"in_reply_to":2}"#).await;
        assert_eq!(peer.outcome().await, "Ok(Pong { n: 1 })");
    });
}

#[test]
fn a_call_is_repeated_after_a_definite_error_if_the_policy_says_so() {
    let task = async |node: Node| {
        let retry = Retry { on_any_error: true, ..Retry::default() };
        node.rpc_retry::<Body>(retry, "n2", &Body::Ping).await
    };
    run_task(task, async |peer| {
        ignore_pings(peer, [1]).await;
        peer.send("n2", r#"{"type":"error","code":11,"in_reply_to":1}"#).await;
        ignore_pings(peer, [2]).await;
        peer.send("n2", r#"{"type":"pong","n":2,"in_reply_to":2}"#).await;
        assert_eq!(peer.outcome().await, "Ok(Pong { n: 2 })");
    });
}

#[test]
fn a_seed_repeats_its_random_numbers() {
    fn numbers(host: Host) -> Vec<u64> {
        let mut numbers = Vec::new();
        let start = |node: Node| {
            numbers.extend((0..100).map(|_| node.random()));
            Example::new(node)
        };
        runtime().block_on(host.serve_on(INIT.as_bytes(), &mut Vec::new(), start)).unwrap();
        numbers
    }
    assert_eq!(numbers(Host::seeded(7)), numbers(Host::seeded(7)));
    assert_ne!(numbers(Host::seeded(7)), numbers(Host::seeded(8)));
    assert_ne!(numbers(Host::system()), numbers(Host::system()));
}
