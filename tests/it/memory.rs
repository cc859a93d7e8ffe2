//! Memory of a node: constant during an hour of virtual time with dead peers, and during a million
//! requests.

mod cluster;

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use allocation_counter::AllocationInfo;
use glomers::gossip::{Batch, Gossip, Timing};
use glomers::{Retry, RpcError};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use cluster::{EchoNode, FIRST_CALL, MeasuredNode, NodeIo, PeerRequest, message, read_lines};

/// Bytes that may stay allocated after a long line: 1 MiB each in the input buffer and the outbox,
/// and 64 KiB in each of the two pipes.
const RETAINED_BYTES: i64 = 2 * (1 << 20) + 2 * (1 << 16) + 1024;

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const REST_OF_THE_HOUR: Duration = Duration::from_secs(3300);

#[test]
fn an_hour_of_gossip_to_dead_neighbors_allocates_only_the_backlog() {
    let cluster = MeasuredNode::start(|node| {
        let message = |batch: Batch<u64>| json!({"type": "news", "batch": batch});
        let gossip = Gossip::new(&node, Timing::IMMEDIATE, message);
        gossip.connect(["n2", "n3"].map(str::to_owned));
        for id in ["n2", "n3"] {
            gossip.enqueue(id, 0..1000);
            let gossip = gossip.clone();
            node.spawn(async move {
                tokio::task::yield_now().await;
                gossip.enqueue(id, 1000..10_000);
            });
        }
        EchoNode { node }
    });
    // In 3300 s: one batch to each of two neighbors every 1.7 s.
    check_an_hour(cluster, 3870..3890);
}

