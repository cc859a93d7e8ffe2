//! Messages to closed clients, late answers most often, or in the name of one.
//!
//! To Maelstrom such a client does not exist, so it stops reading the node that said so, for good
//! (`net.clj`'s `validate-msg`, and `process.clj`). Here the message is dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clients::Unanswered;
use super::complaint::{Said, excerpt};

/// Such messages of each node, by its number.
#[derive(Debug, Default)]
pub(super) struct Late {
    answers: BTreeMap<usize, Noted>,
    others: BTreeMap<usize, Noted>,
}

#[derive(Debug)]
struct Noted {
    count: u64,
    /// The first of them, in words.
    first: String,
}

impl Late {
    /// Notes the answer to a request that nobody waits for any more.
    pub(super) fn note_answer(
        &mut self,
        now: Duration,
        node: usize,
        said: &Said<'_>,
        unanswered: Unanswered,
    ) {
        note(&mut self.answers, node, || {
            let Unanswered { f, deadline, .. } = unanswered;
            let late = now.saturating_sub(deadline).as_secs_f64();
            let (client, body) = (&said.dest, excerpt(said.body.get()));
            format!("{f} by {client}, {late:.1} s late: {body}")
        });
    }

    /// Notes any other message to a client that is closed, or in the name of one.
    pub(super) fn note_other(&mut self, node: usize, said: &Said<'_>) {
        note(&mut self.others, node, || {
            let Said { src, dest, body } = said;
            format!("from {src} to {dest}: {}", excerpt(body.get()))
        });
    }

    /// A sentence or two for each node that did.
    pub(super) fn warnings(&self, nodes: &[String]) -> Vec<String> {
        let answers = self.answers.iter().map(|(node, Noted { count, first })| {
            let (node, answers) = (
                &nodes[*node],
                match count {
                    1 => "a request after its client had given up,".to_owned(),
                    _ => format!("{count} requests after their clients had given up, the first,"),
                },
            );
            format!("node {node} answered {answers} {first}. Maelstrom would not {DEAF}")
        });
        let others = self.others.iter().map(|(node, Noted { count, first })| {
            let (node, messages) = (
                &nodes[*node],
                match count {
                    1 => "1 message to or as a client that was closed by then,".to_owned(),
                    _ => format!(
                        "{count} messages to or as clients that were closed by then, the first"
                    ),
                },
            );
            format!("node {node} sent {messages} {first}. Maelstrom might not {DEAF}")
        });
        answers.chain(others).collect()
    }
}

/// What Maelstrom does for sure if the client is closed there, too. That is a race where the
/// message comes right behind the answer after which it is closed.
const DEAF: &str = "have heard this node again";

fn note(all: &mut BTreeMap<usize, Noted>, node: usize, first: impl FnOnce() -> String) {
    all.entry(node).or_insert_with(|| Noted { count: 0, first: first() }).count += 1;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use glomers::{Handler, Json, async_trait};
    use serde::{Deserialize, Serialize};

    use crate::checker::Validity;
    use crate::checker::availability::Goal;
    use crate::nemesis::Strike;
    use crate::test::Test;
    use crate::workload;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Takes its time with the third request that any node gets.
    struct Slow(Rc<Cell<u64>>, Duration);

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
    impl Handler for Slow {
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
    fn a_late_answer_is_told_where_maelstrom_would_go_deaf() {
        #[track_caller]
        fn check(test: &Test, after: Duration, expected: &str) {
            let report = test.run(move |_| Slow(Rc::default(), after));
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
        // Before the thread's next operation, its client is there to hear it.
        let rare = Test { rate: 0.2, time_limit: 60 * SECOND, ..test.clone() };
        check(&rare, 5 * SECOND + SECOND / 1000, "");
        // A client that is used again hears it whenever it comes.
        check(&Test { workload: &workload::UniqueIds, ..test.clone() }, 7 * SECOND, "");
        // A fault may have been to blame, or not; Maelstrom does not know it anyway.
        let strikes = vec![Strike::pause(["n0"], SECOND, 2 * SECOND)];
        check(&Test { strikes, ..test }, 7 * SECOND, "");
    }

    #[test]
    fn messages_with_closed_clients_are_counted_for_each_node() {
        let mut late = Late::default();
        for (node, dest) in [(1, "c0"), (0, "c1"), (1, "c2")] {
            let body = serde_json::value::to_raw_value(&"x").unwrap();
            let said = Said { src: "n1".into(), dest: dest.into(), body: body.into() };
            late.note_other(node, &said);
        }
        let expected = [
            "node n0 sent 1 message to or as a client that was closed by then, from n1 to c1: \
             \"x\". Maelstrom might not have heard this node again",
            "node n1 sent 2 messages to or as clients that were closed by then, the first from n1 \
             to c0: \"x\". Maelstrom might not have heard this node again",
        ];
        assert_eq!(late.warnings(&["n0".to_owned(), "n1".to_owned()]), expected);
    }
}
