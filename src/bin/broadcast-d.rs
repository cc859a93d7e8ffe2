//! Challenge 3d: 25 nodes, 100 ms apart, with few messages and low latency.
//!
//! The cost is in messages, not in links. A value has to reach 24 nodes, which takes 24 messages
//! over any tree, and one hop if they are sent directly. So each node sends its values to all
//! others, at once, and forwards nothing. The messages that can be saved are acknowledgements. A
//! node gets 2 broadcasts a second, so it sends something to each other node every half second
//! anyway, and the acknowledgement travels with it. Only one that has waited for 1.4 s is sent
//! alone ([`Timing::IMMEDIATE`]).
//!
//! With `n` nodes, `b` broadcasts a second at each of them, and an acknowledgement delay `a` = 1.4
//! s, a broadcast costs `n − 1` messages and at most `(n − 1)e^(−ab)` acknowledgements: with 25
//! nodes and `b` = 2, 24 and at most 1.5. Only half of the operations are broadcasts, so messages
//! per operation are half of that. The latency is that of one message.
//!
//! With more nodes each one has less to send, and more acknowledgements travel alone: half of them
//! with 100 nodes, nearly all with 400. So above [`MAX_DIRECT_NODES`] nodes they form groups of
//! about `√n`. A node sends its values to the others of its own group and to one contact in each
//! other group, which forwards them to its group: two hops, and the same `n − 1` messages, but only
//! `2√n` links, each with more to carry. The load is spread evenly: with 50 broadcasts a second
//! each node sends 50 messages a second, whatever `n` is.
//!
//! Where latency varies, messages overtake each other. That costs nothing: a node keeps a value
//! that overtook another, and acknowledges both when the other has come. And the retransmission
//! timeout grows as round trips vary (RFC 6298).
//!
//! # Nothing is lost
//!
//! The node to which a client sent a value has it in the backlog for each node that has not
//! acknowledged it. A contact acknowledges the value once it is in the backlogs for its group.
//! [`gossip`] retransmits it after 1.7 s, or up to 1.85 s where round trips vary. Values that are
//! still missing when a fault ends arrive within 2 s ([`Timing::IMMEDIATE`]). While a node
//! acknowledges nothing, it is sent one message every 1.7 s, with the first 64 KiB of what it
//! misses, or a single longer value; so partitions and one-way cuts make a broadcast cheaper. A
//! lost message costs one more; slow links and pauses cost time, and retransmissions; duplicates
//! cost nothing. A kill loses values that no other node had received. When the node is restarted,
//! it compares its values with the other nodes', first with one and then with the rest, by digests.

use std::cell::RefCell;
use std::rc::Rc;

use glomers::gossip::{self, Batch, BucketItems, ComparisonStep, Digest, Gossip, Seen, Timing};
use glomers::{Handler, Json, JsonArray, Node, async_trait, check_entry_size};
use serde::{Deserialize, Serialize};

/// Largest cluster in which all nodes send their values directly to each other. With a larger value
/// acknowledgements would find fewer batches with which to travel; with a smaller one values would
/// take two hops although one is cheap.
const MAX_DIRECT_NODES: usize = 50;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Topology,
    Broadcast {
        message: Json,
    },
    Read,
    /// From a node that sends its values to this one: values that may be new.
    Gossip(Batch<Json>),
    /// From a node that was restarted: a digest of its values.
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
    /// Never sent: batches have no `msg_id`. They are acknowledged by batches in return.
    GossipOk,
    CompareOk(BucketItems<Json>),
}

/// Neighbors of a node.
struct Overlay {
    /// Other nodes of its group.
    group: Vec<String>,
    /// Contact in each other group, to which this node sends its values for that group.
    contacts: Vec<String>,
    /// Nodes that have this node as their contact: several of each group that is larger.
    contact_for: Vec<String>,
}

impl Overlay {
    fn of(node: &Node) -> Overlay {
        let ids = node.node_ids();
        let size = if ids.len() <= MAX_DIRECT_NODES { ids.len() } else { ids.len().isqrt() };
        let groups: Vec<&[String]> = ids.chunks(size).collect();
        let index = ids.iter().position(|id| id == node.id()).unwrap_or_default();
        let (group_index, index_in_group) = (index / size, index % size);
        let own_group = groups[group_index];
        let (group, contacts, contact_for) = (own_group.to_vec(), vec![], vec![]);
        let mut overlay = Overlay { group, contacts, contact_for };
        overlay.group.remove(index_in_group);
        for (_, group) in groups.iter().enumerate().filter(|(other, _)| *other != group_index) {
            overlay.contacts.push(group[index_in_group % group.len()].clone());
            let senders = group.iter().enumerate();
            let senders = senders.filter(|(other, _)| other % own_group.len() == index_in_group);
            overlay.contact_for.extend(senders.map(|(_, id)| id.clone()));
        }
        overlay
    }
}

