//! Challenge 5b: logs that several nodes write to, kept in `lin-kv`.
//!
//! The store has a key for each place in a log, [key, offset], and a place is written once. To
//! send, a node puts the message into the first place that it does not know to be taken, by a
//! compare-and-set from nothing; if another node was faster, it tries the next one. So no two
//! messages have the same offset. A place is tried only when those before it are taken, so no log
//! has a gap, and a node that finds a place empty has seen the log to its end.
//!
//! Besides the messages, the store has only what else must be agreed upon: [key, "committed"], the
//! highest committed offset. The length of a log follows from its places. A node caches the places
//! that it has seen; they never change, so the cache is never stale.
//!
//! # Late duplicates and lost replies
//!
//! If the reply to a compare-and-set is lost, the node tries the same place again. If the first
//! attempt has succeeded, it finds its own message there, which it recognizes by the tag. A late
//! duplicate of an old attempt finds its place taken. A commit is a compare-and-set as well, and
//! committed offsets only grow, so a late duplicate finds another value than it expects. No message
//! goes from one node to another, so faults between nodes have nothing to strike.
//!
//! # What it costs
//!
//! A send takes a round trip to the store, and two more for each place that another node was faster
//! to take; sends of one node to the same log take turns. A poll reads on from what the node has
//! cached until a place is empty, half as many places at a time as it has found. A commit takes two
//! round trips. `kafka-c` needs far less.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use glomers::{
    Handler, Json, KeyValue, MessageBudget, Node, Retry, RpcError, async_trait, check_entry_size,
    join_all,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Time limit of a client's request. Longer than clients wait, which is 5 s, is in vain; shorter
/// gives up while the store may still answer.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(4500);

/// Most messages of a key in a reply to a poll, if they fit ([`MessageBudget`]). More make replies
/// longer and take more round trips to the store, fewer take consumers that are far behind more
/// polls.
const POLL_LIMIT: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Send { key: String, msg: Json },
    Poll { offsets: BTreeMap<String, usize> },
    CommitOffsets { offsets: BTreeMap<String, usize> },
    ListCommittedOffsets { keys: Vec<String> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    SendOk { offset: usize },
    PollOk { msgs: BTreeMap<String, Vec<(usize, Json)>> },
    CommitOffsetsOk,
    ListCommittedOffsetsOk { offsets: BTreeMap<String, usize> },
}

/// Message at a place of a log.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct LogEntry {
    message: Json,
    /// Random tag of the send.
    tag: u64,
}

pub(crate) struct Kafka {
    node: Node,
    store: KeyValue,
    /// Messages that this node has seen in the store, by key and offset.
    cache: RefCell<HashMap<String, BTreeMap<usize, Json>>>,
    /// Locks by which sends to a key take turns.
    send_locks: RefCell<HashMap<String, Rc<Mutex<()>>>>,
}

impl Kafka {
    pub(crate) fn new(node: Node) -> Self {
        Kafka {
            store: KeyValue::lin(&node),
            node,
            cache: RefCell::default(),
            send_locks: RefCell::default(),
        }
    }

    /// Appends a message to a log, and returns its offset.
    async fn send(&self, key: &str, message: Json) -> Result<usize, RpcError> {
        let tag = self.node.random();
        let entry = Some(LogEntry { message: message.clone(), tag });
        let turn = Rc::clone(self.send_locks.borrow_mut().entry(key.to_owned()).or_default());
        let _turn = turn.lock().await;
        let mut offset = self.known_end(key);
        // It doubles with each attempt, for an entry that takes long on its way.
        let mut within = Retry::default().timeout;
        loop {
            let store = self.store.clone().with_timeout(within);
            match store.cas_or_create(&(key, offset), &None, &entry).await {
                Ok(true) => break,
                Ok(false) => {}
                // Perhaps the entry is there; the next attempt finds out.
                Err(RpcError::TimedOut { .. }) => {
                    within *= 2;
                    continue;
                }
                Err(error) => return Err(error),
            }
            let Some(found) = self.entry(key, offset).await? else { continue };
            if found.tag == tag {
                break;
            }
            self.remember(key, offset, found.message);
            offset = self.known_end(key);
        }
        self.remember(key, offset, message);
        Ok(offset)
    }

    async fn poll(&self, key: &str, offset: usize) -> Result<Vec<(usize, Json)>, RpcError> {
        let (mut messages, mut next, mut ahead) = (Vec::new(), offset, 1);
        let mut room = MessageBudget::default();
        while messages.len() < POLL_LIMIT {
            let places = next..next.saturating_add(ahead);
            let reads = places.map(async |place| (place, self.message(key, place).await));
            for (place, message) in join_all(reads).await {
                let Some(message) = message?.filter(|message| room.try_reserve(message)) else {
                    return Ok(messages);
                };
                messages.push((place, message));
                next = place + 1;
            }
            ahead = (messages.len() / 2).max(1).min(POLL_LIMIT - messages.len());
        }
        Ok(messages)
    }

