//! What a page has of a broadcast that forgets to send again, and of one that only forgets.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

use super::*;
use crate::latency::Latency;
use crate::nemesis::Strike;
use crate::page::scene::around;
use crate::report::Report;
use crate::test::Test;
use crate::workload::Workload;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Topology,
    TopologyOk,
    Broadcast { message: u64 },
    BroadcastOk,
    Read,
    ReadOk { messages: Vec<u64> },
    News { message: u64 },
    NewsOk,
}

/// Tells each value to everybody once; one node may not remember what it is told.
struct Flood {
    node: Node,
    forgets: bool,
    seen: RefCell<BTreeSet<u64>>,
}

impl Flood {
    fn learn(&self, message: u64) {
        if self.seen.borrow_mut().insert(message) {
            for peer in self.node.peers() {
                self.node.send(peer, &Body::News { message });
            }
        }
    }
}

#[async_trait(?Send)]
impl Handler for Flood {
    type Request = Body;
    type Reply = Body;

    async fn handle(&self, _from: &str, request: Body) -> anyhow::Result<Body> {
        Ok(match request {
            Body::Broadcast { message } => {
                self.learn(message);
                Body::BroadcastOk
            }
            Body::News { message } => {
                if !self.forgets {
                    self.learn(message);
                }
                Body::NewsOk
            }
            Body::Read => Body::ReadOk { messages: self.seen.borrow().iter().copied().collect() },
            _ => Body::TopologyOk,
        })
    }
}

fn test() -> Test {
    Test {
        workload: Workload::Broadcast,
        nodes: 3,
        rate: 10.0,
        time_limit: 5 * SECOND,
        latency: Latency { mean: Duration::from_millis(10), ..Latency::default() },
        seed: 1,
        trace: true,
        ..Test::default()
    }
}

fn data(test: &Test, forgetful: &'static str) -> (Data, Report) {
    let report = test.run(move |node| {
        let forgets = node.id() == forgetful;
        Flood { node, forgets, seen: RefCell::default() }
    });
    (Data::of(Scene::of(&report)), report)
}

#[test]
fn a_valid_test_has_all_messages_and_operations_and_no_contradiction() {
    let (data, report) = data(&test(), "nobody");
    report.assert_valid();
    assert!(data.contradictions.is_empty());
    let Messages { sent, ended, fate, kind, .. } = &data.messages;
    assert_eq!(sent.len() as u64, report.all.sent);
    assert!(sent.is_sorted());
    assert!(fate.iter().all(|fate| *fate == 0), "{fate:?}");
    let took = sent.iter().zip(ended).zip(kind).filter(|(_, kind)| data.kinds[**kind] == "news");
    for ((sent, ended), _) in took {
        assert_eq!(ended - sent, 10_000, "microseconds");
    }
    let Operations { client, completed, result, .. } = &data.operations;
    assert_eq!(client.len(), report.operations.invoked);
    assert!(client.iter().all(|client| *client >= 0), "every operation has its client: {client:?}");
    assert!(completed.iter().all(|completed| *completed >= 0 && *completed <= data.end));
    assert!(result.iter().any(|result| result.starts_with('[')), "{result:?}");
}

#[test]
fn what_a_partition_cost_is_told_with_the_messages_that_it_cost() {
    let cut = Strike::partition(["n2"], SECOND, 3 * SECOND);
    let (data, report) = data(&Test { strikes: vec![cut], ..test() }, "nobody");
    assert!(!report.lost.is_empty(), "{report}");
    let shade = &data.faults[0];
    assert_eq!((shade.fault.as_str(), &shade.struck[..]), ("partition", &[2][..]));
    assert_eq!(shade.until - shade.from, 2_000_000);
    let clue = &data.contradictions[0];
    assert!(
        clue.story[0].contains("never got it: of the messages that had it, 2 lost to"),
        "{clue:?}"
    );
    let lost = clue.messages.iter().filter(|message| data.messages.fate[**message] == 1);
    for message in lost.clone() {
        assert_eq!(data.messages.fault[*message], "partition");
        assert!((clue.from..clue.until).contains(&data.messages.ended[*message]));
    }
    assert_eq!(lost.count(), 2, "one from each of the others: {clue:?}");
    let told = clue.operations.iter().map(|place| &data.functions[data.operations.f[*place]]);
    assert!(told.clone().any(|f| f == "broadcast") && told.clone().any(|f| f == "read"));
}

#[test]
fn who_got_a_value_and_did_not_show_it_is_named() {
    let (data, report) = data(&test(), "n2");
    assert!(!report.lost.is_empty(), "{report}");
    let story = &data.contradictions[0].story;
    let asked_n2 = |line: &String| line.contains("asked n2, which had got it at");
    assert!(story.iter().any(asked_n2), "{story:?}");
}

#[test]
fn what_is_left_out_is_far_from_what_went_wrong() {
    let around = |one, most| around([0, 10, 20, 30, 40].into_iter(), one, most);
    assert_eq!(around(20, 5), None);
    assert_eq!(around(i64::MIN, 2), Some(0..2));
    assert_eq!(around(20, 2), Some(1..3));
    assert_eq!(around(99, 2), Some(3..5));
}
