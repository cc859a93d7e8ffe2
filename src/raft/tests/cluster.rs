//! Clusters of cores under random faults: messages are delayed, lost, duplicated and reordered,
//! links are cut, nodes are paused, and are killed with some of their outputs carried out. All in
//! memory and in virtual time, so thousands of elections take a second.

#![expect(clippy::cast_possible_truncation, reason = "what is drawn here is small")]

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::invariants::{Invariants, NodeBefore};
use super::mutants::Mutant;
use super::{
    CONFIG, Config, Input, LATER, Output, PersistentState, RaftMessage, ServerId, TestMessage,
    TestOutput, TestRaft,
};
use crate::host::SplitMix64;
use crate::{Host, json};

/// Time with faults. A longer one finds more with each seed; a shorter one allows for more seeds.
const FAULT_DURATION: Duration = Duration::from_secs(20);

/// Longest delay of a message that is reordered: long enough for its leader to be replaced.
const MAX_DELAY: Duration = Duration::from_secs(3);

/// A cluster, with its future events.
pub(super) struct RaftCluster {
    random: SplitMix64,
    mutant: Option<Mutant>,
    config: Config,
    fault_rates: FaultRates,
    members: Vec<Member>,
    events: BTreeMap<(Duration, u64), ClusterEvent>,
    last_number: u64,
    now: Duration,
    invariants: Invariants,
    /// True if a node was restarted without its storage.
    has_lost_storage: bool,
    pub(super) counts: RunCounts,
}

/// Rates of faults.
struct FaultRates {
    latency: Duration,
    /// In percent.
    loss: u64,
    duplicates: u64,
    /// Mean time between two faults of nodes or links.
    fault_interval: Duration,
    /// Mean number of steps until a node is killed.
    steps_to_live: u64,
    /// Longest time that a killed node is down.
    max_downtime: Duration,
    is_over: bool,
}

struct Member {
    node: TestRaft,
    disk: PersistentState<u64, Vec<u64>>,
    is_up: bool,
    /// End of the pause, until which all its events wait.
    paused_until: Duration,
    /// Nodes whose messages to it are lost.
    deaf_to: Vec<ServerId>,
    applied: u64,
}

#[derive(Debug, Clone)]
enum ClusterEvent {
    Tick(ServerId),
    Deliver { from: ServerId, to: ServerId, message: TestMessage },
    Request,
    Fault,
    Restart(ServerId),
}

/// Counts of what has happened, to check that the faults did happen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunCounts {
    pub(super) steps: u64,
    pub(super) elections: u64,
    pub(super) committed: u64,
    pub(super) reads: u64,
    pub(super) lost: u64,
    pub(super) kills: u64,
    pub(super) half_done: u64,
    pub(super) overwritten: u64,
    pub(super) installed: u64,
    /// Parts of snapshots, except the last part of each.
    pub(super) parts: u64,
    pub(super) losses: u64,
}

impl RaftCluster {
    /// Runs a cluster. The error names the property that does not hold.
    pub(super) fn run(seed: u64, mutant: Option<Mutant>) -> Result<RunCounts, String> {
        RaftCluster::new(seed, mutant).run_all()
    }

    fn run_all(self) -> Result<RunCounts, String> {
        let mut cluster = self;
        cluster.run_until(FAULT_DURATION)?;
        if cluster.mutant.is_some_and(|mutant| mutant != Mutant::TrustsLostStorage) {
            return Ok(cluster.counts);
        }
        cluster.heal();
        let committed = cluster.invariants.committed();
        cluster.run_until(FAULT_DURATION + LATER)?;
        cluster.check_liveness(committed)?;
        cluster.lose_storage()?;
        cluster.counts.elections = cluster.invariants.elections() as u64;
        cluster.counts.committed = cluster.invariants.committed();
        Ok(cluster.counts)
    }