    /// Message at this place, if it is taken.
    async fn message(&self, key: &str, offset: usize) -> Result<Option<Json>, RpcError> {
        let seen = self.cache.borrow().get(key).and_then(|places| places.get(&offset)).cloned();
        if seen.is_some() {
            return Ok(seen);
        }
        let entry = self.entry(key, offset).await?;
        Ok(entry.map(|LogEntry { message, .. }| {
            self.remember(key, offset, message.clone());
            message
        }))
    }

    async fn entry(&self, key: &str, offset: usize) -> Result<Option<LogEntry>, RpcError> {
        self.store.read_retry(Retry::default(), &(key, offset)).await
    }

    /// Commits this offset, unless a higher one is committed already.
    async fn commit(&self, key: &str, offset: usize) -> Result<(), RpcError> {
        loop {
            let committed = self.committed(key).await?;
            if committed >= Some(offset) {
                return Ok(());
            }
            let place = (key, "committed");
            match self.store.cas_or_create(&place, &committed, &Some(offset)).await {
                // The next read shows if it has taken effect.
                Ok(false) | Err(RpcError::TimedOut { .. }) => {}
                done => return done.map(|_| ()),
            }
        }
    }

    async fn committed(&self, key: &str) -> Result<Option<usize>, RpcError> {
        self.store.read_retry(Retry::default(), &(key, "committed")).await
    }

    /// First place that this node does not know to be taken.
    fn known_end(&self, key: &str) -> usize {
        let seen = self.cache.borrow();
        seen.get(key).and_then(|places| places.last_key_value()).map_or(0, |(last, _)| last + 1)
    }

    fn remember(&self, key: &str, offset: usize, message: Json) {
        self.cache.borrow_mut().entry(key.to_owned()).or_default().insert(offset, message);
    }
}

#[async_trait(?Send)]
impl Handler for Kafka {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        timeout(REQUEST_TIMEOUT, self.answer(request)).await.context("lin-kv does not answer")?
    }
}

impl Kafka {
    /// As many of these messages as fit into one reply. A random key is first, so that none is kept
    /// waiting for good by others with many long messages. A key without messages is left out:
    /// Maelstrom's checker cannot judge a key whose polls are all empty.
    fn fit_reply(
        &self,
        mut polled: Vec<(String, Vec<(usize, Json)>)>,
    ) -> BTreeMap<String, Vec<(usize, Json)>> {
        let first = self.node.random().checked_rem(polled.len() as u64).unwrap_or_default();
        polled.rotate_left(usize::try_from(first).unwrap_or_default());
        let mut room = MessageBudget::default();
        for (_, messages) in &mut polled {
            let fit = messages.iter().take_while(|(_, message)| room.try_reserve(message)).count();
            messages.truncate(fit);
        }
        polled.into_iter().filter(|(_, messages)| !messages.is_empty()).collect()
    }

    async fn answer(&self, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Send { key, msg } => {
                check_entry_size("the message with its key", &(&key, &msg))?;
                Reply::SendOk { offset: self.send(&key, msg).await? }
            }
            Request::Poll { offsets } => {
                let polls = offsets.into_iter().map(async |(key, offset)| {
                    self.poll(&key, offset).await.map(|messages| (key, messages))
                });
                let polled: Result<Vec<_>, _> = join_all(polls).await.into_iter().collect();
                Reply::PollOk { msgs: self.fit_reply(polled?) }
            }
            Request::CommitOffsets { offsets } => {
                offsets.keys().try_for_each(|key| check_entry_size("a key", key))?;
                let commits = offsets.into_iter();
                let commits = commits.map(async |(key, offset)| self.commit(&key, offset).await);
                join_all(commits).await.into_iter().collect::<Result<(), _>>()?;
                Reply::CommitOffsetsOk
            }
            Request::ListCommittedOffsets { keys } => {
                keys.iter().try_for_each(|key| check_entry_size("a key", key))?;
                let reads = keys.into_iter().map(async |key| {
                    let committed = self.committed(&key).await?;
                    Ok::<_, RpcError>(committed.map(|offset| (key, offset)))
                });
                let offsets: Result<Vec<_>, _> = join_all(reads).await.into_iter().collect();
                Reply::ListCommittedOffsetsOk { offsets: offsets?.into_iter().flatten().collect() }
            }
        })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(Kafka::new)
}

