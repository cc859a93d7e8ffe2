//! Maelstrom's services, as nodes use them through the network.

use std::time::Duration;

use eddy::edn::Value;
use eddy::latency::Latency;
use eddy::network::Delivery;
use eddy::{Fault, Report, Strike, Test, seeds, workload};
use glomers::{ErrorCode, Handler, KeyValue, Node, RpcError, TimestampOracle, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Generate,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    GenerateOk { id: u64 },
}

/// The service that ids come from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum IdSource {
    Oracle,
    Linearizable,
    Sequential,
    LastWriteWins,
}

/// Ids that are timestamps, or values of a counter that all nodes share.
struct ServiceIds {
    node: Node,
    source: IdSource,
}

impl ServiceIds {
    fn run(test: &Test, source: IdSource) -> Report {
        test.run(move |node| ServiceIds { node, source })
    }

    /// Adds one to the counter, and returns its old value.
    async fn count(&self, store: &KeyValue) -> Result<u64, RpcError> {
        loop {
            let count = store.read(&"count").await?.unwrap_or(0);
            // Without a counter it is created, by compare-and-set where the store supports that.
            let swapped = match self.source {
                IdSource::LastWriteWins if count == 0 => {
                    store.write(&"count", &1).await.map(|()| true)
                }
                IdSource::LastWriteWins => store.cas(&"count", &count, &(count + 1)).await,
                _ => store.cas_or_create(&"count", &count, &(count + 1)).await,
            };
            if swapped? {
                return Ok(count);
            }
        }
    }
}

#[async_trait(?Send)]
impl Handler for ServiceIds {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, _request: Request) -> anyhow::Result<Reply> {
        let id = match self.source {
            IdSource::Oracle => TimestampOracle::new(&self.node).timestamp().await?,
            IdSource::Linearizable => self.count(&KeyValue::lin(&self.node)).await?,
            IdSource::Sequential => self.count(&KeyValue::seq(&self.node)).await?,
            IdSource::LastWriteWins => self.count(&KeyValue::lww(&self.node)).await?,
        };
        Ok(Reply::GenerateOk { id })
    }
}

fn test(seed: u64) -> Test {
    Test {
        workload: &workload::UniqueIds,
        nodes: 3,
        rate: 10.0,
        time_limit: Duration::from_secs(10),
        latency: Latency { mean: Duration::from_millis(10), ..Latency::default() },
        nemesis_interval: Duration::from_secs(2),
        seed,
        ..Test::default()
    }
}

#[test]
fn for_any_seed_timestamps_and_counts_are_unique() {
    seeds(|seed| {
        for source in [IdSource::Oracle, IdSource::Linearizable, IdSource::Sequential] {
            for faults in Fault::sets_to_test() {
                for delivery in [Delivery::Maelstrom, Delivery::Plain] {
                    let test = Test { faults: faults.clone(), delivery, ..test(seed) };
                    ServiceIds::run(&test, source).assert_valid();
                }
            }
        }
    });
}

#[test]
fn a_store_that_loses_writes_repeats_counts() {
    let is_wrong = |seed: &u64| {
        let report = ServiceIds::run(&test(*seed), IdSource::LastWriteWins);
        assert_eq!(report.failure, None);
        report.results.get_in(&["workload", "duplicated-count"]).and_then(Value::as_int) > Some(0)
    };
    assert!((0..20).filter(is_wrong).count() > 10);
}

#[test]
fn a_request_to_a_service_counts_as_two_messages_between_servers() {
    let test = Test { trace: true, ..test(1) };
    let report = ServiceIds::run(&test, IdSource::Oracle);
    report.assert_valid();
    let asked = report.operations.ok as u64;
    assert_eq!(
        (report.traffic.servers.sent, report.traffic.servers.received),
        (2 * asked, 2 * asked)
    );
    let times = |what: &str| {
        let lines = report.trace.lines().filter(move |line| line.contains(what));
        lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect::<Vec<u64>>()
    };
    let (received, answered) = (times("Receive "), times(" lin-tso n"));
    assert!(!answered.is_empty() && answered.iter().all(|time| received.contains(time)));
    for name in ["lin-kv", "seq-kv", "lww-kv"] {
        assert!(!report.trace.contains(name), "nobody spoke to {name}");
    }
    let first = answered[0];
    assert!(times("lin-tso").iter().any(|time| *time + 10_000_000 == first), "latency there");
    assert!(times("Receive ").contains(&(first + 10_000_000)), "and back");
}

