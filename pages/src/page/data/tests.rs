//! What a page has of a broadcast that forgets to send again, and of one that only forgets.

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
use crate::page::scene::around;

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

/// What is added to a value that is hidden.
const HIDDEN: u64 = 1_000_000;

fn news(message: u64) -> Body {
    Body::News { message }
}

/// What a node does with a value.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    Tells,
    /// It does not remember what other nodes tell.
    Forgets,
    /// It remembers, and tells others what clients tell it, and nothing else.
    RelaysNothing,
    /// It remembers, and tells nobody.
    TellsNobody,
}

/// Tells each value to everybody once, unless it has another habit.
struct Flood {
    node: Node,
    habit: Habit,
    /// How it tells a value.
    tell: fn(u64) -> Body,
    seen: RefCell<BTreeSet<u64>>,
}

impl Flood {
    fn learn(&self, message: u64, is_from_client: bool) {
        let tells = match self.habit {
            Habit::Tells | Habit::Forgets => true,
            Habit::RelaysNothing => is_from_client,
            Habit::TellsNobody => false,
        };
        if self.seen.borrow_mut().insert(message) && tells {
            for peer in self.node.peers() {
                self.node.send(peer, &(self.tell)(message));
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
            if self.habit != Habit::Forgets {
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

fn run_telling(test: &Test, forgetful: &'static str, tell: fn(u64) -> Body) -> Report {
    run_with(test, (forgetful, Habit::Forgets), tell)
}

/// Runs a test in which one node has a habit of its own.
fn run_with(test: &Test, (name, habit): (&'static str, Habit), tell: fn(u64) -> Body) -> Report {
    test.run(move |node| {
        let habit = if node.id() == name { habit } else { Habit::Tells };
        Flood { node, habit, tell, seen: RefCell::default() }
    })
}

pub(in crate::page) fn run(test: &Test) -> Report {
    run_telling(test, "nobody", news)
}

pub(in crate::page) fn with_partition() -> Test {
    Test { strikes: vec![Strike::partition(["n2"], SECOND, 3 * SECOND)], ..test() }
}

fn data(test: &Test, forgetful: &'static str) -> (Data, Report) {
    let report = run_telling(test, forgetful, news);
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
    let (data, report) = data(&with_partition(), "nobody");
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
fn how_far_a_lost_value_got_is_told_as_far_as_messages_show_it() {
    #[track_caller]
    fn check(test: &Test, node: (&'static str, Habit), tell: fn(u64) -> Body, expected: &[&str]) {
        let report = run_with(test, node, tell);
        assert!(!report.lost.is_empty(), "{report}");
        let stories: Vec<Vec<String>> =
            Scene::of(&report).clues.into_iter().map(|clue| clue.story).collect();
        let has =
            |story: &Vec<String>, words: &&str| story.iter().any(|line| line.contains(*words));
        let is_told = stories.iter().any(|story| expected.iter().all(|words| has(story, words)));
        assert!(is_told, "{expected:#?} in {stories:#?}");
        // Whoever passed it on, or may have, did not pass it on to nobody.
        let claims = stories.iter().flatten().filter(|line| line.contains(" got it and "));
        let is_of_node = |line: &String| line.starts_with(&format!("{} got it", node.0));
        assert!(claims.clone().all(is_of_node), "{stories:#?}");
    }
    let client = "n1 got it from client c";
    let silent = "n1 got it and sent nothing to another node after that";
    check(
        &test(),
        ("n1", Habit::TellsNobody),
        news,
        &["no message to n0, n2 shows it", client, silent],
    );
    // Nobody can hide what is not sent.
    let hide = |value| Body::Hidden { above: value + HIDDEN };
    check(&test(), ("n1", Habit::TellsNobody), hide, &[client, silent]);
    let lost = "n2 never got it: of the messages that had it, 1 lost to";
    let kept = "n1 got it and passed it on to nobody";
    let relay = ("n1", Habit::RelaysNothing);
    check(&with_partition(), relay, news, &[lost, "n0 got it from client c", kept]);
    check(&with_partition(), relay, hide, &["no message to n", "got it from client c"]);
}

#[test]
fn what_became_of_a_value_is_not_guessed_where_no_message_shows_it() {
    #[track_caller]
    fn check(tell: fn(u64) -> Body, expected: &str) {
        let report = run_telling(&with_partition(), "nobody", tell);
        assert!(!report.lost.is_empty(), "{report}");
        let story = &Scene::of(&report).clues[0].story;
        assert!(story[0].contains(expected), "{story:#?}");
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
fn what_clues_refer_to_stays_and_their_stories_are_of_the_whole_test() {
    let report = run(&with_partition());
    let (whole, mut part) = (Scene::of(&report), Scene::of(&report));
    let omissions = omissions::leave_out_beyond(10, 4, &mut part);
    assert_eq!(omissions.len(), 2, "{omissions:?}");
    assert!(part.arrows.len() < whole.arrows.len());
    assert!(part.operations.len() < whole.operations.len());
    assert!(part.arrows.is_sorted_by_key(|arrow| arrow.sent_as));
    assert!(!part.clues.is_empty());
    assert_eq!(part.clues.len(), whole.clues.len());
    for (clue, before) in part.clues.iter().zip(&whole.clues) {
        assert_eq!((&clue.what, &clue.story), (&before.what, &before.story));
        let ids = |scene: &Scene<'_>, clue: &Clue| -> Vec<u64> {
            clue.messages.iter().map(|place| scene.arrows[*place].message.id).collect()
        };
        assert_eq!(ids(&part, clue), ids(&whole, before));
        let indices = |scene: &Scene<'_>, clue: &Clue| -> Vec<usize> {
            clue.operations.iter().map(|place| scene.operations[*place].begin.index).collect()
        };
        assert_eq!(indices(&part, clue), indices(&whole, before));
    }
}

#[test]
fn a_story_claims_nothing_of_what_is_not_recorded() {
    let report = run(&with_partition());
    let mut scene = Scene::of(&report);
    scene.recorded_until = Some(2_000_000);
    scene.arrows.retain(|arrow| arrow.sent <= 2_000_000);
    for arrow in &mut scene.arrows {
        arrow.ended = arrow.ended.filter(|ended| *ended <= 2_000_000);
    }
    let stories: Vec<String> = clues::of(&scene).into_iter().flat_map(|clue| clue.story).collect();
    assert!(stories.iter().any(|line| line.contains("not recorded")), "{stories:#?}");
    let claims = ["never", "nobody", "did not arrive", "under way", "it reached every"];
    let is_claim = |line: &String| claims.iter().any(|claim| line.contains(claim));
    assert!(!stories.iter().any(is_claim), "{stories:#?}");
    let omissions = omissions::leave_out_beyond(usize::MAX, usize::MAX, &mut scene);
    assert_eq!(omissions, ["messages were kept until 2.000 s, and then there was no more room"]);
}

#[test]
fn what_is_left_out_is_far_from_what_went_wrong() {
    let around = |one, most| around([0, 10, 20, 30, 40].into_iter(), one, most);
    assert_eq!(around(20, 5), None);
    assert_eq!(around(i64::MIN, 2), Some(0..2));
    assert_eq!(around(20, 2), Some(1..3));
    assert_eq!(around(99, 2), Some(3..5));
}
