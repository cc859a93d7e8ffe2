//! The network between nodes and clients: who receives what, and when.
//!
//! A pure state machine: it is told what is sent and what time it is, and says what arrives. Every
//! participant has one inbox and one receiver. As in Maelstrom (`net.clj`), the receiver takes the
//! message with the earliest deadline, looks *then* whether the link is cut (and if so drops the
//! message for good), and carries it until the deadline without looking at the inbox meanwhile. So
//! a client's request, which has no latency, can wait behind a message that is still on its way,
//! for up to one latency; and an idle receiver decides about a cut one latency before the message
//! is due. [`Delivery::Plain`] does without that: every message is on its way by itself, and a cut
//! is looked at when it arrives.
//!
//! Latency applies between servers only, and services count as servers. Deliveries that are due at
//! the same time happen in the order in which they were scheduled.

mod journal;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::value::RawValue;

pub use self::journal::{Counts, EventKind, Journal, Traffic};
use crate::latency::Latency;
use crate::nemesis::Grudge;
use crate::random::Random;

/// A message on the network.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its number, in the order of sending, over the whole network.
    pub id: u64,
    /// Who sent it.
    pub src: Rc<str>,
    /// Whom it is for.
    pub dest: Rc<str>,
    /// The payload, a JSON object.
    pub body: Rc<RawValue>,
}

/// How receivers work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// One message at a time, as Maelstrom does it.
    #[default]
    Maelstrom,
    /// Every message by itself.
    Plain,
}

/// There is no such participant, and never was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchNode;

/// The network's state; all times count from the test's beginning.
#[derive(Debug)]
pub struct Network {
    latency: Latency,
    delivery: Delivery,
    random: Random,
    grudge: Grudge,
    numbers: FxHashMap<Rc<str>, usize>,
    inboxes: Vec<Inbox>,
    /// What is on its way, by the time of its arrival and the order of scheduling, with the inbox.
    arrivals: BTreeMap<(Duration, u64), (usize, Message)>,
    sent: u64,
    scheduled: u64,
    journal: Journal,
}

#[derive(Debug)]
struct Inbox {
    name: Rc<str>,
    /// Messages that the receiver has not taken yet, by deadline and id.
    queue: BTreeMap<(Duration, u64), Message>,
    /// Whether the receiver carries a message; never in plain delivery.
    carrying: bool,
    /// A client that is gone: what still comes for it is dropped.
    closed: bool,
}

impl Network {
    /// A network without participants.
    pub fn new(latency: Latency, delivery: Delivery, random: Random, trace: bool) -> Network {
        Network {
            latency,
            delivery,
            random,
            grudge: Grudge::new(),
            numbers: FxHashMap::default(),
            inboxes: Vec::new(),
            arrivals: BTreeMap::new(),
            sent: 0,
            scheduled: 0,
            journal: Journal::new(trace),
        }
    }

    /// Shows every event of every message to `watcher` from now on, and what is on its way as if it
    /// were sent now.
    pub fn watch(&mut self, watcher: fn(EventKind, &Message)) {
        let carried = self.arrivals.values().map(|(_, message)| message);
        let queued = self.inboxes.iter().flat_map(|inbox| inbox.queue.values());
        carried.chain(queued).for_each(|message| watcher(EventKind::Send, message));
        self.journal.watch(watcher);
    }

    /// Adds a participant.
    pub fn join(&mut self, name: &str) {
        let name: Rc<str> = name.into();
        self.numbers.insert(Rc::clone(&name), self.inboxes.len());
        let queue = BTreeMap::new();
        self.inboxes.push(Inbox { name, queue, carrying: false, closed: false });
    }

    /// Removes a participant; messages to it are dropped from now on.
    pub fn leave(&mut self, name: &str) {
        if let Some(&number) = self.numbers.get(name) {
            self.inboxes[number].closed = true;
            self.inboxes[number].queue.clear();
        }
    }

