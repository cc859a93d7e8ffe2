//! Which strikes go on, what became of the nodes, and what is to be done to them.
//!
//! Several strikes may hold a node: it is started again when the last of those that killed it ends,
//! and goes on when the last of those that paused it does. What arrives for a paused node waits for
//! it, as in the buffer of a socket, up to a limit; a node that dies takes it along.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::nemesis::{Fault, Harm, Strike};
use crate::network::Message;

/// How many bytes wait for a paused node. Less would lose what a system's buffers hold; more would
/// let nodes that talk without end fill the memory, and a process that goes on would have more to
/// read at once than it may leave unread.
const MOST_HELD: usize = 32 << 20;

/// How much longer than its body the line of a message is, about.
const AROUND_A_BODY: usize = 64;

/// What is to be done to a node, by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// All at once, which costs little more than one.
    Kill(Vec<usize>),
    /// A node that was killed is started again.
    Start(usize),
    /// A node is stopped from running.
    Pause(usize),
    /// A paused node runs again.
    Resume(usize),
}

/// The faults of a test.
#[derive(Debug)]
pub(super) struct Faults {
    nodes: Vec<Health>,
    /// All strikes so far; those that go on end with the test.
    strikes: Vec<Strike>,
    /// How many there are of each fault, in the order of [`Fault::ALL`].
    begun: [u64; Fault::ALL.len()],
    /// The places of those that go on, by their nemesis.
    going_on: BTreeMap<usize, usize>,
    orders: VecDeque<Order>,
    released: VecDeque<(usize, Message)>,
    /// What the times of strikes count from.
    start: Duration,
}

/// What goes on at a node.
#[derive(Debug, Default)]
struct Health {
    /// The nemeses that have killed it.
    killed_by: BTreeSet<usize>,
    /// The nemeses that have paused it, while it lives.
    paused_by: BTreeSet<usize>,
    /// What has arrived since it was paused.
    held: Vec<Message>,
    held_bytes: usize,
    /// How many times it was killed.
    deaths: u64,
}

impl Faults {
    /// No faults yet, for so many nodes.
    pub(super) fn new(nodes: usize) -> Faults {
        Faults {
            nodes: (0..nodes).map(|_| Health::default()).collect(),
            strikes: Vec::new(),
            begun: [0; Fault::ALL.len()],
            going_on: BTreeMap::new(),
            orders: VecDeque::new(),
            released: VecDeque::new(),
            start: Duration::ZERO,
        }
    }

    /// Strikes may begin from now on.
    pub(super) fn start(&mut self, now: Duration) {
        self.start = now;
    }

    /// Since when strikes may begin, which is what their times count from.
    pub(super) fn began(&self) -> Duration {
        self.start
    }

    /// Notes that a strike begins.
    pub(super) fn begin(&mut self, due: Duration, nemesis: usize, harm: Harm) {
        let from = due.saturating_sub(self.start);
        self.going_on.insert(nemesis, self.strikes.len());
        if let Some(number) = Fault::ALL.iter().position(|fault| *fault == harm.fault()) {
            self.begun[number] += 1;
        }
        self.strikes.push(Strike { from, until: Duration::MAX, harm });
    }

    /// Notes that the strike of a nemesis ends, and gives what it did, if one went on.
    pub(super) fn end(&mut self, due: Duration, nemesis: usize) -> Option<Harm> {
        let strike = &mut self.strikes[self.going_on.remove(&nemesis)?];
        strike.until = due.saturating_sub(self.start);
        Some(strike.harm.clone())
    }

    /// How many strikes have begun of each fault, in the order of [`Fault::ALL`].
    pub(super) fn begun(&self) -> [u64; Fault::ALL.len()] {
        self.begun
    }

    /// All strikes so far; those that have not ended do so after `limit`.
    pub(super) fn strikes(&self, limit: Duration) -> Vec<Strike> {
        let until =
            |strike: &Strike| if strike.until == Duration::MAX { limit } else { strike.until };
        self.strikes
            .iter()
            .map(|strike| Strike { until: until(strike), ..strike.clone() })
            .collect()
    }

    /// Kills a node; tells what it takes along if it was alive.
    pub(super) fn kill(&mut self, nemesis: usize, node: usize) -> Option<usize> {
        let health = &mut self.nodes[node];
        let was_alive = health.killed_by.is_empty();
        health.killed_by.insert(nemesis);
        health.paused_by.clear();
        if !was_alive {
            return None;
        }
        health.deaths += 1;
        health.held_bytes = 0;
        match self.orders.back_mut() {
            Some(Order::Kill(nodes)) => nodes.push(node),
            _ => self.orders.push_back(Order::Kill(vec![node])),
        }
        Some(std::mem::take(&mut health.held).len())
    }

    /// Gives up one reason for which a node is dead; tells whether it was the last.
    pub(super) fn revive(&mut self, nemesis: usize, node: usize) -> bool {
        let killed_by = &mut self.nodes[node].killed_by;
        let is_started = killed_by.remove(&nemesis) && killed_by.is_empty();
        if is_started {
            self.orders.push_back(Order::Start(node));
        }
        is_started
    }

