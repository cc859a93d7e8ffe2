//! The chapter on Datomic: strictly serializable transactions over lists, on `lin-kv`.
//!
//! `lin-kv` holds a log of batches of transactions: a key for each place, which is written once.
//! Each node executes all batches in the order of the log on its own copy of the lists, and so has
//! the same state as all others at that place. To execute transactions, a node puts them into the
//! first place that it does not know to be taken, by a compare-and-set from nothing. If another
//! node was faster, it executes that node's batch and tries the next place.
//!
//! # Strict serializability
//!
//! Transactions take effect in the order of the log, so each sees all before it and nothing else. A
//! place is tried only when those before it are taken. So a batch comes after every batch that was
//! in the log when its requests came; and it is in the log before any of its clients is answered. A
//! batch that only reads is not written. It is executed after all batches before a place that was
//! found empty since its requests came, so it misses nothing either.
//!
//! # Lost replies, late duplicates, kills
//!
//! If the reply is lost, the node tries the same place again. If the first attempt has succeeded,
//! it finds its own batch there, which it recognizes by the tag. A late duplicate of an old attempt
//! finds its place taken. All state is in the store: a node that is killed loses nothing, and reads
//! the log when it is back. No message goes from one node to another, so faults between nodes have
//! nothing to strike.
//!
//! # What it costs
//!
//! A batch takes a round trip to the store, and two more each time that another node was faster;
//! transactions that come meanwhile form the next batch. In Maelstrom's chapter the lists are in
//! the store, below a root that a transaction swaps: there a node that lost the race must read what
//! has changed, write pages anew and swap again, while others win the next race. In return, here
//! each node has all lists in its memory, and the log is never truncated.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use glomers::{
    Handler, Json, KeyValue, MessageBudget, Node, Retry, RpcError, async_trait, check_entry_size,
    join_all,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

/// Time limit of a client's request. Longer than clients wait, which is 5 s, is in vain; shorter
/// gives up while the store may still answer.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(4500);

/// First timeout for a reply of the store. After a reply the timeout is twice the time that it
/// took; after each timeout it doubles. If it were constant, a batch that takes longer than that
/// would be sent again and again forever. Longer costs time after a loss, shorter repeats what is
/// still on its way.
const INITIAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest timeout for a reply of the store. Longer allows for a slower store, shorter repeats
/// earlier what was lost.
const MAX_TIMEOUT: Duration = Duration::from_secs(8);

/// Most places of the log that a node reads at a time when it is far behind. More let it catch up
/// sooner, fewer keep the store less busy.
const READ_AHEAD: u64 = 64;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Txn { txn: Vec<MicroOp> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    TxnOk { txn: Vec<MicroOpResult> },
}

/// Function, key, and the element that is to be appended, or null.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct MicroOp(Function, Json, Json);

/// Function, key, and the element that was appended, or the list that was read.
#[derive(Debug, Serialize)]
struct MicroOpResult(Function, Json, MicroOpValue);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Function {
    #[serde(rename = "r")]
    Read,
    Append,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum MicroOpValue {
    Read(Option<ElementList>),
    Appended(Json),
}

type ElementList = Vec<Json>;

/// Batch of transactions at a place of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TransactionBatch {
    transactions: Vec<Vec<MicroOp>>,
    /// Random tag of the batch.
    tag: u64,
}

/// Transaction, and the channel for its result.
type QueuedTransaction = (Vec<MicroOp>, oneshot::Sender<Vec<MicroOpResult>>);

struct Database {
    queue: mpsc::UnboundedSender<QueuedTransaction>,
}

impl Database {
    fn new(node: Node) -> Self {
        // Unbounded like the requests that wait for it, each for `REQUEST_TIMEOUT` at most.
        let (sender, queue) = mpsc::unbounded_channel();
        node.spawn(ListReplica::new(node.clone()).run(queue));
        Database { queue: sender }
    }
}

