//! Challenge 4: an exact counter, on a store that may answer with old values.
//!
//! All state is in `seq-kv`. Each node has a key of its own there, with the sum of what was added
//! at this node, and no other node writes it; the counter is the sum of all keys. So nodes never
//! conflict, and no message goes from one to another: a partition between nodes cuts nothing, and
//! each node answers for as long as it reaches the store.
//!
//! # A read misses nothing
//!
//! `seq-kv` may answer a read from the past, but never from before what its client has seen, and a
//! write of something that was never there takes effect on the newest state. So a read writes
//! first: it adds 0 to the node's own sum, under a tag that is new. From then on the store shows
//! this node nothing older, and the other keys hold at least what had been added when the read
//! began.
//!
//! # Each delta counts once
//!
//! A sum is changed by a compare-and-set from what this node wrote last, and each write has a new
//! tag. If the reply is lost, the node tries again, and either that takes effect or it fails
//! because the first attempt has, as the tag tells. A late duplicate of an old write finds a tag
//! that will never be there again, so it changes nothing. For the same reason a sum that returns to
//! a former value does no harm: its tag differs.
//!
//! One write is in progress at a time. Deltas that come meanwhile are collected, and the next write
//! takes all of them, so a slow store makes writes larger and not more. An `add` is answered when
//! the store has it. So a node that is killed loses nothing that was acknowledged, and its next
//! incarnation finds the sum in the store.
//!
//! Unless replies get lost, an add costs two messages at most, and a read two for each node.

use std::time::Duration;

use anyhow::Context as _;
use glomers::{Handler, KeyValue, Node, Retry, RpcError, async_trait, join_all};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Time limit of a client's request. Longer than clients wait, which is 5 s, is in vain; shorter
/// gives up while the store may still answer.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(4500);

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Add { delta: i64 },
    Read,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    AddOk,
    ReadOk { value: i128 },
}

/// Value in the store for one node.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Subtotal {
    /// Sum of what was added at this node; wide enough for any number of deltas.
    sum: i128,
    /// Random tag of the write.
    tag: u64,
}

/// Delta to be added, and the channel for the node's new sum.
type Addition = (i64, oneshot::Sender<i128>);

struct Counter {
    node: Node,
    store: KeyValue,
    additions: mpsc::UnboundedSender<Addition>,
}

impl Counter {
    fn new(node: Node) -> Self {
        let store = KeyValue::seq(&node);
        // Unbounded like the requests that wait for it, each for `REQUEST_TIMEOUT` at most.
        let (additions, queue) = mpsc::unbounded_channel();
        node.spawn(run_writer(node.clone(), store.clone(), queue));
        Counter { node, store, additions }
    }

    /// Adds to this node's sum, and returns the new one. From then on the store shows this node
    /// nothing older.
    async fn add(&self, delta: i64) -> anyhow::Result<i128> {
        let (done, sum) = oneshot::channel();
        self.additions.send((delta, done))?;
        let sum = timeout(REQUEST_TIMEOUT, sum).await.context("seq-kv does not answer")?;
        sum.context("the node is about to end")
    }

    /// Sum of what was added at all other nodes, as the store shows it.
    async fn sum_of_peers(&self) -> Result<i128, RpcError> {
        let retry = Retry { give_up_after: Some(REQUEST_TIMEOUT), ..Retry::default() };
        let reads = self.node.peers().map(async |peer| self.store.read_retry(retry, &peer).await);
        join_all(reads).await.into_iter().try_fold(0, |total, subtotal| {
            let subtotal: Option<Subtotal> = subtotal?;
            Ok(total + subtotal.unwrap_or_default().sum)
        })
    }
}

