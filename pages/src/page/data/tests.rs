//! Page data of a broadcast without retransmission, and of one that forgets values.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eddy::Report;
use eddy::Test;
use eddy::latency::Latency;
use eddy::nemesis::Strike;
use eddy::workload;
use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

use super::*;
use crate::page::view_model::around;

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
    Renamed { value: u64 },
    Keyed { m: BTreeMap<u64, bool> },
    Hidden { above: u64 },
    NewsOk,
}

/// Offset that hides a value from the matching.
const HIDDEN: u64 = 1_000_000;

fn news(message: u64) -> Body {
    Body::News { message }
}

/// Behavior of a node that gets a value.
#[derive(Clone, Copy, PartialEq)]
enum Forwarding {
    All,
    /// Forwards values, but does not store those from other nodes.
    Forgets,
    /// Stores values, and forwards only those from clients.
    OnlyFromClients,
    /// Stores values, and forwards none.
    Nothing,
}

/// Node that floods each value once, unless it behaves otherwise.
struct Flood {
    node: Node,
    forwarding: Forwarding,
    /// Message that forwards a value.
    forward: fn(u64) -> Body,
    seen: RefCell<BTreeSet<u64>>,
}

impl Flood {
    fn learn(&self, message: u64, is_from_client: bool) {
        let tells = match self.forwarding {
            Forwarding::All | Forwarding::Forgets => true,
            Forwarding::OnlyFromClients => is_from_client,
            Forwarding::Nothing => false,
        };
        if self.seen.borrow_mut().insert(message) && tells {
            for peer in self.node.peers() {
                self.node.send(peer, &(self.forward)(message));
            }
        }
    }
}

#[async_trait(?Send)]
impl Handler for Flood {
    type Request = Body;
    type Reply = Body;

    async fn handle(&self, _from: &str, request: Body) -> anyhow::Result<Body> {
        let told = match &request {
            Body::News { message: value } | Body::Renamed { value } => Some(*value),
            Body::Keyed { m } => m.keys().next().copied(),
            Body::Hidden { above } => Some(above - HIDDEN),
            _ => None,
        };
        if let Some(told) = told {
            if self.forwarding != Forwarding::Forgets {
                self.learn(told, false);
            }
            return Ok(Body::NewsOk);
        }
        Ok(match request {
            Body::Broadcast { message } => {
                self.learn(message, true);
                Body::BroadcastOk
            }
            Body::Read => Body::ReadOk { messages: self.seen.borrow().iter().copied().collect() },
            _ => Body::TopologyOk,
        })
    }
}

pub(in crate::page) fn test() -> Test {
    Test {
        workload: &workload::Broadcast,
        nodes: 3,
        rate: 10.0,
        time_limit: 5 * SECOND,
        latency: Latency { mean: Duration::from_millis(10), ..Latency::default() },
        seed: 1,
        trace: true,
        ..Test::default()
    }
}

fn run_forwarding(test: &Test, forgetful: &'static str, tell: fn(u64) -> Body) -> Report {
    run_with(test, (forgetful, Forwarding::Forgets), tell)
}