    fn new(seed: u64, mutant: Option<Mutant>) -> RaftCluster {
        let random = Host::seeded(seed).random();
        let choose = |choices: &[u64]| choices[below(&random, choices.len() as u64) as usize];
        let nodes = mutant.map_or_else(|| choose(&[2, 3, 3, 4, 5, 5]), Mutant::nodes) as usize;
        // Little jitter in the timeouts makes votes split.
        let spread = choose(&[10, 100, 500]);
        let config = Config {
            election_jitter: Duration::from_millis(spread),
            candidate_jitter: Duration::from_millis(spread),
            max_in_flight: choose(&[1, 1, 4]) as usize,
            max_entries: choose(&[1, 2, 256]) as usize,
            // Small: snapshots in many parts, and entries one by one. Large: all at once.
            max_message_bytes: choose(&[3, 60, 1 << 20, 1 << 20]) as usize,
            max_probe_bytes: choose(&[0, 60]) as usize,
            ..CONFIG
        };
        let fault_rates = FaultRates {
            latency: Duration::from_millis(choose(&[1, 10, 50])),
            loss: choose(&[0, 5, 30]),
            duplicates: choose(&[0, 10]),
            fault_interval: Duration::from_millis(choose(&[100, 300, 1000])),
            steps_to_live: choose(&[20, 100, 500]),
            max_downtime: Duration::from_millis(choose(&[10, 1000])),
            is_over: false,
        };
        let member = |me| {
            let disk = PersistentState::default();
            let mut node =
                TestRaft::new(me, nodes, config, disk.clone(), Duration::ZERO, random.next());
            node.mutant = mutant;
            let (paused_until, deaf_to) = (Duration::ZERO, Vec::new());
            Member { node, disk, is_up: true, paused_until, deaf_to, applied: 0 }
        };
        let members = (0..nodes).map(member).collect();
        let mut cluster = RaftCluster {
            random,
            mutant,
            config,
            fault_rates,
            members,
            events: BTreeMap::new(),
            last_number: 0,
            now: Duration::ZERO,
            invariants: Invariants::default(),
            has_lost_storage: false,
            counts: RunCounts::default(),
        };
        (0..nodes).for_each(|me| cluster.schedule(Duration::ZERO, ClusterEvent::Tick(me)));
        cluster.schedule(Duration::ZERO, ClusterEvent::Request);
        cluster.schedule(Duration::ZERO, ClusterEvent::Fault);
        cluster
    }

    fn schedule(&mut self, at: Duration, event: ClusterEvent) {
        self.last_number += 1;
        self.events.insert((at.max(self.now), self.last_number), event);
    }

    fn run_until(&mut self, end: Duration) -> Result<(), String> {
        while let Some(first) = self.events.first_entry().filter(|first| first.key().0 < end) {
            let ((at, _), event) = first.remove_entry();
            self.now = at;
            self.handle_event(event)?;
        }
        Ok(())
    }

    fn handle_event(&mut self, event: ClusterEvent) -> Result<(), String> {
        let awaited = match &event {
            ClusterEvent::Tick(node) | ClusterEvent::Deliver { to: node, .. } => {
                self.members[*node].paused_until
            }
            _ => Duration::ZERO,
        };
        if awaited > self.now {
            self.schedule(awaited, event);
            return Ok(());
        }
        match event {
            ClusterEvent::Tick(me) => {
                if self.members[me].is_up && self.members[me].node.deadline() <= self.now {
                    let random = self.random.next();
                    return self.step(me, vec![Input::Tick { random }]);
                }
            }
            ClusterEvent::Deliver { from, to, mut message } => {
                let member = &self.members[to];
                if member.is_up && !member.deaf_to.contains(&from) {
                    if let Some(mutant) = self.mutant {
                        mutant.tamper_with_message(&mut message, &member.node);
                    }
                    return self.step(to, vec![Input::Message { from, message }]);
                }
                self.counts.lost += 1;
            }
            ClusterEvent::Request => {
                let pause = self.below_time(Duration::from_millis(40));
                self.schedule(self.now + pause, ClusterEvent::Request);
                return self.request();
            }
            ClusterEvent::Fault if !self.fault_rates.is_over => self.inject_fault(),
            ClusterEvent::Fault => {}
            ClusterEvent::Restart(me) => self.start(me),
        }
        Ok(())
    }

