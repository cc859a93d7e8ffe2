//! Challenge 5c: logs that several nodes write to, with few messages and no compare-and-set.
//!
//! Each key has an owner, one of the nodes, which all nodes compute from the key. Only the owner
//! appends to the log of a key and assigns offsets, so no place is contended, and the store of
//! `kafka-b` is not needed. The owner sends every other node what it appends, in batches
//! ([`glomers::gossip`]), and each node polls its own copy: a prefix of the log, without gaps. The
//! owner of a key also keeps its committed offset.
//!
//! # Nothing is lost, duplicated or moved
//!
//! * An offset is assigned once, because only the owner assigns it. A message is shown and
//!   acknowledged when the owner has it on its disk. The disk is written in order, so a kill leaves
//!   a prefix of the log, with everything that was shown; and an owner that is restarted sends the
//!   others everything that it has.
//! * A send at another node is forwarded to the owner, and retried if the reply is lost. Each
//!   forwarded send has an id, and the owner remembers the offset that it got, so a retry gets the
//!   same one. Each also carries the id of the oldest send that is still open at its node: older
//!   ones will not be retried. So the owner forgets their offsets, and ignores those that arrive
//!   later: late duplicates, and sends that their node has given up.
//! * A copy appends the next message, and keeps a message that came too early until those before it
//!   are there. It stores both before it acknowledges them. Duplicated, late or reordered messages
//!   change nothing.
//! * Committed offsets only grow, so a late duplicate of an old commit changes nothing.
//!
//! Without storage, as under Jepsen's Maelstrom, all that holds as long as no node is killed.
//!
//! # What it costs
//!
//! With `n` nodes, a send costs two messages in `n − 1` of `n` cases, a commit or a list of commits
//! two for each other owner, a poll none; and batches cost at most `n (n − 1)` messages per
//! [`BATCH_INTERVAL`]. The price is staleness: a poll at another node lags by up to
//! [`BATCH_INTERVAL`] and the latency. While an owner cannot be reached, its keys can be polled but
//! not be sent to, where `kafka-b` can do both for as long as the store is there.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use glomers::gossip::{Batch, Gossip, Timing};
use glomers::{
    ErrorCode, Handler, Json, MessageBudget, Node, Retry, RpcError, async_trait, check_entry_size,
    join_all,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Time between two batches for another node. A larger value saves messages, and makes polls
/// there staler by as much.
const BATCH_INTERVAL: Duration = Duration::from_millis(50);

/// Time limit for an owner's reply, with retries. Longer than clients wait, which is 5 s, is in
/// vain; shorter gives up requests although the network may be repaired in time.
const OWNER_TIMEOUT: Duration = Duration::from_millis(4500);

/// Most messages of a key in a reply to a poll, if they fit ([`MessageBudget`]). More make replies
/// longer, fewer take consumers that are far behind more polls.
const POLL_LIMIT: usize = 256;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Send {
        key: String,
        msg: Json,
    },
    Poll {
        offsets: BTreeMap<String, usize>,
    },
    CommitOffsets {
        offsets: BTreeMap<String, usize>,
    },
    ListCommittedOffsets {
        keys: Vec<String>,
    },
    /// From a node that does not own the key: a send to be appended once. Sends of that node before
    /// `open_from` have ended, and will not be retried.
    Append {
        key: String,
        msg: Json,
        id: SendId,
        open_from: SendId,
    },
    /// From another node: entries of its own logs.
    Gossip(Batch<LogEntry>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    SendOk {
        offset: usize,
    },
    PollOk {
        msgs: BTreeMap<String, Vec<(usize, Json)>>,
    },
    CommitOffsetsOk,
    ListCommittedOffsetsOk {
        offsets: BTreeMap<String, usize>,
    },
    AppendOk {
        offset: usize,
    },
    /// Never sent: batches have no `msg_id`. They are acknowledged by batches in return.
    GossipOk,
}

/// Id of a forwarded send: the incarnation of its node, and a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SendId(u64, u64);

/// Record on a node's disk.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DiskRecord {
    /// Message of a log, and the forwarded send that it came from, if any.
    Entry { entry: LogEntry, forwarded: Option<(String, SendId)> },
    /// Offsets that were committed at this node.
    Committed { offsets: BTreeMap<String, usize> },
}

/// Message of a log, with its offset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LogEntry {
    key: String,
    offset: usize,
    msg: Json,
}