#[test]
fn an_hour_of_calls_and_messages_to_dead_peers_leaks_nothing() {
    let cluster = MeasuredNode::start(|node| {
        let [plain, short, repeated, message] = [(); 4].map(|()| node.clone());
        node.spawn(async move {
            loop {
                is_silent(plain.rpc("n2", &PeerRequest::Question).await);
            }
        });
        node.spawn(async move {
            let within = Duration::from_millis(70);
            loop {
                is_silent(short.rpc_with_timeout(within, "n2", &PeerRequest::Question).await);
            }
        });
        node.spawn(async move {
            let retry = Retry { give_up_after: Some(Duration::from_secs(10)), ..Retry::default() };
            loop {
                is_silent(repeated.rpc_retry(retry, "n3", &PeerRequest::Question).await);
            }
        });
        node.spawn(async move {
            loop {
                message.send("n9", &PeerRequest::Question);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        EchoNode { node }
    });
    // In 3300 s: 3300 calls, 3300 / 0.071 short ones, five in 10 s, and 33 000 messages.
    check_an_hour(cluster, 80_000..86_000);
}

#[test]
fn an_hour_of_requests_that_wait_for_dead_peers_leaks_nothing() {
    let mut cluster = MeasuredNode::start(|node| EchoNode { node });
    let ask = async |world: &mut NodeIo, time: Duration| {
        let began = tokio::time::Instant::now();
        while began.elapsed() < time {
            world.write(&message("c1", r#"{"type":"ask","msg_id":1}"#)).await;
            // Each request becomes a call, and is an error one second later.
            world.received += world.count_lines(Duration::from_millis(50)).await;
        }
    };
    cluster.run(async |world| ask(world, FIVE_MINUTES).await);
    cluster.io.received = 0;
    let memory = cluster.run(async |world| ask(world, REST_OF_THE_HOUR).await);
    check_flat(&memory);
    let received = cluster.io.received;
    assert!((120_000..135_000).contains(&received), "received {received}");
}

#[test]
fn a_million_requests_leak_nothing() {
    check_lines(1, |id| message("c1", &format!(r#"{{"type":"echo","echo":1.50,"msg_id":{id}}}"#)));
}

#[test]
fn a_million_unexpected_replies_leak_nothing() {
    check_lines(0, |id| {
        message("n2", &format!(r#"{{"type":"answer","value":1,"in_reply_to":{id}}}"#))
    });
}

#[test]
fn a_million_duplicate_replies_leak_nothing() {
    // The node made one call, whose reply is repeated.
    let answer = message("n2", &format!(r#"{{"type":"answer","in_reply_to":{FIRST_CALL}}}"#));
    check_lines(0, |_| answer.clone());
}

#[test]
fn a_long_line_frees_its_memory() {
    let mut cluster = MeasuredNode::start(|node| EchoNode { node });
    let echo =
        |text: &str| message("c1", &format!(r#"{{"type":"echo","echo":"{text}","msg_id":1}}"#));
    let (small, large) = (echo("x"), echo(&"x".repeat(10 << 20)));
    let say = async |world: &mut NodeIo, line: &str| {
        world.write(line).await;
        world.read_lines(1).await;
    };
    cluster.run(async |world| say(world, &small).await);
    let memory = cluster.run(async |world| {
        say(world, &large).await;
        say(world, &small).await;
    });
    assert!(memory.bytes_max > 20 << 20 && memory.bytes_current <= RETAINED_BYTES, "{memory:?}");
}

#[test]
fn a_burst_of_requests_frees_its_memory_although_a_task_stays() {
    const BURST: usize = 100_000;
    let mut cluster = MeasuredNode::start(|node| {
        node.spawn(std::future::pending());
        EchoNode { node }
    });
    let ask = format!("{}\n", message("c1", r#"{"type":"ask","msg_id":1}"#));
    let say = async |world: &mut NodeIo, times: usize| {
        let (to_node, from_node) = (&mut world.to_node, &mut world.from_node);
        let asks = ask.repeat(times);
        let (written, ()) =
            tokio::join!(to_node.write_all(asks.as_bytes()), read_lines(from_node, times));
        written.unwrap();
        world.count_lines(FIVE_MINUTES).await
    };
    cluster.run(async |world| assert_eq!(say(world, 1000).await, 1000));
    let memory = cluster.run(async |world| assert_eq!(say(world, BURST).await, BURST));
    assert!(memory.bytes_max > 50 << 20 && memory.bytes_current <= RETAINED_BYTES, "{memory:?}");
}

/// Runs an hour in which no peer replies. Checks the number of messages in the last 55 minutes, and
/// that they leak nothing.
#[track_caller]
fn check_an_hour(mut cluster: MeasuredNode, messages: Range<usize>) {
    let mut received = 0;
    cluster.run(async |world| received = world.count_lines(FIVE_MINUTES).await);
    assert!(received > messages.start / 20, "received {received}");
    let memory = cluster.run(async |world| received = world.count_lines(REST_OF_THE_HOUR).await);
    assert!(messages.contains(&received), "received {received}");
    check_flat(&memory);
}

/// Checks that there were many allocations and that nearly all were freed.
#[track_caller]
fn check_flat(memory: &AllocationInfo) {
    assert!(memory.count_total > 1000, "{memory:?}");
    assert!(memory.bytes_current.abs() <= 1024 && memory.count_current.abs() <= 8, "{memory:?}");
}

/// Sends a million lines, each with so many replies, and checks that nothing leaks.
#[track_caller]
fn check_lines(replies: usize, line: impl Fn(usize) -> String) {
    const AT_ONCE: usize = 1000;
    let mut cluster = MeasuredNode::start(|node| {
        let caller = node.clone();
        node.spawn(
            async move { drop(caller.rpc::<IgnoredAny>("n2", &PeerRequest::Question).await) },
        );
        EchoNode { node }
    });
    let say = async |world: &mut NodeIo, times: usize| {
        let mut lines = String::new();
        for round in 0..times {
            lines.clear();
            for id in 0..AT_ONCE {
                // Numbers of constant length, because longer lines need larger buffers.
                writeln!(lines, "{}", line(1_000_000 + round * AT_ONCE + id)).unwrap();
            }
            let (to_node, from_node) = (&mut world.to_node, &mut world.from_node);
            let (written, ()) = tokio::join!(
                to_node.write_all(lines.as_bytes()),
                read_lines(from_node, replies * AT_ONCE)
            );
            written.unwrap();
        }
    };
    cluster.run(async |world| say(world, 50).await);
    let memory = cluster.run(async |world| say(world, 1000).await);
    check_flat(&memory);
}

fn is_silent(outcome: Result<IgnoredAny, RpcError>) {
    assert!(matches!(outcome, Err(RpcError::TimedOut { .. })), "{outcome:?}");
}