    /// Sends a client's request to a node, mostly to one that believes that it leads.
    fn request(&mut self) -> Result<(), String> {
        let any = self.below(self.members.len() as u64) as ServerId;
        let leaders =
            (0..self.members.len()).filter(|me| self.members[*me].node.leader() == Some(*me));
        let leaders: Vec<ServerId> = leaders.collect();
        let me = match leaders.len() as u64 {
            0 => any,
            count => leaders[self.below(count) as usize],
        };
        if !self.members[me].is_up {
            return Ok(());
        }
        self.last_number += 1;
        let request_id = self.last_number;
        let member = &self.members[me];
        let (applied, log) = (member.applied, member.node.log());
        let input = match self.below(8) {
            0 if applied > log.snapshot_index() + 5 => {
                Input::Compact { index: applied, state: self.invariants.state(applied) }
            }
            // Clients wait for responses, so there are few uncommitted entries at a time.
            number if number < 4 || log.last_index() > member.node.commit_index() + 20 => {
                self.invariants.record_read(request_id);
                let forwarder =
                    self.mutant.and_then(|mutant| mutant.read_forwarder(&member.node, me));
                Input::Read { request_id, forwarder }
            }
            _ => Input::Propose { request_id, command: request_id },
        };
        self.step(me, vec![input])
    }

    fn step(&mut self, me: ServerId, inputs: Vec<Input<u64, Vec<u64>>>) -> Result<(), String> {
        self.counts.steps += 1;
        let before = NodeBefore::of(&self.members[me].node, me);
        let mut outputs = self.members[me].node.step(self.now, inputs);
        let nodes: Vec<&TestRaft> = self.members.iter().map(|member| &member.node).collect();
        self.invariants.check_step(me, &before, &nodes, &outputs)?;
        outputs.iter().try_for_each(|output| self.check_output(output))?;
        if let Some(mutant) = self.mutant {
            mutant.tamper_with_outputs(&mut outputs);
        }
        // A kill may leave the last outputs undone.
        let is_vote =
            outputs.iter().any(|output| matches!(output, Output::StoreTermAndVote { .. }));
        let is_delicate = is_vote && self.below(4) == 0;
        let is_killed = !self.fault_rates.is_over
            && (is_delicate || self.below(self.fault_rates.steps_to_live) == 0);
        if is_killed && self.below(2) == 0 {
            outputs.truncate(self.below(outputs.len() as u64 + 1) as usize);
            self.counts.half_done += 1;
        }
        for output in outputs {
            self.carry_out(me, output);
        }
        if is_killed {
            self.kill(me);
        } else {
            self.schedule(self.members[me].node.deadline(), ClusterEvent::Tick(me));
        }
        Ok(())
    }

    /// Checks that messages keep their limits, and that storage is reported lost only if it is.
    fn check_output(&self, output: &TestOutput) -> Result<(), String> {
        let most_bytes = self.config.max_message_bytes;
        let is_right = match output {
            Output::Send { message: RaftMessage::AppendEntries(append), .. } => {
                let bytes = append.entries.iter().map(|entry| json::encoded_len(entry) + 1);
                append.entries.len() <= 1 || bytes.sum::<usize>() <= most_bytes
            }
            Output::Send { message: RaftMessage::InstallSnapshot(part), .. } => {
                json::encoded_len(&part.data) - 2 <= most_bytes
            }
            Output::LostStorage { .. } => {
                let is_judged = [None, Some(Mutant::UsesPresentMatchIndex)].contains(&self.mutant);
                self.has_lost_storage || !is_judged
            }
            _ => true,
        };
        match output {
            _ if is_right => Ok(()),
            Output::LostStorage { node, .. } => Err(format!("{node} has not lost its storage")),
            _ => Err(format!("a message of more than {most_bytes} bytes: {output:?}")),
        }
    }

    fn carry_out(&mut self, me: ServerId, output: TestOutput) {
        let member = &mut self.members[me];
        if let Output::StoreEntries { index, .. } = &output {
            let last = member.disk.snapshot.as_ref().map_or(0, |last| last.last_included_index);
            let end = last + member.disk.entries.len() as u64;
            self.counts.overwritten += u64::from(*index <= end);
        }
        member.disk.store(&output);
        if let Output::Send { message: RaftMessage::InstallSnapshot(part), .. } = &output {
            self.counts.parts += u64::from(!part.done);
        }
        match output {
            Output::Send { to, message } => self.send(me, to, message),
            Output::LostStorage { .. } => self.counts.losses += 1,
            Output::Apply { index, .. } => member.applied = index,
            Output::Restore(snapshot) => {
                member.applied = snapshot.last_included_index;
                self.counts.installed += 1;
            }
            Output::ReadReady { .. } => self.counts.reads += 1,
            _ => {}
        }
    }