/// Writes additions, one write at a time.
async fn run_writer(node: Node, store: KeyValue, mut queue: mpsc::UnboundedReceiver<Addition>) {
    let mut last = Subtotal::default();
    while let Some(first) = queue.recv().await {
        let mut additions = vec![first];
        while let Ok(next) = queue.try_recv() {
            additions.push(next);
        }
        // Additions whose clients have given up have not happened, and need not.
        additions.retain(|(_, done)| !done.is_closed());
        let delta = additions.iter().map(|(delta, _)| i128::from(*delta)).sum();
        last = add_exactly_once(&node, &store, last, delta).await;
        for (_, done) in additions {
            // Fails if the client's request was given up.
            let _ = done.send(last.sum);
        }
    }
}

/// Adds to this node's sum, which is `last` as far as it knows, until it is certain that this has
/// taken effect once, and returns the value in the store.
async fn add_exactly_once(
    node: &Node,
    store: &KeyValue,
    mut last: Subtotal,
    delta: i128,
) -> Subtotal {
    let tag = node.random();
    loop {
        let next = Subtotal { sum: last.sum + delta, tag };
        match store.cas_or_create(&node.id(), &last, &next).await {
            Ok(true) => return next,
            // Another value is there: of a former incarnation, or of an earlier attempt.
            Ok(false) => match store.read(&node.id()).await {
                Ok(Some(found)) => last = found,
                // The value is not visible yet, or the reply was lost.
                Ok(None) | Err(RpcError::TimedOut { .. }) => continue,
                Err(error) => panic!("seq-kv cannot be used: {error}"),
            },
            // Perhaps it has taken effect; the next attempt finds out.
            Err(RpcError::TimedOut { .. }) => continue,
            Err(error) => panic!("seq-kv cannot be used: {error}"),
        }
        if last.tag == tag {
            return last;
        }
    }
}