/// Log of a key, or the prefix of it that this node has.
///
/// `messages.len() <= next`, and `out_of_order` has only offsets above `messages.len()`.
#[derive(Debug, Default)]
struct MessageLog {
    messages: Vec<Json>,
    /// At the owner, the next offset to assign: `messages` ends before it while messages are being
    /// stored.
    next: usize,
    /// Messages whose predecessors have not come yet, by offset.
    out_of_order: BTreeMap<usize, Json>,
    /// At the owner, the committed offset.
    committed: Option<usize>,
}

impl MessageLog {
    fn insert(&mut self, offset: usize, message: Json) {
        if offset >= self.messages.len() {
            self.out_of_order.insert(offset, message);
        }
        while let Some(next) = self.out_of_order.remove(&self.messages.len()) {
            self.messages.push(next);
        }
        self.next = self.next.max(self.messages.len());
    }
}

/// Sends that another node has forwarded, with their offsets. None is older than `open_from`.
#[derive(Debug, Default)]
struct ForwardedSends {
    open_from: SendId,
    offsets: BTreeMap<SendId, usize>,
}

pub(crate) struct Kafka {
    node: Node,
    gossip: Gossip<LogEntry>,
    storage: glomers::DurableLog<DiskRecord>,
    logs: RefCell<HashMap<String, MessageLog>>,
    forwarded: RefCell<HashMap<String, ForwardedSends>>,
    /// Sends that this node is forwarding.
    open_sends: RefCell<BTreeSet<SendId>>,
    next_send: Cell<u64>,
}

impl Kafka {
    pub(crate) fn new(node: Node) -> Self {
        let (storage, records) = node.storage().log("kafka");
        let kafka = Kafka {
            gossip: Gossip::new(&node, Timing::every(BATCH_INTERVAL), Request::Gossip),
            node,
            storage,
            logs: RefCell::default(),
            forwarded: RefCell::default(),
            open_sends: RefCell::default(),
            next_send: Cell::default(),
        };
        for record in records {
            kafka.restore(record);
        }
        kafka
    }

    /// Restores a record of a former incarnation. Own entries are sent to all others, because only
    /// the former incarnation may have known them.
    fn restore(&self, record: DiskRecord) {
        match record {
            DiskRecord::Entry { entry, forwarded } => {
                if let Some((from, id)) = forwarded {
                    let mut nodes = self.forwarded.borrow_mut();
                    nodes.entry(from).or_default().offsets.insert(id, entry.offset);
                }
                self.publish(entry);
            }
            DiskRecord::Committed { offsets } => self.note_committed(offsets),
        }
    }

    /// Owner of a key, the same on all nodes, which run the same build. A node that knows of no
    /// nodes owns all keys.
    fn owner(&self, key: &str) -> &str {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        let ids = self.node.node_ids();
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
        let place = (hash as usize).checked_rem(ids.len());
        place.map_or(self.node.id(), |place| &ids[place])
    }

    /// Appends to a log of this node's own.
    async fn append(&self, key: String, msg: Json) -> anyhow::Result<usize> {
        let offset = self.assign_offset(&key);
        self.store(LogEntry { key, offset, msg }, None).await
    }

    fn assign_offset(&self, key: &str) -> usize {
        let mut logs = self.logs.borrow_mut();
        let log = logs.entry(key.to_owned()).or_default();
        log.next += 1;
        log.next - 1
    }

    /// Stores an entry of this node's own, and then shows it.
    async fn store(
        &self,
        entry: LogEntry,
        forwarded: Option<(String, SendId)>,
    ) -> anyhow::Result<usize> {
        let offset = entry.offset;
        let record = DiskRecord::Entry { entry: entry.clone(), forwarded };
        self.storage.append(&[record]).await?;
        self.publish(entry);
        Ok(offset)
    }

    /// Makes an entry visible to polls here and, if it is this node's own, sends it to all others.
    fn publish(&self, entry: LogEntry) {
        if self.owner(&entry.key) == self.node.id() {
            for peer in self.node.peers() {
                self.gossip.enqueue(peer, [entry.clone()]);
            }
        }
        let LogEntry { key, offset, msg } = entry;
        self.logs.borrow_mut().entry(key).or_default().insert(offset, msg);
    }

