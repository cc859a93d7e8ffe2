//! Small clusters and their recorded tests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use eddy::latency::Latency;
use eddy::nemesis::Strike;
use eddy::{Report, Test, workload};
use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

use crate::browser::page::directory;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Markup that must never run, and must be shown as text only.
pub(crate) const MARKUP: &str = "<script>window.ran=1</script><img src=x onerror='window.ran=1'>";

/// Node that sends each value to every other node once, without retransmission.
struct Flooder {
    node: Node,
    seen: RefCell<BTreeSet<u64>>,
}

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

#[async_trait(?Send)]
impl Handler for Flooder {
    type Request = Body;
    type Reply = Body;

    async fn handle(&self, _from: &str, request: Body) -> anyhow::Result<Body> {
        Ok(match request {
            Body::Broadcast { message } => {
                self.seen.borrow_mut().insert(message);
                for peer in self.node.peers() {
                    self.node.send(peer, &Body::News { message });
                }
                Body::BroadcastOk
            }
            Body::News { message } => {
                self.seen.borrow_mut().insert(message);
                Body::NewsOk
            }
            Body::Read => Body::ReadOk { messages: self.seen.borrow().iter().copied().collect() },
            _ => Body::TopologyOk,
        })
    }
}

pub(crate) fn broadcast() -> Test {
    Test {
        workload: &workload::Broadcast,
        nodes: 5,
        rate: 10.0,
        time_limit: 5 * SECOND,
        latency: Latency { mean: Duration::from_millis(20), ..Latency::default() },
        seed: 1,
        trace: true,
        ..Test::default()
    }
}

/// Valid test.
pub(crate) fn valid() -> Report {
    let report = run_flooder(&Test { rate: 40.0, ..broadcast() });
    report.assert_valid();
    report
}

/// Test in which a partition loses values.
pub(crate) fn lost() -> Report {
    let strikes = vec![Strike::partition(["n2"], SECOND, 2 * SECOND)];
    let report = run_flooder(&Test { strikes, seed: 2, ..broadcast() });
    assert!(!report.lost.is_empty(), "{report}");
    report
}

/// Test with a fifth more operations than the challenges have.
pub(crate) fn large() -> Report {
    let latency = Latency { mean: Duration::from_millis(100), ..Latency::default() };
    run_flooder(&Test { nodes: 25, rate: 120.0, time_limit: 20 * SECOND, latency, ..broadcast() })
}

fn run_flooder(test: &Test) -> Report {
    test.run(|node| Flooder { node, seen: RefCell::default() })
}

/// Node that generates ids of markup, each of them twice.
struct MarkupIds(Cell<u64>);

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Generate,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    GenerateOk { id: String },
}

#[async_trait(?Send)]
impl Handler for MarkupIds {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, Request::Generate: Request) -> anyhow::Result<Reply> {
        self.0.set(self.0.get() + 1);
        Ok(Reply::GenerateOk { id: format!("{MARKUP}{}", self.0.get() / 2) })
    }
}

/// Test whose nodes answer with markup.
pub(crate) fn markup() -> Report {
    let test = Test { workload: &workload::UniqueIds, nodes: 1, ..broadcast() };
    test.run(|_| MarkupIds(Cell::new(0)))
}

/// Records a report in its own store.
pub(crate) fn keep(report: &Report, name: &str) -> PathBuf {
    eddy_pages::keep(report, &directory(name).join("store")).unwrap()
}
