//! Challenge 6c: transactions that every node answers by itself, and that show only committed
//! writes.
//!
//! As in `txn-b`, each node has a copy of all registers, and of two writes the one with the later
//! [`LamportTimestamp`] stays. So no transaction waits for other nodes, and copies converge once
//! the network is repaired; a late or duplicated message has no later timestamp than what is there,
//! and changes nothing. The difference is that a transaction is sent as a whole: other nodes get
//! its last write to each register, all of them together, and apply them without interruption.
//!
//! # Read committed
//!
//! Read committed is the absence of G0 and G1 ("Generalized Isolation Level Definitions", Adya et
//! al., 2000):
//!
//! * **G1a**, reads of aborted writes: a malformed transaction is refused before it begins, and one
//!   that writes too much for a message before its first write.
//! * **G1b**, reads of intermediate writes: a transaction writes into its own buffer, and into the
//!   registers when it has ended, and only its last writes leave the node.
//! * **G0** and **G1c**, cycles of transactions of which each overwrote or read what the one before
//!   had written: a node's clock is never behind the timestamp of a write that it has applied, and
//!   it advances with each transaction that writes. So one that reads or overwrites a write here
//!   has a later timestamp than the one that wrote it; and where two copies are merged, the later
//!   timestamp overwrites. Along such a cycle timestamps would only grow. (A transaction that only
//!   reads has no timestamp, and is on no cycle.)
//!
//! Nothing more is promised: a read may be stale, and two nodes may each overwrite what both read.
//! No node that answers while it is cut off can promise that ("Highly Available Transactions",
//! Bailis et al., 2013).
//!
//! Transactions leave a node every [`BATCH_INTERVAL`], so many cost as few messages as one. A node
//! that is killed forgets its copy and its clock: this node is not made for kills.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use glomers::gossip::{Batch, Gossip, Timing};
use glomers::{Error, Handler, Json, Node, async_trait, check_entry_size};
use serde::{Deserialize, Serialize};

/// Time between two batches for another node. A larger value saves messages, and makes reads
/// there staler by as much.
const BATCH_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Txn {
        txn: Vec<MicroOp>,
    },
    /// From another node: its committed transactions.
    Gossip(Batch<Commit>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    TxnOk {
        txn: Vec<MicroOp>,
    },
    /// Never sent: batches have no `msg_id`. They are acknowledged by batches in return.
    GossipOk,
}

/// Function, key, and value: the one to be written, the one that was read, or null.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct MicroOp(Function, Json, Option<Json>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Function {
    #[serde(rename = "r")]
    Read,
    #[serde(rename = "w")]
    Write,
}

/// Effect of a transaction: its last write to each register.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Commit {
    stamp: LamportTimestamp,
    writes: Vec<(Json, Option<Json>)>,
}

/// Position of a transaction that writes in the total order of all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct LamportTimestamp {
    /// Time of its execution on the Lamport clock of its node.
    time: u64,
    node: String,
}

/// The handler. Clones share its state, so tasks can hold one.
#[derive(Clone)]
struct RegisterReplica {
    node: Node,
    gossip: Gossip<Commit>,
    /// Lamport clock: the time of the latest transaction that this node knows.
    clock: Rc<Cell<u64>>,
    registers: Rc<RefCell<RegisterMap>>,
}

/// Value of each key, with the timestamp of its write.
type RegisterMap = HashMap<Json, (LamportTimestamp, Option<Json>)>;

impl RegisterReplica {
    fn new(node: Node) -> Self {
        let gossip = Gossip::new(&node, Timing::every(BATCH_INTERVAL), Request::Gossip);
        RegisterReplica { node, gossip, clock: Rc::default(), registers: Rc::default() }
    }