/// Runs a test in which one node behaves differently.
fn run_with(
    test: &Test,
    (name, habit): (&'static str, Forwarding),
    forward: fn(u64) -> Body,
) -> Report {
    test.run(move |node| {
        let forwarding = if node.id() == name { habit } else { Forwarding::All };
        Flood { node, forwarding, forward, seen: RefCell::default() }
    })
}

pub(in crate::page) fn run(test: &Test) -> Report {
    run_forwarding(test, "nobody", news)
}

pub(in crate::page) fn with_partition() -> Test {
    Test { strikes: vec![Strike::partition(["n2"], SECOND, 3 * SECOND)], ..test() }
}

fn data(test: &Test, forgetful: &'static str) -> (ReportData, Report) {
    let report = run_forwarding(test, forgetful, news);
    (ReportData::of(ViewModel::of(&report)), report)
}

#[test]
fn a_valid_test_has_all_messages_and_operations_and_no_contradiction() {
    let (data, report) = data(&test(), "nobody");
    report.assert_valid();
    assert!(data.contradictions.is_empty());
    let MessageColumns { sent, ended, fate, kind, .. } = &data.messages;
    assert_eq!(sent.len() as u64, report.traffic.all.sent);
    assert!(sent.is_sorted());
    assert!(fate.iter().all(|fate| *fate == 0), "{fate:?}");
    let took = sent.iter().zip(ended).zip(kind).filter(|(_, kind)| data.kinds[**kind] == "news");
    for ((sent, ended), _) in took {
        assert_eq!(ended - sent, 10_000, "microseconds");
    }
    let OperationColumns { client, completed, result, .. } = &data.operations;
    assert_eq!(client.len(), report.operations.invoked);
    assert!(client.iter().all(|client| *client >= 0), "every operation has its client: {client:?}");
    assert!(completed.iter().all(|completed| *completed >= 0 && *completed <= data.end));
    assert!(result.iter().any(|result| result.starts_with('[')), "{result:?}");
}

#[test]
fn a_value_lost_to_a_partition_is_shown_with_the_lost_messages() {
    let (data, report) = data(&with_partition(), "nobody");
    assert!(!report.lost.is_empty(), "{report}");
    let fault_span = &data.faults[0];
    assert_eq!((fault_span.fault.as_str(), &fault_span.struck[..]), ("partition", &[2][..]));
    assert_eq!(fault_span.until - fault_span.from, 2_000_000);
    let contradiction = &data.contradictions[0];
    assert!(
        contradiction.evidence[0].contains("never got it: of the messages that had it, 2 lost to"),
        "{contradiction:?}"
    );
    let lost = contradiction.messages.iter().filter(|message| data.messages.fate[**message] == 1);
    for message in lost.clone() {
        assert_eq!(data.messages.fault[*message], "partition");
        assert!((contradiction.from..contradiction.until).contains(&data.messages.ended[*message]));
    }
    assert_eq!(lost.count(), 2, "one from each of the others: {contradiction:?}");
    let told =
        contradiction.operations.iter().map(|place| &data.functions[data.operations.f[*place]]);
    assert!(told.clone().any(|f| f == "broadcast") && told.clone().any(|f| f == "read"));
}

#[test]
fn a_node_that_got_a_value_and_did_not_return_it_is_named() {
    let (data, report) = data(&test(), "n2");
    assert!(!report.lost.is_empty(), "{report}");
    let evidence = &data.contradictions[0].evidence;
    let asked_n2 = |line: &String| line.contains("asked n2, which had got it at");
    assert!(evidence.iter().any(asked_n2), "{evidence:?}");
}

#[test]
fn the_propagation_of_a_lost_value_is_explained_as_far_as_messages_show_it() {
    #[track_caller]
    fn check(
        test: &Test,
        node: (&'static str, Forwarding),
        tell: fn(u64) -> Body,
        expected: &[&str],
    ) {
        let report = run_with(test, node, tell);
        assert!(!report.lost.is_empty(), "{report}");
        let evidence: Vec<Vec<String>> = ViewModel::of(&report)
            .contradictions
            .into_iter()
            .map(|contradiction| contradiction.evidence)
            .collect();
        let has =
            |lines: &Vec<String>, words: &&str| lines.iter().any(|line| line.contains(*words));
        let is_told = evidence.iter().any(|lines| expected.iter().all(|words| has(lines, words)));
        assert!(is_told, "{expected:#?} in {evidence:#?}");
        // No other node may be said to have passed it on to nobody.
        let claims = evidence.iter().flatten().filter(|line| line.contains(" got it and "));
        let is_of_node = |line: &String| line.starts_with(&format!("{} got it", node.0));
        assert!(claims.clone().all(is_of_node), "{evidence:#?}");
    }
    let client = "n1 got it from client c";
    let silent = "n1 got it and sent nothing to another node after that";
    check(
        &test(),
        ("n1", Forwarding::Nothing),
        news,
        &["no message to n0, n2 shows it", client, silent],
    );
    // A message that is not sent cannot hide a value.
    let hide = |value| Body::Hidden { above: value + HIDDEN };
    check(&test(), ("n1", Forwarding::Nothing), hide, &[client, silent]);
    let lost = "n2 never got it: of the messages that had it, 1 lost to";
    let kept = "n1 got it and passed it on to nobody";
    let relay = ("n1", Forwarding::OnlyFromClients);
    check(&with_partition(), relay, news, &[lost, "n0 got it from client c", kept]);
    check(&with_partition(), relay, hide, &["no message to n", "got it from client c"]);
}

#[test]
fn the_fate_of_a_value_is_not_guessed_if_no_message_shows_it() {
    #[track_caller]
    fn check(tell: fn(u64) -> Body, expected: &str) {
        let report = run_forwarding(&with_partition(), "nobody", tell);
        assert!(!report.lost.is_empty(), "{report}");
        let evidence = &ViewModel::of(&report).contradictions[0].evidence;
        assert!(evidence[0].contains(expected), "{evidence:#?}");
    }
    check(news, "never got it: of the messages that had it, 2 lost to");
    for tell in [
        |value| Body::Renamed { value },
        |value| Body::Keyed { m: [(value, true)].into() },
        |value| Body::Hidden { above: value + HIDDEN },
    ] {
        check(tell, "no message to n");
    }
}

#[test]
fn evidence_stays_and_its_text_is_about_the_whole_test() {
    let report = run(&with_partition());
    let (whole, mut part) = (ViewModel::of(&report), ViewModel::of(&report));
    let omissions = omissions::leave_out_beyond(10, 4, &mut part);
    assert_eq!(omissions.len(), 2, "{omissions:?}");
    assert!(part.arrows.len() < whole.arrows.len());
    assert!(part.operations.len() < whole.operations.len());
    assert!(part.arrows.is_sorted_by_key(|arrow| arrow.send_index));
    assert!(!part.contradictions.is_empty());
    assert_eq!(part.contradictions.len(), whole.contradictions.len());
    for (contradiction, before) in part.contradictions.iter().zip(&whole.contradictions) {
        assert_eq!(
            (&contradiction.what, &contradiction.evidence),
            (&before.what, &before.evidence)
        );
        let ids = |view_model: &ViewModel<'_>, contradiction: &ContradictionView| -> Vec<u64> {
            contradiction
                .messages
                .iter()
                .map(|place| view_model.arrows[*place].message.id)
                .collect()
        };
        assert_eq!(ids(&part, contradiction), ids(&whole, before));
        let indices =
            |view_model: &ViewModel<'_>, contradiction: &ContradictionView| -> Vec<usize> {
                contradiction
                    .operations
                    .iter()
                    .map(|place| view_model.operations[*place].begin.index)
                    .collect()
            };
        assert_eq!(indices(&part, contradiction), indices(&whole, before));
    }
}