    /// Forwards a message to its owner, which appends it, and returns the offset.
    async fn forward(&self, key: String, msg: Json) -> Result<usize, RpcError> {
        let owner = self.owner(&key).to_owned();
        let id = SendId(self.node.incarnation(), self.next_send.get());
        self.next_send.set(self.next_send.get() + 1);
        self.open_sends.borrow_mut().insert(id);
        let open_from = self.open_sends.borrow().first().copied().unwrap_or(id);
        let appended = self.ask_owner(&owner, &Request::Append { key, msg, id, open_from }).await;
        self.open_sends.borrow_mut().remove(&id);
        appended.map(|AppendReply { offset }| offset)
    }

    /// Appends a forwarded send, unless it was appended before, and returns its offset; `None` if
    /// its node has given it up. A retry that comes before the first attempt is on disk is stored
    /// once more, and answered then.
    async fn append_idempotent(
        &self,
        from: &str,
        (id, open_from): (SendId, SendId),
        key: String,
        msg: Json,
    ) -> anyhow::Result<Option<usize>> {
        let offset = {
            let mut forwarded = self.forwarded.borrow_mut();
            let forwarded = forwarded.entry(from.to_owned()).or_default();
            forwarded.open_from = forwarded.open_from.max(open_from);
            while let Some(oldest) = forwarded.offsets.first_entry()
                && *oldest.key() < forwarded.open_from
            {
                oldest.remove();
            }
            if id < forwarded.open_from {
                return Ok(None);
            }
            *forwarded.offsets.entry(id).or_insert_with(|| self.assign_offset(&key))
        };
        let is_shown = self.logs.borrow()[&key].messages.len() > offset;
        if !is_shown {
            self.store(LogEntry { key, offset, msg }, Some((from.to_owned(), id))).await?;
        }
        Ok(Some(offset))
    }

    /// Stores entries from another node, and then shows them.
    async fn replicate(&self, from: &str, batch: Batch<LogEntry>) -> anyhow::Result<()> {
        let record = |entry: &LogEntry| DiskRecord::Entry { entry: entry.clone(), forwarded: None };
        let is_new = |entry: &&LogEntry| {
            let logs = self.logs.borrow();
            logs.get(&entry.key).is_none_or(|log| log.messages.len() <= entry.offset)
        };
        let records: Vec<DiskRecord> = batch.items.iter().filter(is_new).map(record).collect();
        self.storage.append(&records).await?;
        self.gossip.receive(from, &batch);
        batch.items.into_iter().for_each(|entry| self.publish(entry));
        Ok(())
    }

    /// Messages from these offsets on, as many as fit into one reply. A random key is first, so
    /// that none is kept waiting for good by others with many long messages. A key without messages
    /// is left out: Maelstrom's checker cannot judge a key whose polls are all empty.
    fn poll(&self, offsets: BTreeMap<String, usize>) -> BTreeMap<String, Vec<(usize, Json)>> {
        let logs = self.logs.borrow();
        let mut offsets: Vec<(String, usize)> = offsets.into_iter().collect();
        let first = self.node.random().checked_rem(offsets.len() as u64).unwrap_or_default();
        offsets.rotate_left(usize::try_from(first).unwrap_or_default());
        let mut room = MessageBudget::default();
        let polled = offsets.into_iter().filter_map(|(key, offset)| {
            let messages = logs.get(&key)?.messages.get(offset..)?.iter().take(POLL_LIMIT);
            let fit = messages.take_while(|message| room.try_reserve(*message)).cloned();
            Some((key, (offset..).zip(fit).collect()))
        });
        polled.filter(|(_, messages): &(_, Vec<_>)| !messages.is_empty()).collect()
    }

    /// Commits offsets at the owners of their keys.
    async fn commit(&self, offsets: BTreeMap<String, usize>) -> anyhow::Result<()> {
        let asks = self.by_owner(offsets).into_iter().map(async |(owner, offsets)| {
            if owner == self.node.id() {
                let committed = DiskRecord::Committed { offsets: offsets.clone() };
                self.storage.append(&[committed]).await?;
                self.note_committed(offsets);
            } else {
                let CommitReply {} =
                    self.ask_owner(&owner, &Request::CommitOffsets { offsets }).await?;
            }
            Ok(())
        });
        join_all(asks).await.into_iter().collect()
    }

    fn note_committed(&self, offsets: BTreeMap<String, usize>) {
        let mut logs = self.logs.borrow_mut();
        for (key, offset) in offsets {
            let committed = &mut logs.entry(key).or_default().committed;
            *committed = (*committed).max(Some(offset));
        }
    }

