//! Challenge 6b: transactions that every node answers by itself, whichever others it can reach.
//!
//! Each node has a copy of all registers, executes a transaction on it at once, and sends every
//! other node what it wrote, write by write. Writes are retransmitted until they are acknowledged
//! ([`glomers::gossip`]), so copies differ while the network is partitioned, and no transaction
//! waits for it.
//!
//! # Copies converge
//!
//! Of two writes to a register the later one stays, and all nodes agree which that is: each write
//! has a [`LamportTimestamp`], the transaction's time on a Lamport clock ("Time, Clocks, and the
//! Ordering of Events in a Distributed System", 1978) with the node's id, so timestamps of
//! different nodes are never equal. So a copy depends on the set of writes that have come, not on
//! their order or number: late and duplicated messages do no harm. Once every backlog is empty, all
//! copies are equal.
//!
//! # No dirty writes
//!
//! All writes of a transaction have the same time and node, so the later of two transactions on one
//! register is the later on all, and writes never interleave (no G0 in "Generalized Isolation Level
//! Definitions", Adya et al., 2000). Read uncommitted asks for no more. Other nodes may see one
//! write of a transaction before the next, and writes that it overwrites itself; `txn-c` avoids
//! both.
//!
//! A node that is killed forgets its copy and its clock: this node is not made for kills.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use glomers::gossip::{Batch, Gossip, Timing};
use glomers::{Handler, Json, Node, async_trait, check_entry_size};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Txn {
        txn: Vec<MicroOp>,
    },
    /// From another node: its writes.
    Gossip(Batch<RegisterWrite>),
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

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RegisterWrite {
    key: Json,
    value: Option<Json>,
    stamp: LamportTimestamp,
}

/// Position of a write in the total order of all writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct LamportTimestamp {
    /// Time of the transaction on the Lamport clock of its node.
    time: u64,
    node: String,
    /// Place of the write in the transaction.
    place: usize,
}

/// The handler. Clones share its state, so tasks can hold one.
#[derive(Clone)]
struct RegisterReplica {
    node: Node,
    gossip: Gossip<RegisterWrite>,
    /// Lamport clock: the time of the latest write that this node knows.
    clock: Rc<Cell<u64>>,
    registers: Rc<RefCell<HashMap<Json, RegisterWrite>>>,
}

impl RegisterReplica {
    fn new(node: Node) -> Self {
        let gossip = Gossip::new(&node, Timing::IMMEDIATE, Request::Gossip);
        RegisterReplica { node, gossip, clock: Rc::default(), registers: Rc::default() }
    }

    fn execute(&self, mut txn: Vec<MicroOp>) -> Vec<MicroOp> {
        let (time, node) = (self.clock.get() + 1, self.node.id().to_owned());
        for (place, MicroOp(function, key, value)) in txn.iter_mut().enumerate() {
            match function {
                Function::Read => *value = self.read(key),
                Function::Write => {
                    let stamp = LamportTimestamp { time, node: node.clone(), place };
                    self.write(RegisterWrite { key: key.clone(), value: value.clone(), stamp });
                }
            }
        }
        txn
    }

    fn read(&self, key: &Json) -> Option<Json> {
        self.registers.borrow().get(key)?.value.clone()
    }

    fn write(&self, write: RegisterWrite) {
        for peer in self.node.peers() {
            self.gossip.enqueue(peer, [write.clone()]);
        }
        self.merge(write);
    }

    /// Keeps the later of two writes to a register.
    fn merge(&self, write: RegisterWrite) {
        self.clock.set(self.clock.get().max(write.stamp.time));
        let mut registers = self.registers.borrow_mut();
        if registers.get(&write.key).is_none_or(|known| known.stamp < write.stamp) {
            registers.insert(write.key.clone(), write);
        }
    }
}

#[async_trait(?Send)]
impl Handler for RegisterReplica {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Txn { txn } => {
                txn.iter().try_for_each(|micro_op| check_entry_size("an operation", micro_op))?;
                Reply::TxnOk { txn: self.execute(txn) }
            }
            Request::Gossip(batch) => {
                self.gossip.receive(from, &batch);
                batch.items.into_iter().for_each(|write| self.merge(write));
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
    use std::collections::BTreeMap;
    use std::time::Duration;

    use eddy::checkers::availability::Goal;
    use eddy::{ConsistencyModel, Fault, Strike, Test, seeds, workload};
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
            consistency_models: vec![ConsistencyModel::ReadUncommitted],
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
                registers.values().map(|write| (write.key.get().to_owned(), write.value.clone()));
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
                batch.items.retain(|write| !registers.contains_key(&write.key));
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
}
