//! Verdicts and failures of tests in virtual time whose nodes misbehave.

use std::time::Duration;

use eddy::checkers::availability::Goal;
use eddy::history::{Kind, Process};
use eddy::{Report, Test, Validity, workload};
use glomers::{ErrorCode, Handler, Json, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EchoProtocol {
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

/// The behavior of an echo node.
#[derive(Debug, Clone, Copy, PartialEq)]
enum EchoBehavior {
    Correct,
    Panic,
    Refuse(ErrorCode),
    AddKey,
    NumberReplies,
    Hang,
    /// Hangs at requests whose payload has a 7.
    HangSometimes,
    PingForever,
    /// Pings another node this many times for every request.
    Chatter(u64),
    ToNobody,
}

struct MisbehavingNode {
    node: Node,
    behavior: EchoBehavior,
}

#[async_trait(?Send)]
impl Handler for MisbehavingNode {
    type Request = EchoProtocol;
    type Reply = EchoProtocol;

    async fn handle(&self, from: &str, request: EchoProtocol) -> anyhow::Result<EchoProtocol> {
        let EchoProtocol::Echo { echo } = request else {
            if self.behavior == EchoBehavior::PingForever {
                self.node.send(from, &EchoProtocol::Ping);
            }
            return Ok(EchoProtocol::Ping);
        };
        let (mut extra, mut msg_id) = (None, None);
        match self.behavior {
            EchoBehavior::Correct => {}
            EchoBehavior::Panic => panic!("I do not feel well"),
            EchoBehavior::Refuse(code) => return Err(code.error("I would rather not").into()),
            EchoBehavior::AddKey => extra = Some(1),
            EchoBehavior::NumberReplies => msg_id = Some(-1),
            EchoBehavior::HangSometimes if !echo.get().contains('7') => {}
            EchoBehavior::Hang | EchoBehavior::HangSometimes => std::future::pending().await,
            EchoBehavior::PingForever => self.node.send(self.node.id(), &EchoProtocol::Ping),
            EchoBehavior::Chatter(times) => {
                (0..times).for_each(|_| self.node.send("n1", &EchoProtocol::Ping));
            }
            EchoBehavior::ToNobody => self.node.send("n9", &EchoProtocol::Ping),
        }
        Ok(EchoProtocol::EchoOk { echo, extra, msg_id })
    }
}

fn run(behavior: EchoBehavior) -> Report {
    let time_limit = Duration::from_secs(20);
    let test = Test {
        workload: &workload::Echo,
        time_limit,
        availability: Goal::Total,
        ..Test::default()
    };
    test.run(move |node| MisbehavingNode { node, behavior })
}

#[test]
fn a_node_that_ends_the_test_is_named_with_the_reason() {
    #[track_caller]
    fn check(mood: EchoBehavior, expected: &str) {
        let report = run(mood);
        let failure = report.failure.clone().unwrap_or_default();
        assert!(failure.contains(expected), "{failure}");
        assert_eq!(report.valid, Validity::Invalid);
    }
    check(EchoBehavior::Panic, "node n0 cannot be tested: it panicked: I do not feel well");
    check(EchoBehavior::ToNobody, "it sent a message to \"n9\", which does not exist");
    check(EchoBehavior::PingForever, "without letting time pass");
}

#[test]
fn errors_and_timeouts_have_the_kinds_of_jepsen() {
    #[track_caller]
    fn check(mood: EchoBehavior, kind: Kind, error: &str) {
        let report = run(mood);
        assert_eq!(report.failure, None);
        let ops = report.history.ops();
        let completion = ops.iter().find(|op| op.kind != Kind::Invoke).unwrap();
        assert_eq!(completion.kind, kind);
        let actual = completion.error.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(actual.contains(error), "{actual}");
    }
    check(EchoBehavior::Correct, Kind::Ok, "");
    check(EchoBehavior::NumberReplies, Kind::Ok, "");
    let refusal = "[:temporarily-unavailable \"I would rather not\"]";
    check(EchoBehavior::Refuse(ErrorCode::TemporarilyUnavailable), Kind::Fail, refusal);
    check(EchoBehavior::Refuse(ErrorCode::Crash), Kind::Info, "[:crash");
    check(EchoBehavior::Refuse(ErrorCode::Other(1234)), Kind::Info, "[:unknown");
    check(EchoBehavior::AddKey, Kind::Info, "extra is not a key that it may have");
    check(EchoBehavior::Hang, Kind::Info, ":net-timeout");
}

#[test]
fn a_malformed_reply_is_recorded_as_an_exception() {
    let report = run(EchoBehavior::AddKey);
    let exceptions = report.results.get_in(&["exceptions", "exceptions"]);
    let exceptions = exceptions.map(ToString::to_string).unwrap_or_default();
    assert!(exceptions.contains(":malformed-rpc-response"), "{exceptions}");
}

#[test]
fn an_operation_without_reply_replaces_its_process_after_five_seconds() {
    let report = run(EchoBehavior::HangSometimes);
    let indeterminate = report.history.ops().iter().find(|op| op.kind == Kind::Info).unwrap();
    let began = report.history.invocation(indeterminate).unwrap();
    assert_eq!(indeterminate.time - began.time, 5_000_000_000);
    let next = &report.history.ops()[indeterminate.index + 1];
    assert_eq!((indeterminate.process, next.process), (Process::Client(0), Process::Client(1)));
    assert!(report.ok_count("echo") > 0);
    assert_eq!(report.valid, Validity::Invalid, "not every request succeeded");
}

#[test]
fn failed_operations_are_named_if_nothing_else_is_wrong() {
    let report = run(EchoBehavior::HangSometimes);
    let [few] = &report.contradictions[..] else { panic!("{:?}", report.contradictions) };
    assert!(
        few.description.contains(" did not succeed; the first was echo by process 0"),
        "{}",
        few.description
    );
    let indeterminate = report.history.ops().iter().find(|op| op.kind == Kind::Info).unwrap();
    assert!(few.operations.contains(&indeterminate.index), "{few:?}");
    let report = run(EchoBehavior::Hang);
    let [none, all] = &report.contradictions[..] else { panic!("{:?}", report.contradictions) };
    assert!(none.description.contains(" within 5 s"), "{}", none.description);
    assert_eq!(none.operations, all.operations);
    assert_eq!(run(EchoBehavior::Correct).contradictions, []);
}

#[test]
fn a_warning_names_the_links_and_types_of_a_message_storm() {
    #[track_caller]
    fn check(times: u64, expected: Option<&str>) {
        let concurrency = "1".parse().unwrap_or_default();
        let time_limit = Duration::from_secs(5);
        let test = Test { nodes: 2, concurrency, time_limit, ..Test::default() };
        let report =
            test.run(move |node| MisbehavingNode { node, behavior: EchoBehavior::Chatter(times) });
        report.assert_valid();
        let (sent, asked) = (report.traffic.servers.sent, report.operations.invoked as u64);
        assert_eq!(sent, times * asked);
        let expected = expected.map(|per_operation| {
            format!(
                "nodes sent each other far too many messages, {sent}, or {per_operation} per \
                 operation: n0 sent {sent} to n1 of type ping (100 %)"
            )
        });
        assert_eq!(report.warnings, expected.into_iter().collect::<Vec<_>>());
    }
    check(101, Some("101"));
    check(100, None);
    check(1, None);
}

#[test]
fn given_node_ids_are_used() {
    let ids = vec!["left".to_owned(), "right".to_owned()];
    let report = Test { ids, trace: true, time_limit: Duration::from_secs(5), ..Test::default() }
        .run(|node| MisbehavingNode { node, behavior: EchoBehavior::Correct });
    report.assert_valid();
    assert!(report.trace.contains(" left "), "{}", report.trace);
}

#[test]
#[should_panic(expected = "invalid test: 0 is not a possible number of nodes")]
fn an_invalid_test_does_not_start() {
    Test { nodes: 0, ..Test::default() }
        .run(|node| MisbehavingNode { node, behavior: EchoBehavior::Correct });
}
