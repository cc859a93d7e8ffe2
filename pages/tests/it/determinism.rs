//! The same seed gives the same run, byte for byte.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use eddy::latency::{Distribution, Latency};
use eddy::{Fault, Report, Strike, Test, seeds, workload};
use glomers::gossip::{self, Batch, BucketItems, ComparisonStep, Digest, Gossip, Seen, Timing};
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
    Gossip(Batch<Json>),
    GossipOk,
    Compare { digest: Digest },
    CompareOk(BucketItems<Json>),
}

/// Node that sends each value to all peers, and runs anti-entropy after a restart, which draws
/// random numbers.
struct Gossiper {
    node: Node,
    gossip: Gossip<Json>,
    seen: Rc<RefCell<Seen<Json>>>,
}

impl Gossiper {
    fn new(node: Node) -> Self {
        let gossip = Gossip::new(&node, Timing::IMMEDIATE, Body::Gossip);
        let seen = Rc::<RefCell<Seen<Json>>>::default();
        let learner = Rc::clone(&seen);
        let learn = async move |step: ComparisonStep<Json>| {
            learner.borrow_mut().insert_new(step.items);
        };
        gossip::spawn_anti_entropy(&gossip, &seen, |digest| Body::Compare { digest }, learn);
        gossip.connect(node.peers().map(str::to_owned));
        Gossiper { node, gossip, seen }
    }
}

#[async_trait(?Send)]
impl Handler for Gossiper {
    type Request = Body;
    type Reply = Body;

    async fn handle(&self, from: &str, request: Body) -> anyhow::Result<Body> {
        Ok(match request {
            Body::Topology => Body::TopologyOk,
            Body::Broadcast { message } => {
                let news = self.seen.borrow_mut().insert_new([message]);
                self.node.peers().for_each(|peer| self.gossip.enqueue(peer, news.iter().cloned()));
                Body::BroadcastOk
            }
            Body::Gossip(batch) => {
                self.gossip.receive(from, &batch);
                self.seen.borrow_mut().insert_new(batch.items);
                Body::GossipOk
            }
            Body::Compare { digest } => {
                Body::CompareOk(self.seen.borrow().differing_buckets(&digest))
            }
            Body::Read => Body::ReadOk { messages: self.seen.borrow().items().to_vec() },
            other => anyhow::bail!("{} is no request", serde_json::to_string(&other)?),
        })
    }
}

fn run(seed: u64) -> Report {
    test(seed).run(Gossiper::new)
}

fn test(seed: u64) -> Test {
    let mean = Duration::from_millis(20);
    Test {
        workload: &workload::Broadcast,
        nodes: 7,
        rate: 50.0,
        time_limit: Duration::from_secs(15),
        nemesis_interval: Duration::from_secs(3),
        latency: Latency { mean, distribution: Distribution::Exponential },
        faults: Fault::ALL.into(),
        trace: true,
        seed,
        ..Test::default()
    }
}

/// All recorded files of a test by name, and the displayed report.
fn recorded_files(report: &Report, store: &Path) -> BTreeMap<String, Vec<u8>> {
    let directory = eddy_pages::keep(report, store).unwrap();
    let files = fs::read_dir(&directory).unwrap().map(|file| file.unwrap());
    let mut contents: BTreeMap<String, Vec<u8>> = files
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect();
    contents.insert("shown".to_owned(), report.to_string().into_bytes());
    contents
}