#[cfg(test)]
mod tests {
    use eddy::latency::Latency;
    use eddy::{Fault, Report, Strike, Test, Validity, seeds, workload};

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::Kafka,
            nodes: 2,
            concurrency: "2n".parse().unwrap(),
            rate: 1000.0,
            time_limit: Duration::from_secs(20),
            ..Test::default()
        }
    }

    /// Challenge with a store so far away that sends of different nodes conflict.
    fn distant_store() -> Test {
        let latency = Latency { mean: Duration::from_millis(10), ..Latency::default() };
        Test { latency, ..challenge() }
    }

    #[test]
    fn every_message_has_its_offset() {
        challenge().run(Kafka::new).assert_valid();
    }

    #[test]
    fn for_any_seed_no_fault_moves_or_loses_a_message() {
        seeds(|seed| {
            let between_nodes = [Fault::Partition, Fault::Loss, Fault::Duplicate].into();
            for faults in [[Fault::Partition].into(), between_nodes, Fault::ALL.into()] {
                let test = Test {
                    faults,
                    nemesis_interval: Duration::from_secs(3),
                    // Clients wait for 5 s; after that every node can be reached.
                    faults_until: Duration::from_secs(12),
                    seed,
                    ..distant_store()
                };
                check_valid(&test.run(Kafka::new));
            }
        });
    }

    #[track_caller]
    fn check_valid(report: &Report) {
        report.assert_valid();
        assert!(!report.warnings.concat().contains("as committed after a commit of"), "{report}");
    }

    /// Challenge whose store loses and duplicates messages. No fault that is drawn strikes the
    /// store, to which all messages go.
    fn lossy_store(seed: u64) -> Test {
        let (from, until) = (Duration::ZERO, Duration::from_secs(20));
        let strikes = vec![
            Strike::lose(0.1, ["lin-kv"], from, until),
            Strike::duplicate(0.2, ["lin-kv"], from, until),
        ];
        Test { strikes, seed, ..distant_store() }
    }

    #[test]
    fn for_any_seed_a_message_is_there_once_if_messages_are_lost_or_duplicated() {
        let dropped = seeds(|seed| {
            let report = lossy_store(seed).run(Kafka::new);
            check_valid(&report);
            report.dropped
        });
        let (seeds, dropped) = (dropped.len(), dropped.iter().sum::<u64>());
        println!("{seeds} seeds: {dropped} messages to the store or from it were lost");
        assert!(dropped > 0);
    }

    /// Wrong node that tries the next place if the reply is lost.
    struct NonIdempotentSend(Kafka);

    #[async_trait(?Send)]
    impl Handler for NonIdempotentSend {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            let Request::Send { key, msg } = request else {
                return self.0.handle(from, request).await;
            };
            let mut offset = self.0.known_end(&key);
            let entry = Some(LogEntry { message: msg.clone(), tag: 0 });
            while self.0.store.cas_or_create(&(&key, offset), &None, &entry).await != Ok(true) {
                offset += 1;
            }
            Ok(Reply::SendOk { offset })
        }
    }

    #[test]
    fn for_any_seed_a_message_that_is_put_into_two_places_is_noticed() {
        let verdicts =
            seeds(|seed| lossy_store(seed).run(|node| NonIdempotentSend(Kafka::new(node))).valid);
        assert!(verdicts.contains(&Validity::Invalid));
    }

    /// Wrong node that reads whether a place is taken, and then writes it.
    struct ReadThenWrite(Kafka);

    #[async_trait(?Send)]
    impl Handler for ReadThenWrite {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            let Request::Send { key, msg } = request else {
                return self.0.handle(from, request).await;
            };
            let mut offset = self.0.known_end(&key);
            while self.0.message(&key, offset).await?.is_some() {
                offset += 1;
            }
            let entry = Some(LogEntry { message: msg.clone(), tag: self.0.node.random() });
            self.0.store.write(&(&key, offset), &entry).await?;
            self.0.remember(&key, offset, msg);
            Ok(Reply::SendOk { offset })
        }
    }

    #[test]
    fn for_any_seed_an_offset_that_is_assigned_twice_is_noticed() {
        let verdicts = seeds(|seed| {
            Test { seed, ..distant_store() }.run(|node| ReadThenWrite(Kafka::new(node))).valid
        });
        assert!(verdicts.contains(&Validity::Invalid));
    }

    /// Wrong node that keeps commits in its own memory.
    struct LocalCommits(Kafka, RefCell<BTreeMap<String, usize>>);

    #[async_trait(?Send)]
    impl Handler for LocalCommits {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            match request {
                Request::CommitOffsets { offsets } => {
                    self.1.borrow_mut().extend(offsets);
                    Ok(Reply::CommitOffsetsOk)
                }
                Request::ListCommittedOffsets { .. } => {
                    Ok(Reply::ListCommittedOffsetsOk { offsets: self.1.borrow().clone() })
                }
                request => self.0.handle(from, request).await,
            }
        }
    }

    #[test]
    fn for_any_seed_a_commit_that_is_forgotten_is_noticed() {
        let noticed = seeds(|seed| {
            let test = Test { seed, ..distant_store() };
            let report = test.run(|node| LocalCommits(Kafka::new(node), RefCell::default()));
            report.warnings.concat().contains("as committed after a commit of")
        });
        assert!(noticed.contains(&true));
    }
}
