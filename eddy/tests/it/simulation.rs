//! What a test in virtual time says of nodes that misbehave.

use std::time::Duration;

use eddy::checker::availability::Goal;
use eddy::history::{Kind, Process};
use eddy::{Report, Test, Validity, workload};
use glomers::{ErrorCode, Handler, Json, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Echo {
        echo: Json,
    },
    EchoOk {
        echo: Json,
        #[serde(skip_serializing_if = "Option::is_none")]
        extra: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        msg_id: Option<i64>,
    },
    Ping,
}

/// What an echo node does instead of echoing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Panic,
    Refuse(ErrorCode),
    AddKey,
    NumberReplies,
    Hang,
    /// Hangs at every tenth request.
    HangSometimes,
    PingForever,
    /// Pings another node this often for every request.
    Chatter(u64),
    ToNobody,
}

struct Moody {
    node: Node,
    mood: Mood,
}

#[async_trait(?Send)]
impl Handler for Moody {
    type Request = Body;
    type Reply = Body;

    async fn handle(&self, from: &str, request: Body) -> anyhow::Result<Body> {
        let Body::Echo { echo } = request else {
            if self.mood == Mood::PingForever {
                self.node.send(from, &Body::Ping);
            }
            return Ok(Body::Ping);
        };
        let (mut extra, mut msg_id) = (None, None);
        match self.mood {
            Mood::Well => {}
            Mood::Panic => panic!("I do not feel well"),
            Mood::Refuse(code) => return Err(code.error("I would rather not").into()),
            Mood::AddKey => extra = Some(1),
            Mood::NumberReplies => msg_id = Some(-1),
            Mood::HangSometimes if !echo.get().contains('7') => {}
            Mood::Hang | Mood::HangSometimes => std::future::pending().await,
            Mood::PingForever => self.node.send(self.node.id(), &Body::Ping),
            Mood::Chatter(times) => (0..times).for_each(|_| self.node.send("n1", &Body::Ping)),
            Mood::ToNobody => self.node.send("n9", &Body::Ping),
        }
        Ok(Body::EchoOk { echo, extra, msg_id })
    }
}

fn run(mood: Mood) -> Report {
    let time_limit = Duration::from_secs(20);
    let test = Test {
        workload: &workload::Echo,
        time_limit,
        availability: Goal::Total,
        ..Test::default()
    };
    test.run(move |node| Moody { node, mood })
}

#[test]
fn a_node_that_ends_the_test_is_named_with_what_it_did() {
    #[track_caller]
    fn check(mood: Mood, expected: &str) {
        let report = run(mood);
        let failure = report.failure.clone().unwrap_or_default();
        assert!(failure.contains(expected), "{failure}");
        assert_eq!(report.valid, Validity::Invalid);
    }
    check(Mood::Panic, "node n0 cannot be tested: it panicked: I do not feel well");
    check(Mood::ToNobody, "it sent a message to \"n9\", which does not exist");
    check(Mood::PingForever, "without letting time pass");
}

#[test]
fn errors_and_silence_are_what_a_history_calls_them() {
    #[track_caller]
    fn check(mood: Mood, kind: Kind, error: &str) {
        let report = run(mood);
        assert_eq!(report.failure, None);
        let ops = report.history.ops();
        let completion = ops.iter().find(|op| op.kind != Kind::Invoke).unwrap();
        assert_eq!(completion.kind, kind);
        let actual = completion.error.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(actual.contains(error), "{actual}");
    }
    check(Mood::Well, Kind::Ok, "");
    check(Mood::NumberReplies, Kind::Ok, "");
    let refusal = "[:temporarily-unavailable \"I would rather not\"]";
    check(Mood::Refuse(ErrorCode::TemporarilyUnavailable), Kind::Fail, refusal);
    check(Mood::Refuse(ErrorCode::Crash), Kind::Info, "[:crash");
    check(Mood::Refuse(ErrorCode::Other(1234)), Kind::Info, "[:unknown");
    check(Mood::AddKey, Kind::Info, "extra is not a key that it may have");
    check(Mood::Hang, Kind::Info, ":net-timeout");
}

#[test]
fn a_malformed_reply_is_noted_as_an_exception() {
    let report = run(Mood::AddKey);
    let exceptions = report.results.get_in(&["exceptions", "exceptions"]);
    let exceptions = exceptions.map(ToString::to_string).unwrap_or_default();
    assert!(exceptions.contains(":malformed-rpc-response"), "{exceptions}");
}

#[test]
fn a_process_in_doubt_is_replaced_after_five_seconds() {
    let report = run(Mood::HangSometimes);
    let in_doubt = report.history.ops().iter().find(|op| op.kind == Kind::Info).unwrap();
    let began = report.history.invocation(in_doubt).unwrap();
    assert_eq!(in_doubt.time - began.time, 5_000_000_000);
    let next = &report.history.ops()[in_doubt.index + 1];
    assert_eq!((in_doubt.process, next.process), (Process::Client(0), Process::Client(1)));
    assert!(report.completed("echo") > 0);
    assert_eq!(report.valid, Validity::Invalid, "not every request succeeded");
}

#[test]
fn requests_that_should_have_succeeded_are_named_where_nothing_else_is_wrong() {
    let report = run(Mood::HangSometimes);
    let [few] = &report.contradictions[..] else { panic!("{:?}", report.contradictions) };
    assert!(few.what.contains(" did not succeed; the first was echo by process 0"), "{}", few.what);
    let in_doubt = report.history.ops().iter().find(|op| op.kind == Kind::Info).unwrap();
    assert!(few.operations.contains(&in_doubt.index), "{few:?}");
    let report = run(Mood::Hang);
    let [none, all] = &report.contradictions[..] else { panic!("{:?}", report.contradictions) };
    assert!(none.what.contains(" within 5 s"), "{}", none.what);
    assert_eq!(none.operations, all.operations);
    assert_eq!(run(Mood::Well).contradictions, []);
}

#[test]
fn a_storm_of_messages_is_told_with_who_sends_what_to_whom() {
    #[track_caller]
    fn check(times: u64, expected: Option<&str>) {
        let concurrency = "1".parse().unwrap_or_default();
        let time_limit = Duration::from_secs(5);
        let test = Test { nodes: 2, concurrency, time_limit, ..Test::default() };
        let report = test.run(move |node| Moody { node, mood: Mood::Chatter(times) });
        report.assert_valid();
        let (sent, asked) = (report.servers.sent, report.operations.invoked as u64);
        assert_eq!(sent, times * asked);
        let expected = expected.map(|per_operation| {
            format!(
                "there were {sent} messages between servers, {per_operation} for each operation: \
                 n0 sent {sent} to n1 of type ping (100 %)"
            )
        });
        assert_eq!(report.warnings, expected.into_iter().collect::<Vec<_>>());
    }
    check(101, Some("101"));
    check(100, None);
    check(1, None);
}

#[test]
fn names_that_are_given_are_used() {
    let names = vec!["left".to_owned(), "right".to_owned()];
    let report = Test { names, trace: true, time_limit: Duration::from_secs(5), ..Test::default() }
        .run(|node| Moody { node, mood: Mood::Well });
    report.assert_valid();
    assert!(report.trace.contains(" left "), "{}", report.trace);
}

#[test]
#[should_panic(expected = "there can be no such test: 0 nodes make no cluster")]
fn a_test_that_cannot_be_is_not_begun() {
    Test { nodes: 0, ..Test::default() }.run(|node| Moody { node, mood: Mood::Well });
}
