//! Challenge 5a: logs on a single node.
//!
//! A log is a list, and a message's offset is its place in it. The handler never waits, so requests
//! are handled one after the other: no offset is assigned twice, and a poll returns the log as far
//! as it goes.
//!
//! Committed offsets never decrease: the slower of two consumers does not undo the commits of the
//! other. Only clients send messages to the node, so none arrives twice.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use glomers::{Handler, Json, MessageBudget, Node, async_trait};
use serde::{Deserialize, Serialize};

/// Most messages of a key in a reply to a poll, if they fit ([`MessageBudget`]). More make replies
/// longer, fewer take consumers that are far behind more polls.
const POLL_LIMIT: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Send { key: String, msg: Json },
    Poll { offsets: BTreeMap<String, usize> },
    CommitOffsets { offsets: BTreeMap<String, usize> },
    ListCommittedOffsets { keys: Vec<String> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    SendOk { offset: usize },
    PollOk { msgs: BTreeMap<String, Vec<(usize, Json)>> },
    CommitOffsetsOk,
    ListCommittedOffsetsOk { offsets: BTreeMap<String, usize> },
}

struct Kafka {
    node: Node,
    logs: RefCell<HashMap<String, MessageLog>>,
}

#[derive(Default)]
struct MessageLog {
    messages: Vec<Json>,
    committed: Option<usize>,
}

impl Kafka {
    fn new(node: Node) -> Self {
        Kafka { node, logs: RefCell::default() }
    }

    fn send(&self, key: String, message: Json) -> usize {
        let mut logs = self.logs.borrow_mut();
        let messages = &mut logs.entry(key).or_default().messages;
        messages.push(message);
        messages.len() - 1
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

    fn commit(&self, offsets: BTreeMap<String, usize>) {
        let mut logs = self.logs.borrow_mut();
        for (key, offset) in offsets {
            let committed = &mut logs.entry(key).or_default().committed;
            *committed = (*committed).max(Some(offset));
        }
    }

    fn committed(&self, keys: Vec<String>) -> BTreeMap<String, usize> {
        let logs = self.logs.borrow();
        let committed = |key: String| logs.get(&key)?.committed.map(|offset| (key, offset));
        keys.into_iter().filter_map(committed).collect()
    }
}

#[async_trait(?Send)]
impl Handler for Kafka {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Send { key, msg } => Reply::SendOk { offset: self.send(key, msg) },
            Request::Poll { offsets } => Reply::PollOk { msgs: self.poll(offsets) },
            Request::CommitOffsets { offsets } => {
                self.commit(offsets);
                Reply::CommitOffsetsOk
            }
            Request::ListCommittedOffsets { keys } => {
                Reply::ListCommittedOffsetsOk { offsets: self.committed(keys) }
            }
        })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(Kafka::new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eddy::{Test, Validity, seeds, workload};

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::Kafka,
            nodes: 1,
            concurrency: "2n".parse().unwrap(),
            rate: 1000.0,
            time_limit: Duration::from_secs(20),
            ..Test::default()
        }
    }

    #[test]
    fn for_any_seed_every_message_has_its_offset() {
        seeds(|seed| {
            let report = Test { seed, ..challenge() }.run(Kafka::new);
            report.assert_valid();
            assert_eq!(report.warnings, [""; 0], "{report}");
        });
    }

    /// Wrong node that assigns the offset of the ninth message again and again.
    struct DuplicateOffsets(Kafka);

    #[async_trait(?Send)]
    impl Handler for DuplicateOffsets {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            if let Request::Send { key, .. } = &request
                && let Some(log) = self.0.logs.borrow_mut().get_mut(key)
                && log.messages.len() == 9
            {
                log.messages.pop();
            }
            self.0.handle(from, request).await
        }
    }

    #[test]
    fn for_any_seed_an_offset_that_is_assigned_twice_is_noticed() {
        let verdicts = seeds(|seed| {
            let time_limit = Duration::from_secs(5);
            let test = Test { time_limit, seed, ..challenge() };
            test.run(|node| DuplicateOffsets(Kafka::new(node))).valid
        });
        assert!(verdicts.contains(&Validity::Invalid));
    }

    /// Wrong node that acknowledges one in ten commits without keeping it.
    struct ForgetsCommits(Kafka);

    #[async_trait(?Send)]
    impl Handler for ForgetsCommits {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            match request {
                Request::CommitOffsets { .. } if self.0.node.random().is_multiple_of(10) => {
                    Ok(Reply::CommitOffsetsOk)
                }
                request => self.0.handle(from, request).await,
            }
        }
    }

    #[test]
    fn for_any_seed_a_commit_that_is_forgotten_is_noticed() {
        let noticed = seeds(|seed| {
            let test = Test { seed, ..challenge() };
            let report = test.run(|node| ForgetsCommits(Kafka::new(node)));
            report.warnings.concat().contains("as committed after a commit of")
        });
        assert!(noticed.contains(&true));
    }
}