    fn send(&mut self, from: ServerId, to: ServerId, message: TestMessage) {
        if !self.fault_rates.is_over && self.below(100) < self.fault_rates.loss {
            self.counts.lost += 1;
            return;
        }
        let copies = if self.below(100) < self.fault_rates.duplicates { 2 } else { 1 };
        for _ in 0..copies {
            // Some messages are overtaken by many others.
            let is_late = self.below(20) == 0;
            let longest = if is_late { MAX_DELAY } else { self.fault_rates.latency * 2 };
            let latency = self.below_time(longest);
            let message = message.clone();
            self.schedule(self.now + latency, ClusterEvent::Deliver { from, to, message });
        }
    }

    fn inject_fault(&mut self) {
        let next = self.now + self.below_time(self.fault_rates.fault_interval * 2);
        self.schedule(next, ClusterEvent::Fault);
        let nodes = self.members.len();
        let me = self.below(nodes as u64) as ServerId;
        let pause = self.below_time(Duration::from_secs(3));
        match self.below(4) {
            0 if self.members[me].is_up => self.kill(me),
            1 => self.members[me].paused_until = self.now + pause,
            2 => {
                let side: Vec<bool> = (0..nodes).map(|_| self.below(2) == 0).collect();
                for (me, member) in self.members.iter_mut().enumerate() {
                    let others = (0..nodes).filter(|other| side[*other] != side[me]);
                    member.deaf_to = others.collect();
                }
            }
            3 => self.members[me].deaf_to = (0..nodes).filter(|other| *other != me).collect(),
            _ => self.heal_links(),
        }
        if self.below(2) == 0 {
            self.heal_links();
        }
    }

    fn heal_links(&mut self) {
        self.members.iter_mut().for_each(|member| member.deaf_to.clear());
    }

    fn kill(&mut self, me: ServerId) {
        self.counts.kills += 1;
        self.members[me].is_up = false;
        let back = self.now + self.below_time(self.fault_rates.max_downtime);
        self.schedule(back, ClusterEvent::Restart(me));
    }

    fn start(&mut self, me: ServerId) {
        let (nodes, random) = (self.members.len(), self.random.next());
        let member = &mut self.members[me];
        if let Some(mutant) = self.mutant {
            mutant.tamper_with_disk(&mut member.disk);
        }
        member.node = TestRaft::new(me, nodes, self.config, member.disk.clone(), self.now, random);
        member.node.mutant = self.mutant;
        member.applied = member.node.log().snapshot_index();
        member.is_up = true;
        let due = member.node.deadline();
        self.schedule(due, ClusterEvent::Tick(me));
    }

    fn set_max_in_flight(&mut self, window: usize) {
        self.config.max_in_flight = window;
        self.members.iter_mut().for_each(|member| member.node.config.max_in_flight = window);
    }

    fn heal(&mut self) {
        self.fault_rates.is_over = true;
        self.heal_links();
        self.members.iter_mut().for_each(|member| member.paused_until = Duration::ZERO);
    }

    /// Restarts a follower without its storage, while of the at most three nodes the third is cut
    /// off. The leader must not go on, for there is no majority left.
    fn lose_storage(&mut self) -> Result<(), String> {
        let nodes = self.members.len();
        let leads = |me: &ServerId| self.members[*me].node.leader() == Some(*me);
        let latest = (0..nodes).filter(leads).max_by_key(|me| self.members[*me].node.term());
        let Some(leader) = latest.filter(|_| nodes <= 3) else { return Ok(()) };
        let others: Vec<ServerId> = (0..nodes).filter(|me| *me != leader).collect();
        let victim = others[self.below(others.len() as u64) as usize];
        for me in others.into_iter().filter(|me| *me != victim) {
            self.members[me].deaf_to = vec![leader, victim];
            self.members[leader].deaf_to = vec![me];
            self.members[victim].deaf_to = vec![me];
        }
        // Messages in flight to a process are lost with it. If one were delivered twice, before the
        // loss and after it, the first response would hide the loss that the second one shows.
        self.events
            .retain(|_, event| !matches!(event, ClusterEvent::Deliver { to, .. } if *to == victim));
        self.members[victim].disk = PersistentState::default();
        self.has_lost_storage = true;
        self.start(victim);
        self.run_until(self.now + LATER)?;
        let leads = |me: &ServerId| self.members[*me].node.leader() == Some(*me);
        match (0..nodes).find(leads) {
            Some(me) => Err(format!("{me} leads with only {victim}, whose storage is lost")),
            None => Ok(()),
        }
    }

