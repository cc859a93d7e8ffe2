//! Faults that end early, and the time in which nodes that retransmit repair their effects.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use eddy::edn::Value;
use eddy::history::{Kind, Op, Process};
use eddy::latency::Latency;
use eddy::{Fault, RepairMatrix, Report, Strike, Test, Validity, seeds, workload};
use glomers::gossip::Seen;
use glomers::{Handler, Json, Node, async_trait};
use serde::{Deserialize, Serialize};

const SECOND: Duration = Duration::from_secs(1);

/// The latency of a message.
const LATENCY: Duration = Duration::from_millis(10);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GossipMessage {
    Topology,
    TopologyOk,
    Broadcast { message: Json },
    BroadcastOk,
    Read,
    ReadOk { messages: Vec<Json> },
    Gossip { message: Json },
    GossipOk,
}

/// Sends each value to all peers: until it is acknowledged, or only once.
struct RetransmittingNode {
    node: Node,
    retransmit_timeout: Option<Duration>,
    seen: Rc<RefCell<Seen<Json>>>,
}

impl RetransmittingNode {
    fn new(node: Node, retransmit_timeout: Option<Duration>) -> RetransmittingNode {
        RetransmittingNode { node, retransmit_timeout, seen: Rc::default() }
    }

    fn send_value(&self, peer: &str, gossip: GossipMessage) {
        let Some(every) = self.retransmit_timeout else { return self.node.send(peer, &gossip) };
        let (node, peer) = (self.node.clone(), peer.to_owned());
        self.node.spawn(async move {
            while node.rpc_with_timeout::<GossipMessage>(every, &peer, &gossip).await.is_err() {}
        });
    }
}

#[async_trait(?Send)]
impl Handler for RetransmittingNode {
    type Request = GossipMessage;
    type Reply = GossipMessage;

    async fn handle(&self, _from: &str, request: GossipMessage) -> anyhow::Result<GossipMessage> {
        Ok(match request {
            GossipMessage::Topology => GossipMessage::TopologyOk,
            GossipMessage::Broadcast { message } => {
                self.seen.borrow_mut().insert_new([message.clone()]);
                for peer in self.node.peers() {
                    self.send_value(peer, GossipMessage::Gossip { message: message.clone() });
                }
                GossipMessage::BroadcastOk
            }
            GossipMessage::Gossip { message } => {
                self.seen.borrow_mut().insert_new([message]);
                GossipMessage::GossipOk
            }
            GossipMessage::Read => {
                GossipMessage::ReadOk { messages: self.seen.borrow().items().to_vec() }
            }
            _ => anyhow::bail!("no request"),
        })
    }
}

fn test() -> Test {
    Test {
        workload: &workload::Broadcast,
        nodes: 4,
        rate: 100.0,
        time_limit: 20 * SECOND,
        latency: Latency { mean: LATENCY, ..Latency::default() },
        ..Test::default()
    }
}

fn run(test: &Test, retry_every: Option<Duration>) -> Report {
    test.run(move |node| RetransmittingNode::new(node, retry_every))
}

/// Checks that repair takes almost as long as the nodes' retransmission timeout, and no longer.
#[track_caller]
fn check_repaired(report: &Report, every: Duration) {
    let repair = report.repair.expect("faults ended early");
    assert_eq!((report.valid, repair.missed, repair.nodes), (Validity::Valid, 0, 4), "{report}");
    assert!(repair.within <= every + 2 * LATENCY, "{report}");
    assert!(repair.within > every * 2 / 3, "{report}");
    assert!(repair.reads > 100 && repair.values > 100, "{report}");
}

#[test]
fn repair_takes_as_long_as_the_retransmission_timeout() {
    let strikes = vec![Strike::partition(["n0", "n1"], 3 * SECOND, 8 * SECOND)];
    let test = Test { strikes, ..test() };
    for every in [SECOND / 2, SECOND, 3 * SECOND] {
        check_repaired(&run(&test, Some(every)), every);
    }
    // The same with a longer strike that `faults_until` ends.
    let strikes = vec![Strike::partition(["n0", "n1"], 3 * SECOND, 18 * SECOND)];
    let ended = Test { strikes, faults_until: 8 * SECOND, ..test };
    check_repaired(&run(&ended, Some(SECOND)), SECOND);
}

