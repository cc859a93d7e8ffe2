//! Challenge 3d: 25 nodes, 100 ms apart, few messages and short ways.
//!
//! What costs is messages, not links. A value has to reach 24 nodes, which takes 24 messages over
//! any tree, and sent directly they take one hop. So everybody tells everybody else, at once, and
//! nobody passes on. What can be saved is the acknowledgements: a node gets 2 broadcasts a second,
//! so it has something to tell each other node every half second anyway, and acknowledges with it.
//! Only an acknowledgement that has waited for 1.4 s leaves by itself ([`Pace::AT_ONCE`]).
//!
//! With `n` nodes, `b` broadcasts a second at each, and `a` = 1.4 s, a broadcast costs `n − 1`
//! messages, and at most `e^(−ab)` times as many acknowledgements: at 25 nodes and 50 broadcasts a
//! second 24 and 1. Half of the operations are broadcasts. The latency is that of one message.
//!
//! The more nodes there are, the less each has to say, and the fewer acknowledgements travel for
//! nothing: with 100 nodes half of them travel alone, with 400 nearly all. So above [`DIRECT`]
//! nodes they form groups of about `√n`. A node tells those of its own group and one of each other
//! group, which tells its group: two hops, the same `n − 1` messages, but only `2√n` links, on
//! which there is more to say. The work is spread evenly: with 50 broadcasts a second each node
//! sends 50 messages a second, whatever `n` is.
//!
//! Where latency varies, values overtake each other on their way. That costs nothing: whoever gets
//! one before its predecessor remembers that, and acknowledges both when it has both. And a message
//! counts as lost later, as round trips vary (RFC 6298).
//!
//! # Nothing is lost
//!
//! Who got a value from a client has it in the backlog for each node that has not acknowledged it,
//! and who has to pass it on acknowledges it when it is in those of its group. [`gossip`] sends it
//! again 1.7 s later, or up to 1.85 s where round trips vary; what is still missing after a fault
//! has ended arrives within 2 s ([`Pace::AT_ONCE`]). While a node acknowledges nothing, it gets one
//! message each 1.7 s with the first 64 KiB of what it misses, or one longer item, so partitions
//! and one-way cuts make a broadcast cheaper. A lost
//! message costs one more; slow links and pauses cost time, and repetitions; duplicates cost
//! nothing. A killed node takes along what no other node had heard of. When it is started again, it
//! compares itself with the others, first with one and then with the rest, by digests.

use std::cell::RefCell;
use std::rc::Rc;

use glomers::gossip::{self, Batch, Difference, Digest, Gossip, Lesson, Pace, Seen};
use glomers::{Handler, Json, JsonArray, Node, async_trait, check_entry};
use serde::{Deserialize, Serialize};

/// How many nodes tell each other everything directly. With more, acknowledgements would find less
/// to travel with; with fewer, values would take two hops for nothing.
const DIRECT: usize = 50;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Topology,
    Broadcast {
        message: Json,
    },
    Read,
    /// From a node that has to tell these values to this one.
    Gossip(Batch<Json>),
    /// From a node that has forgotten a former life: what it knows, in short.
    Compare {
        digest: Digest,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    TopologyOk,
    BroadcastOk,
    ReadOk {
        messages: JsonArray,
    },
    /// Goes nowhere: a batch is acknowledged by one that comes back.
    GossipOk,
    CompareOk(Difference<Json>),
}

/// Whom a node tells, and who tells it.
struct Overlay {
    /// The others of its group.
    group: Vec<String>,
    /// One node of each other group.
    elsewhere: Vec<String>,
    /// Those for which this node is the one of its group. In a smaller group there are several.
    callers: Vec<String>,
}

impl Overlay {
    fn of(node: &Node) -> Overlay {
        let ids = node.node_ids();
        let size = if ids.len() <= DIRECT { ids.len() } else { ids.len().isqrt() };
        let groups: Vec<&[String]> = ids.chunks(size).collect();
        let place = ids.iter().position(|id| id == node.id()).unwrap_or_default();
        let (mine, me) = (place / size, place % size);
        let mut overlay =
            Overlay { group: groups[mine].to_vec(), elsewhere: vec![], callers: vec![] };
        overlay.group.remove(me);
        for (_, group) in groups.iter().enumerate().filter(|(number, _)| *number != mine) {
            overlay.elsewhere.push(group[me % group.len()].clone());
            let callers = group.iter().enumerate();
            let callers = callers.filter(|(place, _)| place % groups[mine].len() == me);
            overlay.callers.extend(callers.map(|(_, id)| id.clone()));
        }
        overlay
    }
}

/// Clones are the same node.
#[derive(Clone)]
pub(crate) struct Broadcast {
    gossip: Gossip<Json>,
    overlay: Rc<Overlay>,
    seen: Rc<RefCell<Seen<Json>>>,
}

