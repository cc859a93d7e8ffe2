//! Messages to closed clients, usually late replies, and messages with the `src` of one.
//!
//! In Maelstrom such a client does not exist, so it stops reading the node for good (`validate-msg`
//! in `net.clj`, and `process.clj`). Here the message is dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clients::TimedOutRequest;
use super::node_error::{NodeMessage, excerpt};

/// Messages to or from closed clients, by index of the node that sent them.
#[derive(Debug, Default)]
pub(super) struct LateMessages {
    /// Late replies.
    replies: BTreeMap<usize, NotedMessages>,
    others: BTreeMap<usize, NotedMessages>,
}

#[derive(Debug)]
struct NotedMessages {
    count: u64,
    /// A description of the first one.
    first: String,
}

impl LateMessages {
    /// Notes the reply to a request that has timed out.
    pub(super) fn note_reply(
        &mut self,
        now: Duration,
        node: usize,
        message: &NodeMessage<'_>,
        timed_out: TimedOutRequest,
    ) {
        note(&mut self.replies, node, || {
            let TimedOutRequest { f, deadline, .. } = timed_out;
            let late = now.saturating_sub(deadline).as_secs_f64();
            let (client, body) = (&message.dest, excerpt(message.body.get()));
            format!("{f} by {client}, {late:.1} s late: {body}")
        });
    }

    /// Notes any other message to a closed client, or with the `src` of one.
    pub(super) fn note_other(&mut self, node: usize, message: &NodeMessage<'_>) {
        note(&mut self.others, node, || {
            let NodeMessage { src, dest, body } = message;
            format!("from {src} to {dest}: {}", excerpt(body.get()))
        });
    }

    /// At most two warnings for each node.
    pub(super) fn warnings(&self, nodes: &[String]) -> Vec<String> {
        let answers = self.replies.iter().map(|(node, NotedMessages { count, first })| {
            let (node, answers) = (
                &nodes[*node],
                match count {
                    1 => "a request after its client had given up,".to_owned(),
                    _ => format!("{count} requests after their clients had given up, the first,"),
                },
            );
            format!("node {node} answered {answers} {first}. Maelstrom would {IGNORED}")
        });
        let others = self.others.iter().map(|(node, NotedMessages { count, first })| {
            let (node, messages) = (
                &nodes[*node],
                match count {
                    1 => "1 message to a closed client, or with one as its src,".to_owned(),
                    _ => format!(
                        "{count} messages to closed clients, or with one as their src, the first"
                    ),
                },
            );
            format!("node {node} sent {messages} {first}. Maelstrom might {IGNORED}")
        });
        answers.chain(others).collect()
    }
}

/// Maelstrom's reaction, which is certain if the client is closed there as well. A message right
/// behind the reply after which the client is closed is a race.
const IGNORED: &str = "have ignored this node from then on";

fn note(all: &mut BTreeMap<usize, NotedMessages>, node: usize, first: impl FnOnce() -> String) {
    all.entry(node).or_insert_with(|| NotedMessages { count: 0, first: first() }).count += 1;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use glomers::{Handler, Json, async_trait};
    use serde::{Deserialize, Serialize};

    use crate::checkers::Validity;
    use crate::checkers::availability::Goal;
    use crate::nemesis::Strike;
    use crate::test::Test;
    use crate::workload;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A node that delays its reply to the third request.
    struct DelayingNode(Rc<Cell<u64>>, Duration);

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Request {
        Echo { echo: Json },
        Generate,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Reply {
        EchoOk { echo: Json },
        GenerateOk { id: u64 },
    }

    #[async_trait(?Send)]
    impl Handler for DelayingNode {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
            let id = self.0.get() + 1;
            self.0.set(id);
            if id == 3 {
                tokio::time::sleep(self.1).await;
            }
            match request {
                Request::Echo { echo } => Ok(Reply::EchoOk { echo }),
                Request::Generate => Ok(Reply::GenerateOk { id }),
            }
        }
    }

    #[test]
    fn a_late_reply_is_reported_where_maelstrom_would_ignore_the_node() {
        #[track_caller]
        fn check(test: &Test, after: Duration, expected: &str) {
            let report = test.run(move |_| DelayingNode(Rc::default(), after));
            let warnings = report.warnings.join("\n");
            assert!(warnings.starts_with(expected), "{report}");
            assert_eq!(warnings.is_empty(), expected.is_empty(), "{report}");
            let verdict = if after > 5 * SECOND { Validity::Invalid } else { Validity::Valid };
            assert_eq!(report.valid, verdict, "{report}");
        }
        let workload = &workload::Echo;
        let (time_limit, availability) = (15 * SECOND, Goal::Total);
        let test = Test { workload, time_limit, availability, ..Test::default() };
        check(&test, 4 * SECOND, "");
        let expected = "node n0 answered a request after its client had given up, echo by c2, 2.0 \
                        s late: {\"type\":\"echo_ok\",";
        check(&test, 7 * SECOND, expected);
        // Before the next operation of the thread, its client is still open.
        let rare = Test { rate: 0.2, time_limit: 60 * SECOND, ..test.clone() };
        check(&rare, 5 * SECOND + SECOND / 1000, "");
        // A client that is reused is never closed.
        check(&Test { workload: &workload::UniqueIds, ..test.clone() }, 7 * SECOND, "");
        // The fault may be the cause, and Maelstrom does not have it.
        let strikes = vec![Strike::pause(["n0"], SECOND, 2 * SECOND)];
        check(&Test { strikes, ..test }, 7 * SECOND, "");
    }

    #[test]
    fn messages_with_closed_clients_are_counted_for_each_node() {
        let mut late = LateMessages::default();
        for (node, dest) in [(1, "c0"), (0, "c1"), (1, "c2")] {
            let body = serde_json::value::to_raw_value(&"x").unwrap();
            let message = NodeMessage { src: "n1".into(), dest: dest.into(), body: body.into() };
            late.note_other(node, &message);
        }
        let expected = [
            "node n0 sent 1 message to a closed client, or with one as its src, from n1 to c1: \
             \"x\". Maelstrom might have ignored this node from then on",
            "node n1 sent 2 messages to closed clients, or with one as their src, the first from \
             n1 to c0: \"x\". Maelstrom might have ignored this node from then on",
        ];
        assert_eq!(late.warnings(&["n0".to_owned(), "n1".to_owned()]), expected);
    }
}