#[async_trait(?Send)]
impl Handler for Counter {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Add { delta } => {
                self.add(delta).await?;
                Reply::AddOk
            }
            Request::Read => {
                let mine = self.add(0).await?;
                Reply::ReadOk { value: mine + self.sum_of_peers().await? }
            }
        })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(Counter::new)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use eddy::checkers::availability::Goal;
    use eddy::latency::Latency;
    use eddy::{Fault, Report, Strike, Test, Validity, Workload, seeds, workload};
    use tokio::time::sleep;

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::GCounter,
            nodes: 3,
            rate: 100.0,
            time_limit: Duration::from_secs(20),
            availability: Goal::Total,
            ..Test::default()
        }
    }

    #[test]
    fn an_add_costs_two_messages_and_a_read_six() {
        let report = challenge().run(Counter::new);
        report.assert_valid();
        assert!(report.traffic.servers.sent <= unbatched_messages(&report), "{report}");
    }

    #[test]
    fn a_slow_store_makes_writes_larger_and_not_more() {
        let mean = Duration::from_millis(100);
        let latency = Latency { mean, ..Latency::default() };
        let concurrency = "20n".parse().unwrap();
        let report = Test { latency, concurrency, ..challenge() }.run(Counter::new);
        report.assert_valid();
        assert!(report.traffic.servers.sent < unbatched_messages(&report) * 3 / 4, "{report}");
    }

    /// Number of messages if every operation writes by itself.
    fn unbatched_messages(report: &Report) -> u64 {
        (2 * report.ok_count("add") + 6 * report.ok_count("read")) as u64
    }

    #[test]
    fn for_any_seed_no_fault_makes_a_read_inexact() {
        seeds(|seed| {
            for workload in [&workload::GCounter as &dyn Workload, &workload::PnCounter] {
                let (faults, nodes) = ([Fault::Partition].into(), 5);
                let test = Test { workload, nodes, faults, seed, ..challenge() };
                test.run(Counter::new).assert_valid();
            }
            let lossy = [Fault::Partition, Fault::Loss, Fault::Duplicate].into();
            for faults in [lossy, Fault::ALL.into()] {
                let (workload, availability) = (&workload::PnCounter, Goal::default());
                let nemesis_interval = Duration::from_secs(2);
                let test =
                    Test { workload, faults, availability, nemesis_interval, seed, ..challenge() };
                test.run(Counter::new).assert_valid();
            }
        });
    }

    /// Challenge whose store loses and duplicates messages. No fault that is drawn strikes the
    /// store, to which all messages go.
    fn lossy_store(seed: u64) -> Test {
        let (from, until) = (Duration::ZERO, Duration::from_secs(20));
        let strikes = vec![
            Strike::lose(0.2, ["seq-kv"], from, until),
            Strike::duplicate(0.2, ["seq-kv"], from, until),
        ];
        let (workload, availability) = (&workload::PnCounter, Goal::default());
        Test { workload, strikes, availability, seed, ..challenge() }
    }

    #[test]
    fn for_any_seed_an_add_counts_once_if_messages_are_lost_or_duplicated() {
        let dropped = seeds(|seed| {
            let report = lossy_store(seed).run(Counter::new);
            report.assert_valid();
            report.dropped
        });
        let (seeds, dropped) = (dropped.len(), dropped.iter().sum::<u64>());
        println!("{seeds} seeds: {dropped} messages to the store or from it were lost, and no add");
        assert!(dropped > 0);
    }

    /// Node whose writes arrive a second time, half a second later.
    struct DelayedDuplicates(Rc<Counter>);

    #[async_trait(?Send)]
    impl Handler for DelayedDuplicates {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            let Counter { node, store, .. } = &*self.0;
            let read = async || store.read::<Subtotal>(&node.id()).await;
            let before = read().await?.unwrap_or_default();
            let reply = self.0.handle(from, request).await?;
            let after = read().await?.unwrap_or_default();
            let counter = Rc::clone(&self.0);
            node.spawn(async move {
                sleep(Duration::from_millis(500)).await;
                let again = counter.store.cas(&counter.node.id(), &before, &after).await;
                assert_eq!(again, Ok(false), "{before:?} was there again");
            });
            Ok(reply)
        }
    }

    #[test]
    fn for_any_seed_a_late_duplicate_of_a_write_changes_nothing() {
        seeds(|seed| {
            let test = Test { workload: &workload::PnCounter, seed, ..challenge() };
            test.run(|node| DelayedDuplicates(Counter::new(node).into())).assert_valid();
        });
    }

    /// Wrong node that adds again if the reply is lost.
    struct NonIdempotentRetry(Counter);

    #[async_trait(?Send)]
    impl Handler for NonIdempotentRetry {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            let Request::Add { delta } = request else {
                return self.0.handle(from, request).await;
            };
            let Counter { node, store, .. } = &self.0;
            loop {
                let last: Subtotal =
                    store.read_retry(Retry::default(), &node.id()).await?.unwrap_or_default();
                let sum = last.sum + i128::from(delta);
                let next = Subtotal { sum, tag: node.random() };
                if store.cas_or_create(&node.id(), &last, &next).await == Ok(true) {
                    return Ok(Reply::AddOk);
                }
            }
        }
    }

    #[test]
    fn for_any_seed_a_node_that_adds_again_after_a_lost_reply_is_caught() {
        let verdicts = seeds(|seed| {
            lossy_store(seed).run(|node| NonIdempotentRetry(Counter::new(node))).valid
        });
        assert!(verdicts.contains(&Validity::Invalid));
    }

    /// Wrong node that reads without a write before.
    struct StaleReads(Counter);

    #[async_trait(?Send)]
    impl Handler for StaleReads {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            if let Request::Add { .. } = request {
                return self.0.handle(from, request).await;
            }
            let Counter { node, store, .. } = &self.0;
            let mine: Subtotal = store.read(&node.id()).await?.unwrap_or_default();
            Ok(Reply::ReadOk { value: mine.sum + self.0.sum_of_peers().await? })
        }
    }

    #[test]
    fn for_any_seed_a_node_that_trusts_a_stale_read_is_caught() {
        let verdicts = seeds(|seed| {
            let test = Test { seed, ..challenge() };
            test.run(|node| StaleReads(Counter::new(node))).valid
        });
        let caught = verdicts.iter().filter(|valid| **valid == Validity::Invalid).count();
        println!("{caught} of {} seeds catch the stale reads", verdicts.len());
        assert!(caught > 0);
    }
}