/// The handler. Clones share its state, so tasks can hold one.
#[derive(Clone)]
pub(crate) struct Broadcast {
    gossip: Gossip<Json>,
    overlay: Rc<Overlay>,
    seen: Rc<RefCell<Seen<Json>>>,
}

impl Broadcast {
    pub(crate) fn new(node: Node) -> Self {
        let gossip = Gossip::new(&node, Timing::IMMEDIATE, Request::Gossip);
        let overlay = Rc::new(Overlay::of(&node));
        let Overlay { group, contacts, contact_for } = &*overlay;
        gossip.connect(group.iter().chain(contacts).chain(contact_for).cloned());
        let this = Broadcast { gossip, overlay, seen: Rc::default() };
        this.start_anti_entropy();
        this
    }

    /// Adds values that this node has to spread, and sends those that are new to its group and to
    /// all contacts.
    fn publish(&self, values: Vec<Json>) {
        let new_values = self.seen.borrow_mut().insert_new(values);
        for other in self.overlay.group.iter().chain(&self.overlay.contacts) {
            self.gossip.enqueue(other, new_values.iter().cloned());
        }
    }

    /// Adds values from another node, and forwards those from outside the group to the group.
    fn relay(&self, from: &str, values: Vec<Json>) {
        let new_values = self.seen.borrow_mut().insert_new(values);
        if self.overlay.group.iter().any(|other| other == from) {
            return;
        }
        for other in &self.overlay.group {
            self.gossip.enqueue(other, new_values.iter().cloned());
        }
    }

    fn start_anti_entropy(&self) {
        let this = self.clone();
        let on_items = async move |ComparisonStep { items, is_first, .. }| {
            if is_first {
                // All other neighbors are compared with next. That sends each what it lacks, so
                // nothing needs to be forwarded.
                this.seen.borrow_mut().insert_new(items);
            } else {
                this.publish(items);
            }
        };
        let make_request = |digest| Request::Compare { digest };
        gossip::spawn_anti_entropy(&self.gossip, &self.seen, make_request, on_items);
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
                check_entry_size("the message", &message)?;
                self.publish(vec![message]);
                Reply::BroadcastOk
            }
            Request::Gossip(batch) => {
                if self.gossip.receive(from, &batch) {
                    self.relay(from, batch.items);
                } else {
                    // A former incarnation sent it and has forgotten it, so this node takes over.
                    self.publish(batch.items);
                }
                Reply::GossipOk
            }
            Request::Compare { digest } => {
                Reply::CompareOk(self.seen.borrow().differing_buckets(&digest))
            }
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
    use eddy::{Fault, RepairMatrix, Strike, Test, seeds, workload};

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

    /// Messages per operation of the challenge without faults.
    const FAULT_FREE_MSGS_PER_OP: f64 = 12.3;

    #[test]
    fn a_value_takes_one_message_per_node_and_one_hop() {
        let report = challenge().run(Broadcast::new);
        println!("{report}");
        report.assert_valid();
        assert!(report.traffic.servers.msgs_per_op.unwrap() <= 13.0, "{report}");
        assert!(report.stable_latency.median <= 105, "{report}");
        assert!(report.stable_latency.maximum <= 130, "{report}");
    }

