//! The same seed gives the same run, byte for byte.

use std::cell::RefCell;
use std::time::Duration;

use eddy::latency::{Distribution, Latency};
use eddy::{Fault, Report, Test, Workload};
use glomers::gossip::{Neighbor, Pace, Seen};
use glomers::{Handler, Json, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Topology,
    TopologyOk,
    Broadcast { message: Json },
    BroadcastOk,
    Read,
    ReadOk { messages: Vec<Json> },
    Gossip { messages: Vec<Json> },
    GossipOk,
}

/// Everybody tells everybody; retries draw random numbers.
struct Gossiper {
    others: Vec<Neighbor<Json>>,
    seen: RefCell<Seen<Json>>,
}

impl Gossiper {
    fn new(node: Node) -> Self {
        let connect = |id| {
            let gossip = |messages| Body::Gossip { messages };
            Neighbor::keep_up_to_date(&node, id, Pace::default(), gossip)
        };
        Gossiper { others: node.peers().map(connect).collect(), seen: RefCell::default() }
    }
}

#[async_trait(?Send)]
impl Handler for Gossiper {
    type Request = Body;
    type Reply = Body;

    async fn handle(&self, _from: &str, request: Body) -> anyhow::Result<Body> {
        Ok(match request {
            Body::Topology => Body::TopologyOk,
            Body::Broadcast { message } => {
                let news = self.seen.borrow_mut().learn([message]);
                self.others.iter().for_each(|other| other.tell(news.iter().cloned()));
                Body::BroadcastOk
            }
            Body::Gossip { messages } => {
                self.seen.borrow_mut().learn(messages);
                Body::GossipOk
            }
            Body::Read => Body::ReadOk { messages: self.seen.borrow().items().to_vec() },
            other => anyhow::bail!("{} is no request", serde_json::to_string(&other)?),
        })
    }
}

fn run(seed: u64) -> Report {
    let mean = Duration::from_millis(20);
    let report = Test {
        workload: Workload::Broadcast,
        nodes: 7,
        rate: 50.0,
        time_limit: Duration::from_secs(15),
        nemesis_interval: Duration::from_secs(3),
        latency: Latency { mean, distribution: Distribution::Exponential },
        faults: [Fault::Partition].into(),
        trace: true,
        seed,
        ..Test::default()
    }
    .run(Gossiper::new);
    report.assert_valid();
    report
}

fn record(report: &Report) -> (String, Vec<u8>, String) {
    let mut history = Vec::new();
    report.history.write_edn(&mut history).expect("a vector takes everything");
    (report.to_string(), history, report.results.pretty())
}

#[test]
fn the_same_seed_gives_the_same_report_history_and_trace() {
    for seed in 0..5 {
        let (first, second) = (run(seed), run(seed));
        assert!(first.dropped > 0, "seed {seed} cuts nothing: {first}");
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(record(&first), record(&second), "seed {seed}");
    }
}

#[test]
fn another_seed_gives_another_run() {
    assert_ne!(run(1).trace, run(2).trace);
}