    /// Sends a message.
    pub fn send(
        &mut self,
        now: Duration,
        src: &str,
        dest: &str,
        body: Rc<RawValue>,
    ) -> Result<(), NoSuchNode> {
        let (Some(&src), Some(&dest)) = (self.numbers.get(src), self.numbers.get(dest)) else {
            return Err(NoSuchNode);
        };
        if self.inboxes[dest].closed {
            return Ok(());
        }
        let name = |inbox: usize| Rc::clone(&self.inboxes[inbox].name);
        let message = Message { id: self.sent, src: name(src), dest: name(dest), body };
        self.sent += 1;
        self.journal.record(now, EventKind::Send, &message);
        let deadline =
            if message.involves_client() { now } else { now + self.latency.draw(&mut self.random) };
        match self.delivery {
            Delivery::Plain => self.schedule(deadline, dest, message),
            Delivery::Maelstrom => {
                self.inboxes[dest].queue.insert((deadline, message.id), message);
                self.take(now, dest);
            }
        }
        Ok(())
    }

    /// When the next message arrives.
    pub fn next_arrival(&self) -> Option<Duration> {
        self.arrivals.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next message that has arrived by now.
    pub fn receive(&mut self, now: Duration) -> Option<Message> {
        while self.next_arrival().is_some_and(|at| at <= now) {
            let (_, (inbox, message)) = self.arrivals.pop_first()?;
            let is_cut = self.delivery == Delivery::Plain && self.is_cut(&message);
            if is_cut {
                self.journal.record(now, EventKind::Drop, &message);
            }
            self.inboxes[inbox].carrying = false;
            self.take(now, inbox);
            if !is_cut && !self.inboxes[inbox].closed {
                self.journal.record(now, EventKind::Receive, &message);
                return Some(message);
            }
        }
        None
    }

    /// Cuts the links of this grudge, besides those that are cut already.
    pub fn cut(&mut self, grudge: Grudge) {
        for (receiver, senders) in grudge {
            self.grudge.entry(receiver).or_default().extend(senders);
        }
    }

    /// Heals every cut.
    pub fn heal(&mut self) {
        self.grudge.clear();
    }

    /// What has been sent so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Lets an idle receiver take the next message that no cut drops.
    fn take(&mut self, now: Duration, number: usize) {
        while !self.inboxes[number].carrying {
            let Some(((deadline, _), message)) = self.inboxes[number].queue.pop_first() else {
                return;
            };
            if self.is_cut(&message) {
                self.journal.record(now, EventKind::Drop, &message);
            } else {
                self.inboxes[number].carrying = true;
                self.schedule(deadline.max(now), number, message);
            }
        }
    }

    fn schedule(&mut self, at: Duration, inbox: usize, message: Message) {
        self.arrivals.insert((at, self.scheduled), (inbox, message));
        self.scheduled += 1;
    }

    fn is_cut(&self, message: &Message) -> bool {
        let senders = self.grudge.get(&*message.dest);
        senders.is_some_and(|senders| senders.contains(&*message.src))
    }
}

impl Message {
    /// Whether one end is a client, which is where latency and `:servers` end.
    pub fn involves_client(&self) -> bool {
        is_client(&self.src) || is_client(&self.dest)
    }

    /// The line that a node reads, newline included.
    pub fn line(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            id: u64,
            src: &'a str,
            dest: &'a str,
            body: &'a RawValue,
        }
        let Message { id, src, dest, body } = self;
        let line = serde_json::to_string(&Line { id: *id, src, dest, body });
        line.expect("names and JSON are JSON") + "\n"
    }
}