impl Broadcast {
    pub(crate) fn new(node: Node) -> Self {
        let gossip = Gossip::new(&node, Pace::AT_ONCE, Request::Gossip);
        let overlay = Rc::new(Overlay::of(&node));
        let Overlay { group, elsewhere, callers } = &*overlay;
        gossip.meet(group.iter().chain(elsewhere).chain(callers).cloned());
        let this = Broadcast { gossip, overlay, seen: Rc::default() };
        this.catch_up_if_restarted();
        this
    }

    /// Takes values that this node is the first to know.
    fn tell_all(&self, messages: Vec<Json>) {
        let news = self.seen.borrow_mut().learn(messages);
        for other in self.overlay.group.iter().chain(&self.overlay.elsewhere) {
            self.gossip.tell(other, news.iter().cloned());
        }
    }

    /// Takes values that another node has to tell.
    fn hear(&self, from: &str, messages: Vec<Json>) {
        let news = self.seen.borrow_mut().learn(messages);
        if self.overlay.group.iter().any(|other| other == from) {
            return;
        }
        for other in &self.overlay.group {
            self.gossip.tell(other, news.iter().cloned());
        }
    }

    fn catch_up_if_restarted(&self) {
        let this = self.clone();
        let learn = async move |Lesson { items, is_first, .. }| {
            if is_first {
                this.seen.borrow_mut().learn(items);
            } else {
                this.tell_all(items);
            }
        };
        let question = |digest| Request::Compare { digest };
        gossip::catch_up(&self.gossip, &self.seen, question, learn);
    }
}

