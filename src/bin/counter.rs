//! Challenge 4: a counter that is exact, on a store that shows the past.
//!
//! All that is known is in `seq-kv`. Each node has a key of its own there, which holds the sum of
//! what was added at this node, and nobody else writes it; the counter is the sum of all keys. So
//! nodes never get in each other's way, and no message goes from one to another: a partition cuts
//! nothing, and each node answers for as long as it reaches the store.
//!
//! # A read misses nothing
//!
//! `seq-kv` may answer a read from the past, but never from before what its client has seen, and a
//! write of something that was never there takes place on the newest state. So a read first writes:
//! it adds 0 to the node's own sum, under a tag that is new. From then on the store shows this node
//! nothing older, and the other keys hold at least what had been added when the read began.
//!
//! # Each delta counts once
//!
//! A sum is changed by a compare-and-set from what this node wrote last, and what it writes has a
//! new tag each time. If the answer is lost, the node does the same again, and either that takes
//! effect or it fails because the first attempt has, as the tag tells. A duplicate of an old write
//! that comes late finds a tag that was there once and will not be again, so it changes nothing.
//! That is also why a sum that returns to a former value does no harm: its tag does not.
//!
//! One write is under way at a time. What comes meanwhile is collected, and the next write takes
//! all of it, so that a slow store makes writes larger and not more. An `add` is answered when the
//! store has it; so a node that is killed loses nothing that was acknowledged, and finds its sum in
//! its next life.
//!
//! An add costs two messages at most, a read two for each node.

use glomers::{Handler, KeyValue, Node, RpcError, async_trait, join_all};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

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
    ReadOk { value: i64 },
}

/// What the store holds for one node.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Subtotal {
    /// What was added at this node.
    sum: i64,
    /// Which write this is.
    tag: u64,
}

/// Something to be added, and who waits for the node's new sum.
type Addition = (i64, oneshot::Sender<i64>);

struct Counter {
    node: Node,
    store: KeyValue,
    additions: mpsc::UnboundedSender<Addition>,
}

impl Counter {
    fn new(node: Node) -> Self {
        let store = KeyValue::seq(&node);
        // Unbounded, as the requests are that wait for it.
        let (additions, queue) = mpsc::unbounded_channel();
        node.spawn(write(node.clone(), store.clone(), queue));
        Counter { node, store, additions }
    }

    /// Adds to this node's sum, and gives the new one. From then on the store shows this node
    /// nothing older.
    async fn add(&self, delta: i64) -> anyhow::Result<i64> {
        let (done, sum) = oneshot::channel();
        self.additions.send((delta, done))?;
        Ok(sum.await?)
    }

    /// What was added at all other nodes, as the store shows it.
    async fn others(&self) -> Result<i64, RpcError> {
        let reads = self.node.peers().map(async |peer| self.store.read(&peer).await);
        join_all(reads).await.into_iter().try_fold(0, |total, subtotal| {
            let subtotal: Option<Subtotal> = subtotal?;
            Ok(total + subtotal.unwrap_or_default().sum)
        })
    }
}

/// Writes what is to be added, one write at a time.
async fn write(node: Node, store: KeyValue, mut queue: mpsc::UnboundedReceiver<Addition>) {
    let mut last = Subtotal::default();
    while let Some(first) = queue.recv().await {
        let mut additions = vec![first];
        while let Ok(next) = queue.try_recv() {
            additions.push(next);
        }
        let delta = additions.iter().map(|(delta, _)| delta).sum();
        last = write_once(&node, &store, last, delta).await;
        for (_, done) in additions {
            // Nobody waits any longer if the client's request was given up.
            let _ = done.send(last.sum);
        }
    }
}