    /// Number of messages between nodes, and of those that are retransmissions.
    fn count_retransmissions(test: Test) -> (usize, usize) {
        let report = Test { trace: true, ..test }.run(Broadcast::new);
        report.assert_valid();
        let sent = |line: &&str| line.contains(" Send ") && line.contains(r#""type":"gossip""#);
        let repeats = |line: &&str| {
            line.contains(r#""ack_requested":true"#) && !line.contains(r#""items":[]"#)
        };
        let sent: Vec<&str> = report.trace.lines().filter(sent).collect();
        (sent.len(), sent.into_iter().filter(repeats).count())
    }

    #[test]
    fn for_any_seed_messages_that_overtake_each_other_are_not_retransmitted() {
        let distribution = Distribution::Uniform;
        let latency = Latency { mean: Duration::from_millis(100), distribution };
        let runs = seeds(|seed| {
            let (sent, repeated) = count_retransmissions(Test { latency, seed, ..challenge() });
            assert!(repeated * 500 < sent, "{repeated} of {sent} are retransmissions");
            let none = count_retransmissions(Test { seed, ..challenge() }).1;
            assert_eq!(none, 0, "where a message takes 100 ms, nothing is retransmitted");
            (sent, repeated)
        });
        let (sent, repeated) = runs.iter().fold((0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
        let seeds = runs.len();
        println!("{seeds} seeds: varying latency: {repeated} of {sent} messages retransmitted");
    }

    /// Node whose values are 300 kB long among nodes; clients see only their numbers.
    struct LongValues(Broadcast);

    #[async_trait(?Send)]
    impl Handler for LongValues {
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
    fn a_node_that_has_missed_40_mb_catches_up_without_delaying_the_others() {
        let [cut, late, healed, caught_up, end] = [1, 15, 16, 24, 26].map(Duration::from_secs);
        let test = Test {
            nodes: 3,
            rate: 40.0,
            time_limit: end,
            strikes: vec![Strike::partition(["n0"], cut, healed)],
            ..challenge()
        };
        let report = test.run(|node| LongValues(Broadcast::new(node)));
        report.assert_valid();
        let time = |op: &Op| Duration::from_nanos(op.time);
        let others = ["n1", "n2"];
        let is_of = |op: &Op, nodes: &[&str]| {
            report.node_of(op).is_some_and(|node| nodes.contains(&node.as_str()))
        };
        let ended = || report.history.client_ops().filter(|op| op.kind == Kind::Ok);
        let told: Vec<&Op> =
            ended().filter(|op| op.f == "broadcast" && is_of(op, &others)).collect();
        let missed = told.iter().filter(|op| (cut..healed).contains(&time(op))).count();
        assert!(missed * 300_000 > 40_000_000, "{missed} values are not enough");
        // Age of the oldest acknowledged value that is missing in a read of one of these nodes.
        let staleness = |nodes: &[&str], times: std::ops::Range<Duration>| {
            let reads = ended().filter(|op| op.f == "read" && is_of(op, nodes));
            let reads = reads.filter(|op| times.contains(&time(op)));
            let longest = reads.filter_map(|read| {
                let known: BTreeSet<&Value> = read.value.as_sequence()?.iter().collect();
                let lacking = told.iter().filter(|op| !known.contains(&op.value));
                lacking.map(|op| time(read).saturating_sub(time(op))).max()
            });
            longest.max().unwrap_or_default()
        };
        let usual = staleness(&others, Duration::ZERO..healed);
        let meanwhile = staleness(&others, healed..caught_up);
        let afterwards = staleness(&["n0"], caught_up..end);
        println!("{missed} values; others {usual:?}, then {meanwhile:?}; n0 {afterwards:?}");
        assert!(staleness(&["n0"], late..healed) > healed / 2);
        assert!(usual < Duration::from_millis(250) && meanwhile < Duration::from_millis(250));
        assert!(afterwards < Duration::from_millis(500), "{afterwards:?}");
    }

    #[test]
    fn for_any_seed_partitions_lose_messages_and_no_values() {
        let dropped = seeds(|seed| {
            let report =
                Test { faults: [Fault::Partition].into(), seed, ..challenge() }.run(Broadcast::new);
            report.assert_valid();
            // Half as much again as without partitions would be too much.
            assert!(
                report.traffic.servers.msgs_per_op.unwrap() <= 1.5 * FAULT_FREE_MSGS_PER_OP,
                "{report}"
            );
            report.dropped
        });
        let (seeds, dropped) = (dropped.len(), dropped.iter().sum::<u64>());
        println!("{seeds} seeds: partitions dropped {dropped} messages, and no value was lost");
        assert!(dropped > 0, "no partition cut anything");
    }

    #[test]
    fn for_any_seed_values_arrive_within_two_seconds_after_the_faults() {
        let within = Duration::from_secs(2);
        let runs = seeds(|seed| {
            RepairMatrix::assert_repaired(&Test { seed, ..challenge() }, within, |test| {
                test.run(Broadcast::new)
            })
        });
        println!(
            "broadcast-d:\n{}",
            runs.into_iter().fold(RepairMatrix::default(), RepairMatrix::merge)
        );
    }

    #[test]
    fn for_any_seed_groups_repair_as_fast() {
        let within = Duration::from_secs(2);
        let runs = seeds(|seed| {
            let test = Test { nodes: MAX_DIRECT_NODES + 1, seed, ..challenge() };
            RepairMatrix::assert_repaired(&test, within, |test| test.run(Broadcast::new))
        });
        println!(
            "broadcast-d, groups:\n{}",
            runs.into_iter().fold(RepairMatrix::default(), RepairMatrix::merge)
        );
    }

    #[test]
    fn a_restarted_contact_compares_itself_with_all_nodes_whose_contact_it_is() {
        let [cut, killed, started, healed] = [2, 7, 8, 9].map(Duration::from_secs);
        // n58 has index 2 in the last group, of four; n6 has index 6 in a group of seven, and sends
        // its values to that group through n58.
        let strikes = vec![
            Strike::partition(["n6", "n58"], cut, healed),
            Strike::kill(["n58"], killed, started),
        ];
        let test = Test { nodes: 60, rate: 200.0, strikes, ..challenge() };
        let report = Test { time_limit: Duration::from_secs(13), ..test }.run(Broadcast::new);
        report.assert_valid_but_for_kills();
    }
}
