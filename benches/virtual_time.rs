//! What a test in virtual time costs: `cargo bench --bench virtual_time`.
//!
//! The nodes are those of challenges 3c, 3d and 3e in short, because a bench cannot see into
//! another program: who tells whom, and how often, is what makes their traffic.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use eddy::checker::set_full;
use eddy::latency::Latency;
use eddy::{Fault, Report, Test, Workload};
use glomers::gossip::{Neighbor, Pace, Seen};
use glomers::{Handler, Json, JsonArray, Node, async_trait};
use serde::{Deserialize, Serialize};

/// How long challenge 3e may take: 30 simulated seconds of 25 nodes. Longer, and nobody tries many
/// seeds.
const BOUND: Duration = Duration::from_millis(500);

/// Of how many runs the median is taken. More take longer, fewer are at the mercy of the machine.
const RUNS: usize = 9;

fn main() -> ExitCode {
    println!(
        "                      simulated    median   of which   messages   thousand    simulated\n\
         challenge              seconds   wall ms   checker ms    sent    per second  s per wall s"
    );
    let far = Latency { mean: Duration::from_millis(100), ..Latency::default() };
    let large = Test { nodes: 25, rate: 100.0, latency: far, ..challenge() };
    let lossy = Test { nodes: 5, rate: 10.0, faults: [Fault::Partition].into(), ..challenge() };
    measure("3c with partitions", &lossy, Layout::AsGiven);
    measure("3d", &large, Layout::Everybody);
    let median = measure("3e", &large, Layout::Star);
    if median >= BOUND {
        eprintln!("Challenge 3e took {median:.0?}; it must stay below {BOUND:?}.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn challenge() -> Test {
    let time_limit = Duration::from_secs(20);
    Test { workload: Workload::Broadcast, time_limit, ..Test::default() }
}

/// Runs a test several times, prints a line, and returns the median.
fn measure(challenge: &str, test: &Test, layout: Layout) -> Duration {
    let run = || test.run(move |node| Broadcast::new(node, layout));
    let (report, wall) = median(run);
    report.assert_valid();
    let (_, checker) = median(|| set_full::check(&report.history, "broadcast", "read"));
    let Report { all, history, .. } = &report;
    let nanoseconds = history.ops().last().map_or(0, |last| last.time);
    let simulated = Duration::from_nanos(nanoseconds).as_secs_f64();
    let [wall_ms, checker_ms] = [wall, checker].map(|time| time.as_secs_f64() * 1e3);
    #[expect(clippy::cast_precision_loss, reason = "no test sends 2^53 messages")]
    let rate = all.sent as f64 / wall_ms;
    println!(
        "{challenge:20} {simulated:11.1} {wall_ms:9.1} {checker_ms:12.1} {:10} {rate:11.0} {:12.0}",
        all.sent,
        simulated / wall.as_secs_f64()
    );
    wall
}

/// The last of several results, and the median of how long they took.
fn median<T>(work: impl Fn() -> T) -> (T, Duration) {
    // This run warms caches up, and is not counted.
    let mut result = work();
    let mut times = [Duration::ZERO; RUNS];
    for time in &mut times {
        let start = Instant::now();
        result = work();
        *time = start.elapsed();
    }
    times.sort_unstable();
    (result, times[RUNS / 2])
}

/// Who tells whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Each node its neighbors on the grid, which pass it on (3c).
    AsGiven,
    /// Each node everybody else (3d).
    Everybody,
    /// The first node everybody else, and they the first, in batches (3e).
    Star,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Topology { topology: BTreeMap<String, Vec<String>> },
    Broadcast { message: Json },
    Read,
    Gossip { messages: Vec<Json> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    TopologyOk,
    BroadcastOk,
    ReadOk { messages: JsonArray },
    GossipOk,
}

struct Broadcast {
    node: Node,
    layout: Layout,
    neighbors: RefCell<Vec<Neighbor<Json>>>,
    seen: RefCell<Seen<Json>>,
}

impl Broadcast {
    fn new(node: Node, layout: Layout) -> Self {
        let (neighbors, seen) = (RefCell::default(), RefCell::default());
        Broadcast { node, layout, neighbors, seen }
    }

    fn connect(&self, given: Vec<String>) {
        let peers = self.node.peers().map(str::to_owned);
        let hub = &self.node.node_ids()[0];
        let neighbors = match self.layout {
            Layout::AsGiven => given,
            Layout::Everybody => peers.collect(),
            Layout::Star if hub == self.node.id() => peers.collect(),
            Layout::Star => vec![hub.clone()],
        };
        let flush = Duration::from_millis(if self.layout == Layout::Star { 300 } else { 0 });
        let pace = Pace { flush, ..Pace::default() };
        let connect = |id| {
            let gossip = |messages| Request::Gossip { messages };
            Neighbor::keep_up_to_date(&self.node, id, pace, gossip)
        };
        self.neighbors.replace(neighbors.into_iter().map(connect).collect());
    }

    fn learn(&self, from: &str, messages: Vec<Json>) {
        let news = self.seen.borrow_mut().learn(messages);
        let is_from_node = self.node.node_ids().iter().any(|id| id == from);
        if is_from_node && self.layout == Layout::Everybody {
            return;
        }
        for neighbor in self.neighbors.borrow().iter().filter(|neighbor| neighbor.id() != from) {
            neighbor.tell(news.iter().cloned());
        }
    }
}

#[async_trait(?Send)]
impl Handler for Broadcast {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Topology { mut topology } => {
                self.connect(topology.remove(self.node.id()).unwrap_or_default());
                Reply::TopologyOk
            }
            Request::Broadcast { message } => {
                self.learn(from, vec![message]);
                Reply::BroadcastOk
            }
            Request::Gossip { messages } => {
                self.learn(from, messages);
                Reply::GossipOk
            }
            Request::Read => Reply::ReadOk { messages: self.seen.borrow().to_json() },
        })
    }
}