#[test]
fn faults_of_nodes_do_not_affect_their_messages_to_services() {
    let (from, until) = (Duration::ZERO, Duration::from_secs(10));
    let all = || ["n0", "n1", "n2"];
    for strike in [
        Strike::partition(["n0"], from, until),
        Strike::mute(all(), from, until),
        Strike::deafen(all(), from, until),
        Strike::lose(1.0, all(), from, until),
        Strike::duplicate(1.0, all(), from, until),
        Strike::slow(Duration::from_secs(3), all(), from, until),
    ] {
        let test = Test { strikes: vec![strike], ..test(1) };
        let report = ServiceIds::run(&test, IdSource::Oracle);
        report.assert_valid();
        let asked = report.operations.invoked as u64;
        assert_eq!((report.operations.ok as u64, report.dropped), (asked, 0), "{report}");
        assert_eq!(report.traffic.servers.received, 2 * asked, "{report}");
    }
}

#[test]
fn a_strike_that_names_a_service_strikes_its_messages_and_no_others() {
    let (from, until) = (Duration::ZERO, Duration::from_secs(10));
    let run =
        |strike| ServiceIds::run(&Test { strikes: vec![strike], ..test(1) }, IdSource::Oracle);
    let lost = run(Strike::lose(1.0, ["lin-tso"], from, until));
    // Each client's final operation comes after the strike.
    assert!(lost.dropped > 0 && lost.operations.ok <= 3, "{lost}");
    let doubled = run(Strike::duplicate(1.0, ["lin-tso"], from, until));
    doubled.assert_valid();
    // Each request arrives twice, and so does each of the two replies; but not for the final
    // operations.
    let asked = doubled.operations.invoked as u64;
    assert!(doubled.traffic.servers.received > 5 * asked, "{doubled}");
    let other = run(Strike::lose(1.0, ["seq-kv"], from, until));
    other.assert_valid();
    assert_eq!(other.dropped, 0, "{other}");
}

#[test]
#[should_panic(expected = "strikes \"lin-tso\", which is not a node of the test")]
fn no_strike_kills_a_service() {
    let strikes = vec![Strike::kill(["lin-tso"], Duration::ZERO, Duration::MAX)];
    ServiceIds::run(&Test { strikes, ..test(1) }, IdSource::Oracle);
}

#[test]
fn the_same_seed_gives_the_same_services() {
    let trace = |seed| {
        let test = Test { trace: true, faults: Fault::ALL.into(), ..test(seed) };
        ServiceIds::run(&test, IdSource::Sequential).trace
    };
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}

/// Sends bad requests to a service, and checks the error code of each reply.
struct BadRequester {
    node: Node,
}

#[async_trait(?Send)]
impl Handler for BadRequester {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, _request: Request) -> anyhow::Result<Reply> {
        #[derive(Serialize)]
        #[serde(rename_all = "snake_case")]
        enum BadRequest {
            Ts,
            Read,
        }
        for (request, expected) in [
            (BadRequest::Ts, ErrorCode::NotSupported),
            (BadRequest::Read, ErrorCode::MalformedRequest),
        ] {
            let answer: Result<(), _> = self.node.rpc("seq-kv", &request).await;
            anyhow::ensure!(answer.err().and_then(|error| error.code()) == Some(expected));
        }
        // A message without a msg_id gets no reply, and has no effect.
        self.node.send("seq-kv", &BadRequest::Read);
        Ok(Reply::GenerateOk { id: self.node.random() })
    }
}

#[test]
fn a_service_refuses_bad_requests_at_once() {
    let report = test(1).run(|node| BadRequester { node });
    report.assert_valid();
    assert_eq!(report.operations.ok, report.operations.invoked, "{report}");
}