    fn execute(&self, mut txn: Vec<MicroOp>) -> Result<Vec<MicroOp>, Error> {
        let mut writes: BTreeMap<Json, Option<Json>> = BTreeMap::new();
        for MicroOp(function, key, value) in &mut txn {
            match (function, writes.get(key)) {
                (Function::Read, Some(written)) => value.clone_from(written),
                (Function::Read, None) => *value = self.read(key),
                (Function::Write, _) => {
                    writes.insert(key.clone(), value.clone());
                }
            }
        }
        if !writes.is_empty() {
            let stamp =
                LamportTimestamp { time: self.clock.get() + 1, node: self.node.id().to_owned() };
            let commit = Commit { stamp, writes: writes.into_iter().collect() };
            check_entry_size("what the transaction writes", &commit)?;
            self.commit(commit);
        }
        Ok(txn)
    }

    fn read(&self, key: &Json) -> Option<Json> {
        self.registers.borrow().get(key)?.1.clone()
    }

    fn commit(&self, commit: Commit) {
        for peer in self.node.peers() {
            self.gossip.enqueue(peer, [commit.clone()]);
        }
        self.merge(commit);
    }

    /// Applies all writes of a transaction but those that a later one has overwritten.
    fn merge(&self, Commit { stamp, writes }: Commit) {
        self.clock.set(self.clock.get().max(stamp.time));
        let mut registers = self.registers.borrow_mut();
        for (key, value) in writes {
            if registers.get(&key).is_none_or(|(known, _)| *known < stamp) {
                registers.insert(key, (stamp.clone(), value));
            }
        }
    }
}

#[async_trait(?Send)]
impl Handler for RegisterReplica {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Txn { txn } => Reply::TxnOk { txn: self.execute(txn)? },
            Request::Gossip(batch) => {
                self.gossip.receive(from, &batch);
                batch.items.into_iter().for_each(|commit| self.merge(commit));
                Reply::GossipOk
            }
        })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(RegisterReplica::new)
}