#[async_trait(?Send)]
impl Handler for Database {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        let Request::Txn { txn } = request;
        check_entry_size("the transaction", &txn)?;
        let (done, outcome) = oneshot::channel();
        let is_queued = self.queue.send((txn, done)).is_ok();
        anyhow::ensure!(is_queued, "the node is about to end");
        let outcome = timeout(REQUEST_TIMEOUT, outcome).await.context("lin-kv does not answer")?;
        Ok(Reply::TxnOk { txn: outcome.context("lin-kv refused the batch, see STDERR")? })
    }
}

/// Lists after a prefix of the log.
struct ListReplica {
    node: Node,
    store: KeyValue,
    lists: HashMap<Json, ElementList>,
    /// First place whose batch is not executed yet.
    end: u64,
    /// Timeout for the next reply of the store.
    store_timeout: Duration,
    /// Time from which this node may compete for a place again.
    rest_until: Instant,
}

impl ListReplica {
    fn new(node: Node) -> Self {
        let (store, lists) = (KeyValue::lin(&node), HashMap::new());
        ListReplica {
            node,
            store,
            lists,
            end: 0,
            store_timeout: INITIAL_TIMEOUT,
            rest_until: Instant::now(),
        }
    }

    /// Executes the transactions in the queue, as many at a time as fit into one message.
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<QueuedTransaction>) {
        while let Some(first) = queue.recv().await {
            sleep_until(self.rest_until).await;
            let mut room = MessageBudget::default();
            room.try_reserve(&first.0);
            let mut waiting = vec![first];
            while !room.is_full()
                && let Ok(next) = queue.try_recv()
            {
                room.try_reserve(&next.0);
                waiting.push(next);
            }
            // Transactions whose clients have given up have not happened, and need not.
            waiting.retain(|(_, client)| !client.is_closed());
            let (transactions, clients): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
            match self.execute(transactions).await {
                Ok(outcomes) => {
                    for (client, outcome) in clients.into_iter().zip(outcomes) {
                        // Fails if the client's request was given up.
                        let _ = client.send(outcome);
                    }
                }
                // Their clients get an indefinite error.
                Err(error) => eprintln!("{}: {error}", self.node.id()),
            }
        }
    }

    /// Executes transactions after all others in the log.
    async fn execute(
        &mut self,
        transactions: Vec<Vec<MicroOp>>,
    ) -> Result<Vec<Vec<MicroOpResult>>, RpcError> {
        let mut micro_ops = transactions.iter().flatten();
        if micro_ops.all(|MicroOp(function, ..)| *function == Function::Read) {
            self.apply_log(1).await?;
            return Ok(self.apply(&transactions));
        }
        let tag = self.node.random();
        let batch = Some(TransactionBatch { transactions: transactions.clone(), tag });
        loop {
            let start = Instant::now();
            let store = self.store.clone().with_timeout(self.store_timeout);
            let reply = store.cas_or_create(&self.end, &None, &batch).await;
            if reply.is_ok() {
                self.store_timeout = (2 * start.elapsed()).clamp(INITIAL_TIMEOUT, MAX_TIMEOUT);
            }
            match reply {
                Ok(true) => {
                    self.end += 1;
                    self.rest(start.elapsed());
                    return Ok(self.apply(&transactions));
                }
                Ok(false) => {
                    // The place is taken, and the next one mostly is not.
                    let executed = self.apply_log(2).await?;
                    if let Some((_, outcomes)) = executed.into_iter().find(|(of, _)| *of == tag) {
                        return Ok(outcomes);
                    }
                }
                // Perhaps the batch is there; the next attempt finds out.
                Err(RpcError::TimedOut { .. }) => {
                    self.store_timeout = MAX_TIMEOUT.min(2 * self.store_timeout);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Executes all batches up to the first empty place, and returns their tags and results. Reads
    /// `ahead` places at first, and then more at a time.
    async fn apply_log(
        &mut self,
        mut ahead: u64,
    ) -> Result<Vec<(u64, Vec<Vec<MicroOpResult>>)>, RpcError> {
        let mut executed = Vec::new();
        loop {
            let places = self.end..self.end + ahead;
            let retry =
                Retry { timeout: self.store_timeout, max_delay: MAX_TIMEOUT, ..Retry::default() };
            let read = async |place| self.store.read_retry(retry, &place).await;
            let reads = places.map(read);
            for batch in join_all(reads).await {
                let batch: Option<TransactionBatch> = batch?;
                let Some(TransactionBatch { transactions, tag }) = batch else {
                    return Ok(executed);
                };
                self.end += 1;
                executed.push((tag, self.apply(&transactions)));
            }
            ahead = READ_AHEAD.min(2 * ahead);
        }
    }

    fn apply(&mut self, transactions: &[Vec<MicroOp>]) -> Vec<Vec<MicroOpResult>> {
        let mut apply = |MicroOp(function, key, element): &MicroOp| {
            let outcome = match function {
                Function::Read => MicroOpValue::Read(self.lists.get(key).cloned()),
                Function::Append => {
                    self.lists.entry(key.clone()).or_default().push(element.clone());
                    MicroOpValue::Appended(element.clone())
                }
            };
            MicroOpResult(*function, key.clone(), outcome)
        };
        transactions.iter().map(|txn| txn.iter().map(&mut apply).collect()).collect()
    }

    /// Leaves the next place to other nodes, if there are any, for about a round trip to the store:
    /// in that time the loser of a race sees the winner's batch. With less the same node would win
    /// again and again. The time is random, as otherwise nodes in step would win and lose in the
    /// same order.
    fn rest(&mut self, round_trip: Duration) {
        if self.node.node_ids().len() > 1 {
            let thirds = [2, 3, 4][usize::from(self.node.random().to_le_bytes()[0] % 3)];
            self.rest_until = Instant::now() + round_trip * thirds / 3;
        }
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(Database::new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eddy::latency::Latency;
    use eddy::{Fault, Report, Strike, Test, Validity, seeds, workload};
    use tokio::sync::Mutex;

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::TxnListAppend,
            nodes: 3,
            concurrency: "4n".parse().unwrap(),
            rate: 100.0,
            time_limit: Duration::from_secs(20),
            latency: Latency { mean: Duration::from_millis(10), ..Latency::default() },
            ..Test::default()
        }
    }

    #[test]
    fn transactions_that_wait_share_a_place() {
        let report = challenge().run(Database::new);
        report.assert_valid();
        assert!(report.traffic.servers.msgs_per_op.is_some_and(|figure| figure < 5.0), "{report}");
    }

    #[test]
    fn a_store_that_takes_longer_than_the_first_timeout_is_waited_for() {
        let latency = Latency { mean: Duration::from_millis(700), ..Latency::default() };
        let report = Test { nodes: 1, latency, ..challenge() }.run(Database::new);
        report.assert_valid();
        assert!(report.ok_count("txn") > 20, "{report}");
    }

    #[test]
    fn for_any_seed_no_fault_undoes_a_transaction() {
        let struck = seeds(|seed| {
            let runs = [0, 10].map(|millis| {
                let test = Test {
                    nodes: 5,
                    time_limit: Duration::from_secs(16),
                    latency: Latency { mean: Duration::from_millis(millis), ..Latency::default() },
                    faults: Fault::ALL.into(),
                    nemesis_interval: Duration::from_secs(2),
                    // Clients wait for 5 s; after that every node can be reached.
                    faults_until: Duration::from_secs(10),
                    seed,
                    ..challenge()
                };
                let report = test.run(Database::new);
                report.assert_valid();
                report.strikes.len()
            });
            runs.into_iter().sum::<usize>()
        });
        println!("{} seeds: every history was strictly serializable", struck.len());
        assert!(struck.iter().sum::<usize>() > 0, "no fault struck anything");
    }

    /// Challenge whose store loses and duplicates messages. No fault that is drawn strikes the
    /// store, to which all messages go.
    fn lossy_store(seed: u64) -> Test {
        let (from, until) = (Duration::ZERO, Duration::from_secs(20));
        let strikes = vec![
            Strike::lose(0.1, ["lin-kv"], from, until),
            Strike::duplicate(0.2, ["lin-kv"], from, until),
        ];
        Test { strikes, seed, ..challenge() }
    }

    #[test]
    fn for_any_seed_a_transaction_happens_once_if_messages_are_lost_or_duplicated() {
        let dropped = seeds(|seed| {
            let report = lossy_store(seed).run(Database::new);
            report.assert_valid();
            report.dropped
        });
        let (seeds, dropped) = (dropped.len(), dropped.iter().sum::<u64>());
        println!("{seeds} seeds: {dropped} messages to the store or from it were lost");
        assert!(dropped > 0);
    }

    /// Node with one mistake.
    struct BuggyDatabase(Mutex<ListReplica>, DatabaseBug);

    #[derive(Clone, Copy, PartialEq)]
    enum DatabaseBug {
        /// It reads its copy without looking for new batches.
        ReadsStale,
        /// It reads whether a place is taken, and then writes it.
        OverwritesPlaces,
        /// It tries the next place if the reply is lost.
        TakesTwoPlaces,
    }

    impl BuggyDatabase {
        fn new(node: Node, mistake: DatabaseBug) -> BuggyDatabase {
            BuggyDatabase(Mutex::new(ListReplica::new(node)), mistake)
        }
    }

    #[async_trait(?Send)]
    impl Handler for BuggyDatabase {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
            let Request::Txn { txn } = request;
            let reads = txn.iter().all(|MicroOp(function, ..)| *function == Function::Read);
            let (mut replica, txn) = (self.0.lock().await, vec![txn]);
            if self.1 == DatabaseBug::ReadsStale && reads {
                return Ok(Reply::TxnOk { txn: replica.apply(&txn).remove(0) });
            }
            if self.1 == DatabaseBug::OverwritesPlaces && !reads {
                let batch =
                    TransactionBatch { transactions: txn.clone(), tag: replica.node.random() };
                replica.apply_log(1).await?;
                replica.store.write(&replica.end, &batch).await?;
                replica.end += 1;
                return Ok(Reply::TxnOk { txn: replica.apply(&txn).remove(0) });
            }
            if self.1 == DatabaseBug::TakesTwoPlaces && !reads {
                let batch = Some(TransactionBatch { transactions: txn.clone(), tag: 0 });
                while replica.store.cas_or_create(&replica.end, &None, &batch).await != Ok(true) {
                    replica.apply_log(1).await?;
                }
                replica.end += 1;
                return Ok(Reply::TxnOk { txn: replica.apply(&txn).remove(0) });
            }
            let mut outcomes = replica.execute(txn).await?;
            Ok(Reply::TxnOk { txn: outcomes.remove(0) })
        }
    }

    /// Test with two lists, and so few transactions that nodes are not always up to date.
    fn run(seed: u64, mistake: DatabaseBug) -> Report {
        let (key_count, max_writes_per_key, rate) = (2, 1000, 20.0);
        let test = Test { key_count, max_writes_per_key, rate, seed, ..challenge() };
        test.run(move |node| BuggyDatabase::new(node, mistake))
    }

    #[test]
    fn for_any_seed_a_node_that_reads_the_past_is_caught() {
        let found = seeds(|seed| run(seed, DatabaseBug::ReadsStale).reasons.concat());
        assert!(found.iter().any(|reasons| reasons.contains("realtime")), "{found:?}");
    }

    #[test]
    fn for_any_seed_a_node_that_takes_the_place_of_another_batch_is_caught() {
        let verdicts = seeds(|seed| run(seed, DatabaseBug::OverwritesPlaces).valid);
        assert!(verdicts.contains(&Validity::Invalid));
    }

    #[test]
    fn for_any_seed_a_batch_that_is_put_into_two_places_is_caught() {
        let verdicts = seeds(|seed| {
            let test = lossy_store(seed);
            test.run(|node| BuggyDatabase::new(node, DatabaseBug::TakesTwoPlaces)).valid
        });
        assert!(verdicts.contains(&Validity::Invalid));
    }
}