    /// Pauses a node; tells whether it was running.
    pub(super) fn pause(&mut self, nemesis: usize, node: usize) -> bool {
        let Health { killed_by, paused_by, .. } = &mut self.nodes[node];
        let was_running = killed_by.is_empty() && paused_by.is_empty();
        if killed_by.is_empty() {
            paused_by.insert(nemesis);
        }
        if was_running {
            self.orders.push_back(Order::Pause(node));
        }
        was_running
    }

    /// Gives up one reason for which a node stands still; tells whether it was the last.
    pub(super) fn resume(&mut self, nemesis: usize, node: usize) -> bool {
        let health = &mut self.nodes[node];
        let is_resumed = health.paused_by.remove(&nemesis) && health.paused_by.is_empty();
        if is_resumed {
            self.orders.push_back(Order::Resume(node));
            health.held_bytes = 0;
            self.released.extend(health.held.drain(..).map(|message| (node, message)));
        }
        is_resumed
    }

    pub(super) fn is_paused(&self, node: usize) -> bool {
        !self.nodes[node].paused_by.is_empty()
    }

    pub(super) fn is_dead(&self, node: usize) -> bool {
        !self.nodes[node].killed_by.is_empty()
    }

    /// How many times a node was killed.
    pub(super) fn deaths(&self, node: usize) -> u64 {
        self.nodes[node].deaths
    }

    /// Keeps a message for a paused node; `false` if there are too many.
    pub(super) fn hold(&mut self, node: usize, message: Message) -> bool {
        let health = &mut self.nodes[node];
        health.held_bytes += AROUND_A_BODY + message.body.get().len();
        let fits = health.held_bytes <= MOST_HELD;
        if fits {
            health.held.push(message);
        }
        fits
    }

    /// What is to be done next.
    pub(super) fn next_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// A message that has waited for a node that goes on again.
    pub(super) fn next_released(&mut self) -> Option<(usize, Message)> {
        self.released.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::value::RawValue;

    use super::*;

    fn message(length: usize) -> Message {
        let body = RawValue::from_string(format!("\"{}\"", "x".repeat(length))).unwrap();
        let name: Rc<str> = "n0".into();
        Message { id: 0, src: Rc::clone(&name), dest: name, body: body.into() }
    }

    fn orders(faults: &mut Faults) -> Vec<Order> {
        std::iter::from_fn(|| faults.next_order()).collect()
    }

    #[test]
    fn a_node_is_held_by_each_of_its_strikes() {
        let mut faults = Faults::new(1);
        assert!(faults.pause(1, 0));
        assert!(!faults.pause(2, 0));
        assert!(!faults.resume(1, 0));
        assert!(faults.is_paused(0));
        assert!(faults.resume(2, 0));
        assert_eq!(faults.kill(3, 0), Some(0));
        assert_eq!(faults.kill(4, 0), None);
        assert!(!faults.revive(3, 0));
        assert!(!faults.revive(3, 0));
        assert!(faults.revive(4, 0));
        assert!(!faults.is_paused(0));
        let expected = [Order::Pause(0), Order::Resume(0), Order::Kill(vec![0]), Order::Start(0)];
        assert_eq!(orders(&mut faults), expected);
    }

    #[test]
    fn death_ends_a_pause_and_takes_along_what_had_arrived() {
        let mut faults = Faults::new(1);
        faults.pause(1, 0);
        assert!(faults.hold(0, message(1)));
        assert_eq!(faults.kill(2, 0), Some(1));
        assert!(!faults.pause(3, 0), "a dead node");
        assert!(faults.revive(2, 0));
        assert!(!faults.resume(1, 0) && !faults.resume(3, 0));
        assert!(faults.next_released().is_none());
        assert_eq!(orders(&mut faults), [Order::Pause(0), Order::Kill(vec![0]), Order::Start(0)]);
    }

    #[test]
    fn what_has_arrived_at_a_paused_node_is_released_in_order_up_to_a_limit() {
        let mut faults = Faults::new(2);
        faults.pause(1, 1);
        assert!(faults.hold(1, message(1)));
        assert!(faults.hold(1, message(2)));
        assert!(!faults.hold(1, message(MOST_HELD)));
        faults.resume(1, 1);
        let released = std::iter::from_fn(|| faults.next_released());
        let released: Vec<_> =
            released.map(|(node, message)| (node, message.body.get().len())).collect();
        assert_eq!(released, [(1, 3), (1, 4)]);
    }

    #[test]
    fn strikes_are_told_with_their_times() {
        let second = Duration::from_secs(1);
        let mut faults = Faults::new(1);
        faults.start(10 * second);
        let [first, second_one] = ["n0", "n1"].map(|name| Strike::kill([name], second, 3 * second));
        faults.begin(11 * second, 0, first.harm.clone());
        faults.begin(11 * second, 7, second_one.harm.clone());
        assert_eq!(faults.end(13 * second, 7), Some(second_one.harm.clone()));
        assert_eq!(faults.end(14 * second, 7), None);
        let open = Strike { until: 20 * second, ..first };
        assert_eq!(faults.strikes(20 * second), [open, second_one]);
    }
}