#[cfg(test)]
mod tests {
    use eddy::checkers::availability::Goal;
    use eddy::{ConsistencyModel, Fault, Strike, Test, seeds, workload};
    use glomers::ErrorCode;
    use tokio::time::sleep;

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::TxnRwRegister,
            nodes: 2,
            rate: 1000.0,
            concurrency: "2n".parse().unwrap(),
            time_limit: Duration::from_secs(20),
            availability: Goal::Total,
            consistency_models: vec![ConsistencyModel::ReadCommitted],
            ..Test::default()
        }
    }

    #[test]
    fn every_transaction_succeeds() {
        challenge().run(RegisterReplica::new).assert_valid();
    }

    #[test]
    fn for_any_seed_partitions_keep_no_transaction_waiting() {
        let dropped = seeds(|seed| {
            let nemesis_interval = Duration::from_secs(3);
            let faults = [Fault::Partition].into();
            let test = Test { faults, nemesis_interval, seed, ..challenge() };
            let report = test.run(RegisterReplica::new);
            report.assert_valid();
            // With two nodes, some partitions cut off neither.
            let is_idle = |warning: &&String| warning.starts_with("no partition struck any node");
            assert!(report.warnings.iter().all(|warning| is_idle(&warning)), "{report}");
            report.dropped
        });
        println!(
            "{} seeds: partitions dropped messages, every transaction succeeded",
            dropped.len()
        );
        assert!(dropped.iter().sum::<u64>() > 0, "no partition cut anything");
    }

    /// Copies of the nodes: half-way through a partition, and a while after all operations.
    type Copies = [Vec<BTreeMap<String, Option<Json>>>; 2];

    /// Runs three nodes under loss and duplication, one of which is cut off for a while.
    fn copies<H: Handler>(seed: u64, start: fn(RegisterReplica) -> H) -> Copies {
        let copies: Rc<RefCell<Copies>> = Rc::default();
        let observed = Rc::clone(&copies);
        let test = Test {
            nodes: 3,
            rate: 100.0,
            time_limit: Duration::from_secs(8),
            availability: Goal::default(),
            faults: [Fault::Loss, Fault::Duplicate].into(),
            strikes: vec![Strike::partition(
                ["n0"],
                Duration::from_secs(2),
                Duration::from_secs(6),
            )],
            seed,
            ..challenge()
        };
        let report = test.run(move |node| {
            let replica = RegisterReplica::new(node.clone());
            node.spawn(observe(replica.clone(), Rc::clone(&observed)));
            start(replica)
        });
        assert!(report.dropped > 0, "{report}");
        copies.take()
    }

    async fn observe(replica: RegisterReplica, copies: Rc<RefCell<Copies>>) {
        // Operations end after 8 s, and there are some more after 18 s.
        for (place, seconds) in [(0, 5), (1, 10)] {
            sleep(Duration::from_secs(seconds)).await;
            let registers = replica.registers.borrow();
            let copy =
                registers.iter().map(|(key, (_, value))| (key.get().to_owned(), value.clone()));
            copies.borrow_mut()[place].push(copy.collect());
        }
    }

    #[test]
    fn for_any_seed_copies_converge_once_the_partition_heals() {
        seeds(|seed| {
            let [during, after] = copies(seed, |replica| replica);
            assert_ne!(during[0], during[1], "the partition kept nothing from anybody");
            assert!(after.iter().all(|copy| *copy == after[0]), "{after:?}");
        });
    }

    /// Wrong node that keeps its own of two writes, even if the other one is later.
    struct KeepsOwnWrites(RegisterReplica);

    #[async_trait(?Send)]
    impl Handler for KeepsOwnWrites {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, mut request: Request) -> anyhow::Result<Reply> {
            if let Request::Gossip(batch) = &mut request {
                let registers = self.0.registers.borrow();
                let is_known = |(key, _): &(Json, _)| registers.contains_key(key);
                batch
                    .items
                    .iter_mut()
                    .for_each(|commit| commit.writes.retain(|write| !is_known(write)));
            }
            self.0.handle(from, request).await
        }
    }

    #[test]
    fn for_any_seed_replicas_that_keep_the_earlier_write_are_caught() {
        let differ = seeds(|seed| {
            let [_, after] = copies(seed, KeepsOwnWrites);
            after[0] != after[1]
        });
        assert!(differ.contains(&true));
    }

    /// Wrong node that commits each operation of a transaction by itself.
    struct CommitsEachOperation(RegisterReplica);

    #[async_trait(?Send)]
    impl Handler for CommitsEachOperation {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            let Request::Txn { txn } = request else { return self.0.handle(from, request).await };
            let mut done = Vec::new();
            for micro_op in txn {
                done.extend(self.0.execute(vec![micro_op])?);
                sleep(Duration::from_millis(1)).await;
            }
            Ok(Reply::TxnOk { txn: done })
        }
    }

    /// Wrong node that aborts one in ten transactions after it has committed half of it.
    struct AbortsAfterCommit(RegisterReplica);

    #[async_trait(?Send)]
    impl Handler for AbortsAfterCommit {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            match request {
                Request::Txn { txn } if self.0.node.random().is_multiple_of(10) => {
                    self.0.execute(txn[..txn.len().div_ceil(2)].to_vec())?;
                    Err(ErrorCode::Abort.error("somebody else was faster").into())
                }
                request => self.0.handle(from, request).await,
            }
        }
    }

    /// Anomalies that the checker finds in a test of such nodes.
    fn reasons<H: Handler>(seed: u64, start: fn(RegisterReplica) -> H) -> String {
        let (availability, time_limit) = (Goal::default(), Duration::from_secs(3));
        let test = Test { availability, time_limit, seed, ..challenge() };
        test.run(move |node| start(RegisterReplica::new(node))).reasons.concat()
    }

    #[test]
    fn for_any_seed_a_node_that_shows_intermediate_writes_is_caught() {
        let found = seeds(|seed| reasons(seed, CommitsEachOperation));
        assert!(found.iter().any(|reasons| reasons.contains("G1b")), "{found:?}");
    }

    #[test]
    fn for_any_seed_a_node_that_shows_aborted_writes_is_caught() {
        let found = seeds(|seed| reasons(seed, AbortsAfterCommit));
        assert!(found.iter().any(|reasons| reasons.contains("G1a")), "{found:?}");
    }
}