#[test]
fn for_any_seed_the_effects_of_drawn_faults_are_repaired_in_time() {
    let faults = [Fault::Partition, Fault::OneWay, Fault::Loss, Fault::Pause];
    let test = Test { faults: faults.into(), nemesis_interval: 2 * SECOND, ..test() };
    let measure = |seed| {
        let test = Test { faults_until: 8 * SECOND, seed, ..test.clone() };
        let report = run(&test, Some(SECOND));
        let repair = report.repair.unwrap();
        assert_eq!((report.valid, repair.missed), (Validity::Valid, 0), "{report}");
        assert!(repair.within <= SECOND + 2 * LATENCY, "{report}");
        repair.within
    };
    seeds(measure);
    let found = [0, 1, 2, 3].map(measure);
    assert!(found.iter().any(|within| *within > SECOND / 2), "nothing was repaired: {found:?}");
}

#[test]
fn a_value_that_is_never_retransmitted_is_missed_to_the_end() {
    let strikes = vec![Strike::partition(["n0", "n1"], 3 * SECOND, 8 * SECOND)];
    let report = run(&Test { strikes, ..test() }, None);
    let repair = report.repair.unwrap();
    // The final reads are 10 s after the last other operation.
    assert!(repair.within >= 22 * SECOND, "{report}");
    assert!(repair.missed > 50 && repair.missed < repair.values, "{report}");
    assert!(report.to_string().contains(" still missing 22"), "{report}");
}

#[test]
#[should_panic(expected = "1. partition dropped no message")]
fn a_matrix_panics_if_faults_strike_no_message() {
    RepairMatrix::assert_repaired(&test(), SECOND, |test| {
        run(&Test { faults: [].into(), ..test.clone() }, Some(SECOND / 10))
    });
}

#[test]
fn without_faults_that_end_early_or_without_values_there_is_no_repair() {
    #[track_caller]
    fn check(test: &Test) {
        assert_eq!(run(test, Some(SECOND)).repair, None);
    }
    check(&test());
    check(&Test { faults_until: 5 * SECOND, ..test() });
    let until = |until| vec![Strike::partition(["n0"], 3 * SECOND, until)];
    check(&Test { strikes: until(25 * SECOND), ..test() });
    check(&Test { strikes: until(8 * SECOND), workload: &workload::Echo, ..test() });
}

#[test]
fn results_have_the_repair_only_if_faults_until_is_set() {
    let strikes = vec![Strike::partition(["n0"], 3 * SECOND, 8 * SECOND)];
    let usual = Test { strikes, ..test() };
    let early = Test { faults_until: 10 * SECOND, ..usual.clone() };
    let [usual, early] = [usual, early].map(|test| run(&test, Some(SECOND)));
    assert_eq!(usual.repair, early.repair);
    let repair = early.repair.unwrap();
    assert_eq!(usual.results.get("repair"), None);
    let within = early.results.get_in(&["repair", "within-ms"]).and_then(Value::as_int);
    assert_eq!(within, i64::try_from(repair.within.as_millis()).ok());
    let line = format!("\n  repair          {repair}\n");
    assert!(usual.to_string().contains(&line), "{usual}");
}

#[test]
fn for_any_seed_all_faults_end_at_faults_until_and_none_strikes_later() {
    let faults_until = 8 * SECOND;
    let started = seeds(|seed| {
        let faults = Fault::ALL.into();
        let strikes = vec![
            Strike::kill(["n2"], 7 * SECOND, 19 * SECOND),
            Strike::pause(["n3"], 2 * SECOND, Duration::MAX),
        ];
        let nemesis_interval = SECOND;
        let test = Test { faults, strikes, nemesis_interval, faults_until, seed, ..test() };
        let report = run(&test, Some(SECOND));
        // Values are lost, because these nodes have no storage.
        assert_eq!(report.failure, None, "{report}");
        let ops = report.history.ops();
        // Times of strikes count from the first operation.
        let end = ops[0].time + u64::try_from(faults_until.as_nanos()).unwrap();
        let nemesis = |op: &&Op| op.process == Process::Nemesis && op.time >= end;
        let mut ends = BTreeSet::new();
        for Op { time, f, value, .. } in ops.iter().filter(nemesis) {
            assert!(*time <= end + 1_000_000, "{f} at {time} ns");
            assert!(f.starts_with("stop-") || ["start", "resume"].contains(&&**f), "{f}");
            ends.insert(format!("{f} {value}"));
        }
        let lives = |node: u64| {
            let answered = |op: &&Op| {
                let is_late = op.time > end && op.time < end + 10_000_000_000;
                let Process::Client(process) = op.process else { return false };
                is_late && op.kind == Kind::Ok && process % 4 == node
            };
            // Each node receives about 125 requests, of which a dead node answers none.
            ops.iter().filter(answered).count() > 50
        };
        assert!([0, 1, 2, 3].map(lives) == [true; 4], "{report}");
        ends.iter().any(|end| end.starts_with("start {") && end.contains("\"n2\" :started"))
    });
    assert!(started.iter().all(|is_started| *is_started), "n2 was dead");
}