    /// Committed offsets of these keys, from their owners.
    async fn committed(&self, keys: Vec<String>) -> Result<BTreeMap<String, usize>, RpcError> {
        let owners = self.by_owner(keys.into_iter().map(|key| (key, ())));
        let asks = owners.into_iter().map(async |(owner, keys)| {
            if owner != self.node.id() {
                let keys = keys.into_keys().collect();
                return self.ask_owner(&owner, &Request::ListCommittedOffsets { keys }).await;
            }
            let logs = self.logs.borrow();
            let committed = |key: String| logs.get(&key)?.committed.map(|offset| (key, offset));
            Ok(OffsetsReply { offsets: keys.into_keys().filter_map(committed).collect() })
        });
        let replies: Result<Vec<OffsetsReply>, _> = join_all(asks).await.into_iter().collect();
        Ok(replies?.into_iter().flat_map(|OffsetsReply { offsets }| offsets).collect())
    }

    /// Groups keys, with what belongs to them, by owner, in parts that each fit into one message.
    fn by_owner<T: Serialize>(
        &self,
        items: impl IntoIterator<Item = (String, T)>,
    ) -> Vec<(String, BTreeMap<String, T>)> {
        let mut owners: BTreeMap<String, BTreeMap<String, T>> = BTreeMap::new();
        for (key, item) in items {
            owners.entry(self.owner(&key).to_owned()).or_default().insert(key, item);
        }
        let mut parts: Vec<(String, BTreeMap<String, T>)> = Vec::new();
        for (owner, items) in owners {
            let (mut part, mut room) = (BTreeMap::new(), MessageBudget::default());
            for (key, item) in items {
                if room.is_full() {
                    parts.push((owner.clone(), std::mem::take(&mut part)));
                    room = MessageBudget::default();
                }
                room.try_reserve(&(&key, &item));
                part.insert(key, item);
            }
            parts.push((owner, part));
        }
        parts
    }

    /// Sends a request to another node until it answers, for as long as a client may wait.
    async fn ask_owner<R: DeserializeOwned + 'static>(
        &self,
        owner: &str,
        request: &Request,
    ) -> Result<R, RpcError> {
        let retry = Retry { give_up_after: Some(OWNER_TIMEOUT), ..Retry::default() };
        self.node.rpc_retry(retry, owner, request).await
    }
}

/// Owner's reply to an append.
#[derive(Deserialize)]
struct AppendReply {
    offset: usize,
}

/// Owner's reply to a commit.
#[derive(Deserialize)]
struct CommitReply {}

/// Owner's list of committed offsets.
#[derive(Deserialize)]
struct OffsetsReply {
    offsets: BTreeMap<String, usize>,
}

#[async_trait(?Send)]
impl Handler for Kafka {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Send { key, msg } => {
                check_entry_size("the message with its key", &(&key, &msg))?;
                let is_owner = self.owner(&key) == self.node.id();
                let offset = if is_owner {
                    self.append(key, msg).await?
                } else {
                    self.forward(key, msg).await?
                };
                Reply::SendOk { offset }
            }
            Request::Poll { offsets } => Reply::PollOk { msgs: self.poll(offsets) },
            Request::CommitOffsets { offsets } => {
                offsets.keys().try_for_each(|key| check_entry_size("a key", key))?;
                self.commit(offsets).await?;
                Reply::CommitOffsetsOk
            }
            Request::ListCommittedOffsets { keys } => {
                keys.iter().try_for_each(|key| check_entry_size("a key", key))?;
                Reply::ListCommittedOffsetsOk { offsets: self.committed(keys).await? }
            }
            Request::Append { key, msg, id, open_from } => {
                let offset = self.append_idempotent(from, (id, open_from), key, msg).await?;
                let too_late = || ErrorCode::Abort.error("its node has given up the send");
                Reply::AppendOk { offset: offset.ok_or_else(too_late)? }
            }
            Request::Gossip(batch) => {
                self.replicate(from, batch).await?;
                Reply::GossipOk
            }
        })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(Kafka::new)
}

#[cfg(test)]
mod tests {
    use std::cell::OnceCell;
    use std::rc::Rc;