/// Clients are told by the first letter of their name, as in Maelstrom.
fn is_client(name: &str) -> bool {
    name.starts_with('c')
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn network(delivery: Delivery) -> Network {
        let latency = Latency { mean: 100 * MS, ..Latency::default() };
        let mut network = Network::new(latency, delivery, Random::seeded(1), false);
        for name in ["n0", "n1", "n2", "c0", "lin-kv"] {
            network.join(name);
        }
        network
    }

    fn send(network: &mut Network, now: u32, src: &str, dest: &str) {
        let body: Box<RawValue> = serde_json::from_str("{}").unwrap();
        network.send(now * MS, src, dest, body.into()).unwrap();
    }

    /// Runs the network to its end and tells what arrived when, as `id@milliseconds`.
    fn arrivals(network: &mut Network) -> String {
        let mut arrived = Vec::new();
        while let Some(now) = network.next_arrival() {
            if let Some(message) = network.receive(now) {
                arrived.push(format!("{}@{}", message.id, now.as_millis()));
            }
        }
        arrived.join(" ")
    }

    fn cut(network: &mut Network, receiver: &str, sender: &str) {
        network.cut(Grudge::from([(receiver.to_owned(), [sender.to_owned()].into())]));
    }

    #[test]
    fn latency_is_for_messages_between_servers_and_services() {
        #[track_caller]
        fn check(src: &str, dest: &str, expected: &str) {
            for delivery in [Delivery::Maelstrom, Delivery::Plain] {
                let mut network = network(delivery);
                send(&mut network, 5, src, dest);
                assert_eq!(arrivals(&mut network), expected);
            }
        }
        check("n0", "n1", "0@105");
        check("n0", "lin-kv", "0@105");
        check("lin-kv", "n0", "0@105");
        check("c0", "n0", "0@5");
        check("n0", "c0", "0@5");
    }

    #[test]
    fn a_request_waits_behind_a_message_that_is_being_carried() {
        #[track_caller]
        fn check(delivery: Delivery, expected: &str) {
            let mut network = network(delivery);
            send(&mut network, 0, "n0", "n1");
            send(&mut network, 10, "n2", "n1");
            send(&mut network, 20, "c0", "n1");
            assert_eq!(arrivals(&mut network), expected);
        }
        check(Delivery::Maelstrom, "0@100 2@100 1@110");
        check(Delivery::Plain, "2@20 0@100 1@110");
    }

    #[test]
    fn a_cut_is_looked_at_when_the_message_is_taken_or_when_it_arrives() {
        #[track_caller]
        fn check(delivery: Delivery, expected: &str, dropped: u64) {
            let mut network = network(delivery);
            send(&mut network, 0, "n0", "n1");
            send(&mut network, 0, "n0", "n2");
            cut(&mut network, "n1", "n0");
            send(&mut network, 10, "n0", "n1");
            send(&mut network, 10, "n1", "n0");
            assert_eq!(arrivals(&mut network), expected);
            assert_eq!(network.journal().dropped(), dropped);
            network.heal();
            send(&mut network, 200, "n0", "n1");
            assert_eq!(arrivals(&mut network), "4@300");
        }
        check(Delivery::Maelstrom, "0@100 1@100 3@110", 1);
        check(Delivery::Plain, "1@100 3@110", 2);
    }

    #[test]
    fn what_comes_for_a_client_that_left_is_dropped_and_not_counted() {
        let mut network = network(Delivery::Maelstrom);
        send(&mut network, 0, "n0", "c0");
        network.leave("c0");
        send(&mut network, 0, "n0", "c0");
        assert_eq!(arrivals(&mut network), "");
        assert_eq!(network.journal().traffic(1).all.sent, 1);
    }

    #[test]
    fn nobody_receives_what_is_sent_to_a_stranger() {
        let mut network = network(Delivery::Maelstrom);
        let body: Box<RawValue> = serde_json::from_str("{}").unwrap();
        assert_eq!(network.send(MS, "n0", "n9", body.into()), Err(NoSuchNode));
    }

    #[test]
    fn a_line_is_json_whatever_the_names_are() {
        let mut network = network(Delivery::Plain);
        network.join("n\"1");
        send(&mut network, 0, "c0", "n\"1");
        let line = network.receive(MS).unwrap().line();
        assert_eq!(line, "{\"id\":0,\"src\":\"c0\",\"dest\":\"n\\\"1\",\"body\":{}}\n");
    }
}