/// Adds to this node's sum, which was `last` as far as it knows, until it is certain that this has
/// happened, and gives what is there now.
async fn write_once(node: &Node, store: &KeyValue, mut last: Subtotal, delta: i64) -> Subtotal {
    let tag = node.random();
    loop {
        let next = Subtotal { sum: last.sum + delta, tag };
        match store.cas_or_create(&node.id(), &last, &next).await {
            Ok(true) => return next,
            // Something else is there: of a former life, or this, by an attempt before.
            Ok(false) => match store.read(&node.id()).await {
                Ok(Some(found)) => last = found,
                // What is not seen yet will be, and what was not answered is asked again.
                Ok(None) | Err(_) => continue,
            },
            // Perhaps it has happened; whoever tries again finds out.
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
                Reply::ReadOk { value: mine + self.others().await? }
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

    use eddy::checker::availability::Goal;
    use eddy::latency::Latency;
    use eddy::{Fault, Test, Validity, Workload, seeds};
    use tokio::time::sleep;

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: Workload::GCounter,
            nodes: 3,
            rate: 100.0,
            time_limit: Duration::from_secs(20),
            availability: Goal::Total,
            ..Test::default()
        }
    }

    #[test]
    fn an_operation_costs_four_messages() {
        let report = challenge().run(Counter::new);
        report.assert_valid();
        let figure = report.servers.msgs_per_op.unwrap();
        assert!(figure < 5.0, "{report}");
    }

    #[test]
    fn a_slow_store_makes_writes_larger_and_not_more() {
        let mean = Duration::from_millis(100);
        let latency = Latency { mean, ..Latency::default() };
        let concurrency = "20n".parse().unwrap();
        let report = Test { latency, concurrency, ..challenge() }.run(Counter::new);
        report.assert_valid();
        let figure = report.servers.msgs_per_op.unwrap();
        assert!(figure < 4.0, "{report}");
    }

    #[test]
    fn whatever_the_seed_no_fault_makes_a_read_inexact() {
        let struck = seeds(|seed| {
            for workload in [Workload::GCounter, Workload::PnCounter] {
                let (faults, nodes) = ([Fault::Partition].into(), 5);
                let test = Test { workload, nodes, faults, seed, ..challenge() };
                test.run(Counter::new).assert_valid();
            }
            let runs = Fault::alone_and_together().into_iter().map(|faults| {
                let (workload, availability) = (Workload::PnCounter, Goal::default());
                let nemesis_interval = Duration::from_secs(2);
                let test =
                    Test { workload, faults, availability, nemesis_interval, seed, ..challenge() };
                let report = test.run(Counter::new);
                report.assert_valid();
                report.strikes.len()
            });
            runs.sum::<usize>()
        });
        println!("{} seeds: every final read was exact", struck.len());
        assert!(struck.iter().sum::<usize>() > 0, "no fault struck anything");
    }

    /// Its writes come once more, half a second later.
    struct Haunted(Rc<Counter>);

    #[async_trait(?Send)]
    impl Handler for Haunted {
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
    fn whatever_the_seed_a_late_duplicate_of_a_write_changes_nothing() {
        seeds(|seed| {
            let test = Test { workload: Workload::PnCounter, seed, ..challenge() };
            test.run(|node| Haunted(Counter::new(node).into())).assert_valid();
        });
    }

    /// Believes what it reads, without a write before.
    struct Credulous(Counter);

    #[async_trait(?Send)]
    impl Handler for Credulous {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            if let Request::Add { .. } = request {
                return self.0.handle(from, request).await;
            }
            let Counter { node, store, .. } = &self.0;
            let mine: Subtotal = store.read(&node.id()).await?.unwrap_or_default();
            Ok(Reply::ReadOk { value: mine.sum + self.0.others().await? })
        }
    }

    #[test]
    fn whatever_the_seed_a_node_that_trusts_a_stale_read_is_caught() {
        let verdicts = seeds(|seed| {
            let test = Test { seed, ..challenge() };
            test.run(|node| Credulous(Counter::new(node))).valid
        });
        let caught = verdicts.iter().filter(|valid| **valid == Validity::Invalid).count();
        println!("{caught} of {} seeds catch the stale reads", verdicts.len());
        assert!(caught > 0);
    }
}