#[test]
fn for_any_seed_the_same_seed_gives_the_same_store() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("determinism");
    let _ = fs::remove_dir_all(&place);
    let struck = seeds(|seed| {
        let path = place.join(seed.to_string());
        let first = run(seed);
        let stores = [&first, &run(seed)].map(|report| recorded_files(report, &path));
        let names: Vec<&str> = stores[0].keys().map(String::as_str).collect();
        let expected = "faults.txt history.edn history.txt latency-quantiles.svg latency-raw.svg \
                        messages-rate.svg messages.svg rate.svg report.html results.edn \
                        results.json shown summary.json test.json timeline.html trace.txt";
        assert_eq!(names.join(" "), expected);
        for (name, content) in &stores[0] {
            assert!(*content == stores[1][name], "{name} differs");
        }
        let _ = fs::remove_dir_all(&path);
        Fault::ALL.map(|fault| first.faults[&fault].messages_affected)
    });
    let all = struck
        .iter()
        .fold([0; 7], |sum: [u64; 7], one| std::array::from_fn(|fault| sum[fault] + one[fault]));
    assert!(all.iter().all(|messages| *messages > 0), "a fault struck no message: {all:?}");
}

#[test]
fn naming_the_drawn_strikes_gives_the_same_run() {
    for seed in 0..5 {
        let drawn = run(seed);
        let (faults, strikes) = ([].into(), drawn.strikes.clone());
        let named = Test { faults, strikes, ..drawn.test().clone() }.run(Gossiper::new);
        assert_eq!(drawn.strikes, named.strikes, "seed {seed}");
        assert_eq!(drawn.faults, named.faults, "seed {seed}");
        assert!(drawn.trace == named.trace, "seed {seed}");
    }
}

#[test]
fn naming_the_drawn_strikes_gives_the_same_run_if_all_end_early() {
    for seed in 0..5 {
        // Not a tick of the simulation's clock.
        let faults_until = Duration::from_micros(7_000_300);
        let drawn = Test { faults_until, ..test(seed) }.run(Gossiper::new);
        assert!(drawn.strikes.iter().any(|strike| strike.until == faults_until), "seed {seed}");
        assert!(drawn.strikes.iter().all(|strike| strike.until <= faults_until), "seed {seed}");
        let (faults, strikes) = ([].into(), drawn.strikes.clone());
        let named = Test { faults, strikes, ..drawn.test().clone() }.run(Gossiper::new);
        assert_eq!(drawn.strikes, named.strikes, "seed {seed}");
        assert_eq!(drawn.repair, named.repair, "seed {seed}");
        assert!(drawn.trace == named.trace, "seed {seed}");
    }
}

#[test]
fn faults_until_the_time_limit_change_nothing() {
    let faults_until = test(1).time_limit;
    let report = Test { faults_until, ..test(1) }.run(Gossiper::new);
    assert!(report.trace == run(1).trace);
}

#[test]
fn a_named_partition_is_the_same_fault_as_a_drawn_one() {
    let test = Test {
        workload: &workload::Echo,
        nodes: 5,
        time_limit: Duration::from_secs(5),
        faults: [Fault::Partition].into(),
        nemesis_interval: Duration::from_secs(1),
        ..Test::default()
    };
    let drawn = test.run(Gossiper::new);
    let (faults, strikes) = ([].into(), drawn.strikes.clone());
    let named = Test { faults, strikes, ..test }.run(Gossiper::new);
    assert!(drawn.strikes.len() > 1);
    assert_eq!(drawn.results, named.results);
}

#[test]
fn adjacent_strikes_give_the_same_run_in_any_order() {
    let second = Duration::from_secs(1);
    let first = Strike::kill(["n0"], second, 2 * second);
    let next = Strike::kill(["n0", "n1"], 2 * second, 4 * second);
    let runs = [vec![first.clone(), next.clone()], vec![next, first]].map(|strikes| {
        let (workload, time_limit) = (&workload::Broadcast, 5 * second);
        let test = Test { workload, nodes: 3, time_limit, strikes, trace: true, ..Test::default() };
        let report = test.run(Gossiper::new);
        let repeated = Test { strikes: report.strikes.clone(), ..test }.run(Gossiper::new);
        assert!(report.trace == repeated.trace);
        report.trace
    });
    assert!(runs[0] == runs[1]);
}

#[test]
fn another_seed_gives_another_run() {
    assert_ne!(run(1).trace, run(2).trace);
}
