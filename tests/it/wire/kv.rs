//! Requests of the clients of Maelstrom's services, and their results for each reply.

use std::fmt::Debug;
use std::time::Duration;

use glomers::{KeyValue, Node, TimestampOracle};

use super::peer::run_task;

/// Runs one operation against a service that replies with this body.
fn check<T: Debug>(
    call: impl AsyncFnOnce(Node) -> T + 'static,
    request: &str,
    answer: &str,
    expected: &str,
) {
    run_task(call, async |peer| {
        assert_eq!(peer.receive().await, request);
        let (service, _) = request.split_once(' ').unwrap();
        peer.send(service, answer).await;
        assert_eq!(peer.outcome().await, expected);
    });
}

/// [`check`] with a reply of a wrong type.
fn check_unreadable<T: Debug>(
    call: impl AsyncFnOnce(Node) -> T + 'static,
    request: &str,
    answer: &str,
) {
    run_task(call, async |peer| {
        assert_eq!(peer.receive().await, request);
        let (service, _) = request.split_once(' ').unwrap();
        peer.send(service, answer).await;
        let outcome = peer.outcome().await;
        assert!(outcome.starts_with("Err(Unreadable"), "{outcome}");
    });
}

#[test]
fn a_read_finds_a_value_or_none() {
    let read = async |node: Node| KeyValue::seq(&node).read::<u64>(&"k").await;
    let request = r#"seq-kv {"type":"read","key":"k","msg_id":1}"#;
    check(read, request, r#"{"type":"read_ok","value":5,"in_reply_to":1}"#, "Ok(Some(5))");
    check(read, request, r#"{"type":"error","code":20,"in_reply_to":1}"#, "Ok(None)");
    let error = r#"{"type":"error","code":11,"text":"later","in_reply_to":1}"#;
    let refused = r#"Err(ErrorReply(Error { code: TemporarilyUnavailable, text: "later" }))"#;
    check(read, request, error, refused);
}

#[test]
fn a_write_returns_only_that_it_succeeded() {
    let write = async |node: Node| KeyValue::lww(&node).write(&7, &[1, 2]).await;
    let request = r#"lww-kv {"type":"write","key":7,"value":[1,2],"msg_id":1}"#;
    check(write, request, r#"{"type":"write_ok","in_reply_to":1}"#, "Ok(())");
    check_unreadable(write, request, r#"{"type":"cas_ok","in_reply_to":1}"#);
}

#[test]
fn a_compare_and_set_returns_true_if_it_succeeded() {
    let cas = async |node: Node| KeyValue::lin(&node).cas(&"k", &1, &2).await;
    let request = r#"lin-kv {"type":"cas","key":"k","from":1,"to":2,"msg_id":1}"#;
    check(cas, request, r#"{"type":"cas_ok","in_reply_to":1}"#, "Ok(true)");
    check(cas, request, r#"{"type":"error","code":22,"in_reply_to":1}"#, "Ok(false)");
    check(cas, request, r#"{"type":"error","code":20,"in_reply_to":1}"#, "Ok(false)");
    let crash = r#"{"type":"error","code":13,"in_reply_to":1}"#;
    check(cas, request, crash, r#"Err(ErrorReply(Error { code: Crash, text: "" }))"#);
    check_unreadable(cas, request, r#"{"type":"write_ok","in_reply_to":1}"#);
}

#[test]
fn a_compare_and_set_creates_a_key_only_on_request() {
    let cas = async |node: Node| KeyValue::lin(&node).cas_or_create(&"k", &1, &2).await;
    let request =
        r#"lin-kv {"type":"cas","key":"k","from":1,"to":2,"create_if_not_exists":true,"msg_id":1}"#;
    check(cas, request, r#"{"type":"cas_ok","in_reply_to":1}"#, "Ok(true)");
}

#[test]
fn the_oracle_returns_timestamps() {
    let timestamp = async |node: Node| TimestampOracle::new(&node).timestamp().await;
    let request = r#"lin-tso {"type":"ts","msg_id":1}"#;
    check(timestamp, request, r#"{"type":"ts_ok","ts":123,"in_reply_to":1}"#, "Ok(123)");
    check_unreadable(timestamp, request, r#"{"type":"ts","in_reply_to":1}"#);
}

#[test]
fn an_operation_times_out_after_the_callers_timeout() {
    #[track_caller]
    fn check<T: Debug>(call: impl AsyncFnOnce(Node) -> T + 'static, millis: u128) {
        run_task(call, async |peer| {
            peer.receive().await;
            let outcome = peer.outcome().await;
            assert!(outcome.starts_with("Err(TimedOut"), "{outcome}");
            assert!((millis..millis + 10).contains(&peer.now()), "{}", peer.now());
        });
    }
    const MILLIS_300: Duration = Duration::from_millis(300);
    check(async |node: Node| KeyValue::lin(&node).write(&"k", &1).await, 1000);
    check(
        async |node: Node| KeyValue::lin(&node).with_timeout(MILLIS_300).write(&"k", &1).await,
        300,
    );
    check(async |node: Node| TimestampOracle::new(&node).timestamp().await, 1000);
    check(
        async |node: Node| TimestampOracle::new(&node).with_timeout(MILLIS_300).timestamp().await,
        300,
    );
}