#[test]
fn unrecorded_messages_prove_nothing() {
    let report = run(&with_partition());
    let mut view_model = ViewModel::of(&report);
    view_model.recorded_until = Some(2_000_000);
    view_model.arrows.retain(|arrow| arrow.sent <= 2_000_000);
    for arrow in &mut view_model.arrows {
        arrow.ended = arrow.ended.filter(|ended| *ended <= 2_000_000);
    }
    let lines: Vec<String> = evidence::of(&view_model)
        .into_iter()
        .flat_map(|contradiction| contradiction.evidence)
        .collect();
    assert!(lines.iter().any(|line| line.contains("not recorded")), "{lines:#?}");
    let claims = ["never", "nobody", "did not arrive", "in flight", "it reached every"];
    let is_claim = |line: &String| claims.iter().any(|claim| line.contains(claim));
    assert!(!lines.iter().any(is_claim), "{lines:#?}");
    let omissions = omissions::leave_out_beyond(usize::MAX, usize::MAX, &mut view_model);
    assert_eq!(omissions, ["messages are recorded until 2.000 s, when the log was full"]);
}

#[test]
fn what_is_left_out_is_far_from_the_contradiction() {
    let around = |one, most| around([0, 10, 20, 30, 40].into_iter(), one, most);
    assert_eq!(around(20, 5), None);
    assert_eq!(around(i64::MIN, 2), Some(0..2));
    assert_eq!(around(20, 2), Some(1..3));
    assert_eq!(around(99, 2), Some(3..5));
}
