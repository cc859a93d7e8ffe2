//! Challenge 5a: logs on one node.
//!
//! A log is a list, and a message's offset is its place in it. A node that waits for nothing
//! handles requests one after the other, so no offset is handed out twice, and what is polled is
//! always the log as far as it goes.
//!
//! What was committed never goes back: of two consumers the slower one does not undo what the other
//! has said. Nobody but clients speaks to the node, so no message comes twice.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use glomers::{Handler, Json, MessageBudget, Node, async_trait};
use serde::{Deserialize, Serialize};

/// How many messages of a key a poll gives at most, if they fit into one message ([`Room`]). More
/// make replies longer, fewer take consumers that are far behind more polls.
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

    /// What there is from these offsets on, as much as fits into one message. Any key may be first:
    /// none is kept waiting for good by others with many long messages. A key without messages is
    /// left out: a key that is only ever polled empty is more than Maelstrom's checker can judge.
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
            report.warnings.concat().contains("said to be committed")
        });
        assert!(noticed.contains(&true));
    }
}