    use eddy::latency::Latency;
    use eddy::{Fault, Report, Strike, Test, Validity, seeds, workload};
    use glomers::Host;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, duplex};
    use tokio::sync::mpsc;
    use tokio::task::{LocalSet, spawn_local};
    use tokio::time::sleep;

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::Kafka,
            nodes: 2,
            concurrency: "2n".parse().unwrap(),
            rate: 1000.0,
            time_limit: Duration::from_secs(20),
            latency: Latency { mean: Duration::from_millis(10), ..Latency::default() },
            ..Test::default()
        }
    }

    #[test]
    fn an_operation_costs_less_than_one_message() {
        let report = challenge().run(Kafka::new);
        report.assert_valid();
        assert!(report.traffic.servers.msgs_per_op.is_some_and(|figure| figure < 0.7), "{report}");
    }

    #[test]
    fn for_any_seed_no_fault_moves_or_loses_a_message() {
        let dropped = seeds(|seed| {
            let together = [Fault::Partition, Fault::Loss, Fault::Duplicate].into();
            let sets = Fault::sets_to_test().into_iter().chain([together]);
            let runs = sets.map(|faults| {
                let test = Test {
                    // Three, so that a partition leaves two that reach each other.
                    nodes: 3,
                    rate: 200.0,
                    time_limit: Duration::from_secs(16),
                    faults,
                    nemesis_interval: Duration::from_secs(3),
                    // Clients wait for 5 s; after that every node can be reached.
                    faults_until: Duration::from_secs(10),
                    seed,
                    ..challenge()
                };
                let report = test.run(Kafka::new);
                report.assert_valid();
                assert!(
                    !report.warnings.concat().contains("as committed after a commit"),
                    "{report}"
                );
                report.dropped
            });
            runs.sum::<u64>()
        });
        let (seeds, dropped) = (dropped.len(), dropped.iter().sum::<u64>());
        println!("{seeds} seeds: faults dropped {dropped} messages of nodes, and none of clients");
        assert!(dropped > 0, "no fault struck anything");
    }

    /// Two nodes in virtual time, and the lines that they write.
    struct NodePair {
        inputs: BTreeMap<String, mpsc::UnboundedSender<String>>,
        lines: mpsc::UnboundedReceiver<String>,
        /// True if messages between the nodes are lost.
        is_cut: bool,
        /// Bytes of the longest line.
        longest: usize,
    }

    #[derive(Deserialize)]
    struct OutputLine {
        dest: String,
        body: serde_json::Value,
    }

    impl NodePair {
        /// Starts both nodes, and finds a key that n0 owns.
        async fn start() -> (NodePair, String) {
            let (line_sender, lines) = mpsc::unbounded_channel();
            let key: Rc<OnceCell<String>> = Rc::default();
            let mut inputs = BTreeMap::new();
            for id in ["n0", "n1"] {
                let (mut to_node, input) = duplex(1 << 16);
                let (output, from_node) = duplex(1 << 16);
                let key = Rc::clone(&key);
                let start = move |node| {
                    let kafka = Kafka::new(node);
                    let mut keys = (0..).map(|key: u64| key.to_string());
                    key.get_or_init(|| keys.find(|key| kafka.owner(key) == "n0").unwrap());
                    kafka
                };
                spawn_local(Host::seeded(0).serve_on(input, output, start));
                let (sender, mut said) = mpsc::unbounded_channel::<String>();
                spawn_local(async move {
                    while let Some(line) = said.recv().await {
                        to_node.write_all(line.as_bytes()).await.unwrap();
                    }
                });
                inputs.insert(id.to_owned(), sender);
                let (mut from_node, line_sender) =
                    (BufReader::new(from_node).lines(), line_sender.clone());
                spawn_local(async move {
                    while let Some(line) = from_node.next_line().await.unwrap() {
                        line_sender.send(line).unwrap();
                    }
                });
            }
            let mut pair = NodePair { inputs, lines, is_cut: false, longest: 0 };
            for id in ["n0", "n1"] {
                pair.ask(id, &format!(r#""type":"init","node_id":"{id}","node_ids":["n0","n1"]"#))
                    .await;
            }
            (pair, key.get().unwrap().clone())
        }

        /// Reply of a node to a request with these fields. Messages between the nodes are delivered
        /// meanwhile.
        async fn ask(&mut self, node: &str, fields: &str) -> serde_json::Value {
            let body = format!(r#"{{{fields},"msg_id":1}}"#);
            let line = format!("{{\"src\":\"c1\",\"dest\":\"{node}\",\"body\":{body}}}\n");
            self.inputs[node].send(line).unwrap();
            loop {
                let line = self.lines.recv().await.unwrap();
                self.longest = self.longest.max(line.len());
                let OutputLine { dest, body } = serde_json::from_str(&line).unwrap();
                match self.inputs.get(&dest) {
                    None => return body,
                    Some(input) if !self.is_cut => input.send(line + "\n").unwrap(),
                    Some(_) => {}
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_lags_far_behind_catches_up_in_messages_of_bounded_length() {
        const LENGTH: usize = 300_000;
        const COUNT: usize = 134;
        let run = async {
            let (mut pair, key) = NodePair::start().await;
            pair.is_cut = true;
            let message = "x".repeat(LENGTH);
            for _ in 0..COUNT {
                let send = format!(r#""type":"send","key":"{key}","msg":"{message}""#);
                assert_eq!(pair.ask("n0", &send).await["type"], "send_ok");
                sleep(BATCH_INTERVAL).await;
            }
            let poll = async |pair: &mut NodePair, offset: usize| {
                let fields = format!(r#""type":"poll","offsets":{{"{key}":{offset}}}"#);
                let reply = pair.ask("n1", &fields).await;
                reply["msgs"][&key].as_array().map_or(0, Vec::len)
            };
            assert_eq!(poll(&mut pair, 0).await, 0, "nothing was cut");
            pair.is_cut = false;
            let (mut polled, start) = (0, tokio::time::Instant::now());
            while polled < COUNT {
                polled += poll(&mut pair, polled).await;
                assert!(start.elapsed() < Duration::from_secs(20), "{polled} of {COUNT}");
                sleep(BATCH_INTERVAL).await;
            }
            // A full batch, one entry beyond it, and what is around them.
            assert!(pair.longest < (512 << 10) + LENGTH + 1024, "{} bytes", pair.longest);
        };
        LocalSet::new().run_until(run).await;
    }

    /// Node with one mistake.
    struct BuggyKafka(Kafka, KafkaBug);

    #[derive(Clone, Copy)]
    enum KafkaBug {
        /// It considers itself the owner of every key.
        OwnsEveryKey,
        /// It appends each copy of a forwarded send.
        AppendsDuplicates,
        /// It commits keys of other nodes in its own memory.
        CommitsLocally,
    }

    #[async_trait(?Send)]
    impl Handler for BuggyKafka {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            let BuggyKafka(kafka, mistake) = self;
            Ok(match (mistake, request) {
                (KafkaBug::OwnsEveryKey, Request::Send { key, msg }) => {
                    Reply::SendOk { offset: kafka.append(key, msg).await? }
                }
                (KafkaBug::AppendsDuplicates, Request::Append { key, msg, .. }) => {
                    Reply::AppendOk { offset: kafka.append(key, msg).await? }
                }
                (KafkaBug::CommitsLocally, Request::CommitOffsets { offsets }) => {
                    let mut logs = kafka.logs.borrow_mut();
                    for (key, offset) in offsets {
                        logs.entry(key).or_default().committed = Some(offset);
                    }
                    Reply::CommitOffsetsOk
                }
                (_, request) => return kafka.handle(from, request).await,
            })
        }
    }

    /// Test in which each message between nodes arrives twice.
    fn run(seed: u64, mistake: KafkaBug) -> Report {
        let time_limit = Duration::from_secs(5);
        let strikes = vec![Strike::duplicate(1.0, ["n0"], Duration::ZERO, time_limit)];
        let test = Test { strikes, time_limit, seed, ..challenge() };
        test.run(move |node| BuggyKafka(Kafka::new(node), mistake))
    }

    #[test]
    fn for_any_seed_an_offset_that_is_assigned_twice_is_noticed() {
        let verdicts = seeds(|seed| run(seed, KafkaBug::OwnsEveryKey).valid);
        assert!(verdicts.contains(&Validity::Invalid));
    }

    #[test]
    fn for_any_seed_a_send_that_is_appended_again_is_noticed() {
        let verdicts = seeds(|seed| run(seed, KafkaBug::AppendsDuplicates).valid);
        assert!(verdicts.contains(&Validity::Invalid));
    }

    #[test]
    fn for_any_seed_a_commit_that_is_forgotten_is_noticed() {
        let noticed = seeds(|seed| {
            let report = run(seed, KafkaBug::CommitsLocally);
            report.warnings.concat().contains("as committed after a commit of")
        });
        assert!(noticed.contains(&true));
    }
}