    /// Checks liveness: after the faults, every node has a greater commit index.
    fn check_liveness(&self, committed: u64) -> Result<(), String> {
        let nodes = self.members.iter().map(|member| &member.node);
        let leaders: Vec<Option<ServerId>> = nodes.clone().map(TestRaft::leader).collect();
        let commits: Vec<u64> = nodes.map(TestRaft::commit_index).collect();
        if commits.iter().all(|commit| *commit > committed) {
            return Ok(());
        }
        Err(format!("liveness: leaders {leaders:?}, {committed} committed, known {commits:?}"))
    }

    fn below(&self, bound: u64) -> u64 {
        below(&self.random, bound)
    }

    fn below_time(&self, bound: Duration) -> Duration {
        Duration::from_micros(self.below(bound.as_micros() as u64 + 1))
    }
}

fn below(random: &SplitMix64, bound: u64) -> u64 {
    (random.next() >> 8) % bound
}

/// Number of seeds unless `EDDY_SEEDS` says otherwise. A larger one finds rarer bugs, and makes
/// every `cargo test` slower.
const SEEDS: u64 = 12;

/// Seeds that the environment chooses, by the same variables as in eddy's `seeds`, which the
/// library's tests cannot use.
fn seeds() -> RangeInclusive<u64> {
    let number = |name| {
        let value = std::env::var(name).ok()?;
        let number =
            value.parse::<u64>().ok().filter(|number| (name, *number) != ("EDDY_SEEDS", 0));
        Some(number.unwrap_or_else(|| panic!("{name}={value:?}: expected a whole number")))
    };
    match (number("EDDY_SEED"), number("EDDY_SEEDS")) {
        (Some(seed), _) => seed..=seed,
        (None, count) => 0..=count.unwrap_or(SEEDS) - 1,
    }
}

#[test]
fn for_any_seed_the_five_properties_of_figure_3_hold() {
    let (seeds, mut sum) = (seeds(), RunCounts::default());
    for seed in seeds.clone() {
        let counts = RaftCluster::run(seed, None).unwrap_or_else(|why| {
            println!("seed {seed} failed; to repeat it:");
            println!("EDDY_SEED={seed} cargo test --release -p glomers --lib five_properties");
            panic!("seed {seed}: {why}")
        });
        sum.steps += counts.steps;
        sum.elections += counts.elections;
        sum.committed += counts.committed;
        sum.reads += counts.reads;
        sum.lost += counts.lost;
        sum.kills += counts.kills;
        sum.half_done += counts.half_done;
        sum.overwritten += counts.overwritten;
        sum.installed += counts.installed;
        sum.parts += counts.parts;
        sum.losses += counts.losses;
    }
    let count = seeds.count();
    let RunCounts { steps, elections, committed, reads, lost, kills, .. } = sum;
    println!(
        "raft, {count} seeds: {steps} steps, {elections} terms with a leader, {committed} entries, \
         {reads} reads, {lost} messages lost, {kills} kills"
    );
    let RunCounts { half_done, overwritten, installed, parts, losses, .. } = sum;
    let happened = [elections, reads, lost, half_done, overwritten, installed, parts, losses];
    let is_one = count == 1;
    assert!(is_one || happened.iter().all(|count| *count > 0), "not everything happened: {sum:?}");
}

/// Followers send the most rejections where many messages are in flight and reordered, and leaders
/// of many terms have left entries that conflict.
#[test]
fn for_any_seed_no_storage_is_reported_lost_that_is_not() {
    for seed in seeds() {
        let mut cluster = RaftCluster::new(seed, None);
        cluster.set_max_in_flight(4);
        cluster.fault_rates.fault_interval = Duration::from_millis(100);
        cluster.fault_rates.latency = Duration::from_millis(50);
        cluster.run_until(FAULT_DURATION).unwrap_or_else(|why| {
            println!("seed {seed} failed; to repeat it:");
            println!("EDDY_SEED={seed} cargo test --release -p glomers --lib no_storage_is");
            panic!("seed {seed}: {why}")
        });
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    assert_eq!(RaftCluster::run(1, None), RaftCluster::run(1, None));
}