#[async_trait(?Send)]
impl Handler for Broadcast {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Topology => Reply::TopologyOk,
            Request::Broadcast { message } => {
                check_entry("the message", &message)?;
                self.tell_all(vec![message]);
                Reply::BroadcastOk
            }
            Request::Gossip(batch) => {
                if self.gossip.receive(from, &batch) {
                    self.hear(from, batch.news);
                } else {
                    self.tell_all(batch.news);
                }
                Reply::GossipOk
            }
            Request::Compare { digest } => Reply::CompareOk(self.seen.borrow().difference(&digest)),
            Request::Read => Reply::ReadOk { messages: self.seen.borrow().to_json() },
        })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(Broadcast::new)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use eddy::edn::Value;
    use eddy::history::{Kind, Op};
    use eddy::latency::{Distribution, Latency};
    use eddy::{Fault, Matrix, Strike, Test, seeds, workload};

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::Broadcast,
            nodes: 25,
            rate: 100.0,
            time_limit: Duration::from_secs(20),
            latency: Latency { mean: Duration::from_millis(100), ..Latency::default() },
            ..Test::default()
        }
    }

    /// The messages per operation of the challenge without faults.
    const QUIET: f64 = 12.3;

    #[test]
    fn it_takes_a_message_per_node_and_a_hop() {
        let report = challenge().run(Broadcast::new);
        println!("{report}");
        report.assert_valid();
        assert!(report.servers.msgs_per_op.unwrap() <= 13.0, "{report}");
        assert!(report.stable_latency.median <= 105, "{report}");
        assert!(report.stable_latency.maximum <= 130, "{report}");
    }

    /// How many messages between nodes there were, and how many of them repeat news.
    fn repeats(test: Test) -> (usize, usize) {
        let report = Test { trace: true, ..test }.run(Broadcast::new);
        report.assert_valid();
        let sent = |line: &&str| line.contains(" Send ") && line.contains(r#""type":"gossip""#);
        let repeats =
            |line: &&str| line.contains(r#""ask":true"#) && !line.contains(r#""news":[]"#);
        let sent: Vec<&str> = report.trace.lines().filter(sent).collect();
        (sent.len(), sent.into_iter().filter(repeats).count())
    }

    #[test]
    fn whatever_the_seed_messages_that_overtake_each_other_are_not_repeated() {
        let distribution = Distribution::Uniform;
        let latency = Latency { mean: Duration::from_millis(100), distribution };
        let runs = seeds(|seed| {
            let (sent, repeated) = repeats(Test { latency, seed, ..challenge() });
            assert!(repeated * 500 < sent, "{repeated} of {sent} repeat news");
            let none = repeats(Test { seed, ..challenge() }).1;
            assert_eq!(none, 0, "where a message takes 100 ms, none repeats anything");
            (sent, repeated)
        });
        let (sent, repeated) = runs.iter().fold((0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
        let seeds = runs.len();
        println!("{seeds} seeds: latencies that vary had {repeated} of {sent} messages repeated");
    }

    /// The values of clients, each made 300 kB long for its way among nodes.
    struct Long(Broadcast);

    #[async_trait(?Send)]
    impl Handler for Long {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            match request {
                Request::Broadcast { message } => {
                    let long = format!("{} {}", message.get(), "x".repeat(300_000));
                    let message = serde_json::from_str(&serde_json::to_string(&long)?)?;
                    self.0.handle(from, Request::Broadcast { message }).await
                }
                Request::Read => {
                    let mut messages = JsonArray::default();
                    for long in self.0.seen.borrow().items() {
                        let (number, _) = long.get()[1..].split_once(' ').expect("a long value");
                        messages.push(&number.parse::<u64>()?);
                    }
                    Ok(Reply::ReadOk { messages })
                }
                request => {
                    let length = serde_json::to_string(&request)?.len();
                    assert!(length < (512 << 10) + 1000, "a message of {length} bytes");
                    self.0.handle(from, request).await
                }
            }
        }
    }

    #[test]
    fn a_node_that_has_missed_40_mb_gets_them_and_nobody_else_waits_for_that() {
        let [cut, late, healed, caught_up, end] = [1, 15, 16, 24, 26].map(Duration::from_secs);
        let test = Test {
            nodes: 3,
            rate: 40.0,
            time_limit: end,
            strikes: vec![Strike::partition(["n0"], cut, healed)],
            ..challenge()
        };
        let report = test.run(|node| Long(Broadcast::new(node)));
        report.assert_valid();
        let time = |op: &Op| Duration::from_nanos(op.time);
        let others = ["n1", "n2"];
        let is_of = |op: &Op, nodes: &[&str]| {
            report.node_of(op).is_some_and(|node| nodes.contains(&node.as_str()))
        };
        let ended = || report.history.clients().filter(|op| op.kind == Kind::Ok);
        let told: Vec<&Op> =
            ended().filter(|op| op.f == "broadcast" && is_of(op, &others)).collect();
        let missed = told.iter().filter(|op| (cut..healed).contains(&time(op))).count();
        assert!(missed * 300_000 > 40_000_000, "{missed} values are not enough");
        // How long before a read a value was told that is not in it, at most.
        let longest = |nodes: &[&str], times: std::ops::Range<Duration>| {
            let reads = ended().filter(|op| op.f == "read" && is_of(op, nodes));
            let reads = reads.filter(|op| times.contains(&time(op)));
            let longest = reads.filter_map(|read| {
                let known: BTreeSet<&Value> = read.value.as_sequence()?.iter().collect();
                let lacking = told.iter().filter(|op| !known.contains(&op.value));
                lacking.map(|op| time(read).saturating_sub(time(op))).max()
            });
            longest.max().unwrap_or_default()
        };
        let usual = longest(&others, Duration::ZERO..healed);
        let meanwhile = longest(&others, healed..caught_up);
        let afterwards = longest(&["n0"], caught_up..end);
        println!("{missed} values; others {usual:?}, then {meanwhile:?}; n0 {afterwards:?}");
        assert!(longest(&["n0"], late..healed) > healed / 2);
        assert!(usual < Duration::from_millis(250) && meanwhile < Duration::from_millis(250));
        assert!(afterwards < Duration::from_millis(500), "{afterwards:?}");
    }

    #[test]
    fn whatever_the_seed_partitions_lose_messages_and_no_values() {
        let dropped = seeds(|seed| {
            let report =
                Test { faults: [Fault::Partition].into(), seed, ..challenge() }.run(Broadcast::new);
            report.assert_valid();
            // Half as much again as without partitions would be too much.
            assert!(report.servers.msgs_per_op.unwrap() <= 1.5 * QUIET, "{report}");
            report.dropped
        });
        let (seeds, dropped) = (dropped.len(), dropped.iter().sum::<u64>());
        println!("{seeds} seeds: partitions dropped {dropped} messages, and no value was lost");
        assert!(dropped > 0, "no partition cut anything");
    }

    #[test]
    fn whatever_the_seed_all_is_repaired_two_seconds_after_the_faults() {
        let within = Duration::from_secs(2);
        let runs = seeds(|seed| {
            Matrix::of(&Test { seed, ..challenge() }, within, |test| test.run(Broadcast::new))
        });
        println!("broadcast-d:\n{}", runs.into_iter().fold(Matrix::default(), Matrix::and));
    }

    #[test]
    fn whatever_the_seed_groups_repair_it_as_soon() {
        let within = Duration::from_secs(2);
        let runs = seeds(|seed| {
            let test = Test { nodes: DIRECT + 1, seed, ..challenge() };
            Matrix::of(&test, within, |test| test.run(Broadcast::new))
        });
        println!("broadcast-d, groups:\n{}", runs.into_iter().fold(Matrix::default(), Matrix::and));
    }

    #[test]
    fn a_node_of_a_small_group_asks_all_that_have_told_it() {
        let [cut, killed, started, healed] = [2, 7, 8, 9].map(Duration::from_secs);
        // n58 has the place 2 in the last group, of four; n6 has the place 6 in one of seven, and
        // tells that group through n58.
        let strikes = vec![
            Strike::partition(["n6", "n58"], cut, healed),
            Strike::kill(["n58"], killed, started),
        ];
        let test = Test { nodes: 60, rate: 200.0, strikes, ..challenge() };
        let report = Test { time_limit: Duration::from_secs(13), ..test }.run(Broadcast::new);
        report.assert_valid_but_for_kills();
    }
}
