//! The network between nodes, clients and services: which message arrives, and when.
//!
//! A state machine without I/O: sent messages and the time go in, arriving messages come out. Every
//! participant has one inbox and one receiver. As in Maelstrom (`net.clj`), the receiver takes the
//! message with the earliest deadline from the inbox and checks *then* whether the link is cut. If
//! it is, the message is dropped for good. Otherwise the receiver holds the message until its
//! deadline, and does not look into the inbox meanwhile. This has two consequences. A client's
//! request, which has no latency, can wait up to one latency behind a message in transit. And an
//! idle receiver checks for a cut one latency before the message is due. [`Delivery::Plain`] has
//! neither: every message is in transit independently, and the cut is checked on arrival.
//!
//! Faults of links affect links between nodes, not those to clients, and those to services only
//! where a strike names the service. A loss is decided when the message is sent. A duplicated
//! message arrives twice. A lost message, and a duplicated one with both copies, count as one
//! message of the sender. A message that arrives at a dead node is dropped like a datagram, even if
//! it was sent while the node was alive. A restarted node receives nothing but `init` until it has
//! answered it.
//!
//! Latency applies between servers only, and services count as servers. Deliveries that are due at
//! the same time happen in the order in which they were scheduled.

mod journal;
mod links;
mod storm;
#[cfg(test)]
mod tests;
mod traffic;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::value::RawValue;

pub use self::journal::Journal;
use self::links::Links;
pub use self::traffic::{EventKind, MessageCounts, Traffic, TrafficCounter};
use crate::latency::Latency;
use crate::nemesis::{Fault, StrikeEffect};
use crate::random::Random;

/// A message on the network.
#[derive(Debug, Clone)]
pub struct NetworkMessage {
    /// The sequence number in the order of sending, over the whole network.
    pub id: u64,
    /// The name of the sender.
    pub src: Rc<str>,
    /// The name of the receiver.
    pub dest: Rc<str>,
    /// The payload, a JSON object.
    pub body: Rc<RawValue>,
}

/// The way in which receivers take messages from their inboxes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// One message at a time, as in Maelstrom.
    #[default]
    Maelstrom,
    /// Every message independently of all others.
    Plain,
}

/// The error of a message whose sender or receiver has never been on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownParticipant;

/// The state of the network. All times count from the start of the test.
#[derive(Debug)]
pub struct Network {
    latency: Latency,
    delivery: Delivery,
    random: Random,
    links: Links,
    indices: FxHashMap<Rc<str>, usize>,
    inboxes: Vec<Inbox>,
    /// Messages in transit, by time of arrival and order of scheduling.
    arrivals: BTreeMap<(Duration, u64), Packet>,
    sent: u64,
    /// The number of messages that were queued or scheduled: the tie-breaker of equal times.
    scheduled: u64,
    traffic_counter: TrafficCounter,
}

/// A message on its way through the network.
#[derive(Debug)]
struct Packet {
    /// The indices of the sender's inbox and of the receiver's.
    link: (usize, usize),
    message: NetworkMessage,
    /// The deadline of a message that a fault delays before it enters the receiver's queue; `None`
    /// once it may enter.
    delayed_deadline: Option<Duration>,
}

/// The queue of messages to a participant, and the state of its receiver.
#[derive(Debug)]
struct Inbox {
    name: Rc<str>,
    /// Messages that the receiver has not taken yet, by deadline and order of queuing.
    queue: BTreeMap<(Duration, u64), Packet>,
    /// True if the receiver holds a message until its deadline; never in plain delivery.
    is_holding: bool,
    /// True if the participant has left: messages to it are dropped.
    has_left: bool,
    admission: Admission,
}

/// The membership of a name in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A participant.
    Present,
    /// A participant that has left.
    Left,
    /// A name that has never been on the network.
    Unknown,
}

/// The senders from which a node receives messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// All senders: the node is running.
    All,
    /// Only the client that initializes the node.
    Only(String),
    /// No sender: the node is dead.
    None,
}

impl Network {
    /// A network without participants. With `keeps_journal`, it keeps a journal of all events.
    pub fn new(
        latency: Latency,
        delivery: Delivery,
        random: Random,
        keeps_journal: bool,
    ) -> Network {
        Network {
            latency,
            delivery,
            links: Links::new(&random),
            random,
            indices: FxHashMap::default(),
            inboxes: Vec::new(),
            arrivals: BTreeMap::new(),
            sent: 0,
            scheduled: 0,
            traffic_counter: TrafficCounter::new(keeps_journal),
        }
    }

    /// Passes every event of every message to `watcher` from now on. Messages in transit are passed
    /// at once, as if they were sent now.
    pub fn watch(&mut self, watcher: fn(EventKind, &NetworkMessage)) {
        let queued = self.inboxes.iter().flat_map(|inbox| inbox.queue.values());
        let packets = self.arrivals.values().chain(queued);
        packets.for_each(|packet| watcher(EventKind::Send, &packet.message));
        self.traffic_counter.watch(watcher);
    }

    /// Adds a participant.
    pub fn join(&mut self, name: &str) {
        let name: Rc<str> = name.into();
        self.indices.insert(Rc::clone(&name), self.inboxes.len());
        let queue = BTreeMap::new();
        let admission = Admission::All;
        self.inboxes.push(Inbox { name, queue, is_holding: false, has_left: false, admission });
    }

    /// Removes a participant. Messages to it are dropped from now on.
    pub fn leave(&mut self, name: &str) {
        if let Some(&index) = self.indices.get(name) {
            self.inboxes[index].has_left = true;
            self.inboxes[index].queue.clear();
        }
    }

    /// The membership of this name.
    pub fn presence(&self, name: &str) -> Presence {
        match self.indices.get(name) {
            Some(&index) if self.inboxes[index].has_left => Presence::Left,
            Some(_) => Presence::Present,
            None => Presence::Unknown,
        }
    }

    /// Sends a message. A message to a participant that has left is dropped and not counted.
    ///
    /// # Errors
    /// If the sender or the receiver has never been on the network. Nothing has changed then.
    pub fn send(
        &mut self,
        now: Duration,
        src: &str,
        dest: &str,
        body: Rc<RawValue>,
    ) -> Result<(), UnknownParticipant> {
        let (Some(&src), Some(&dest)) = (self.indices.get(src), self.indices.get(dest)) else {
            return Err(UnknownParticipant);
        };
        if self.inboxes[dest].has_left {
            return Ok(());
        }
        let name = |inbox: usize| Rc::clone(&self.inboxes[inbox].name);
        let message = NetworkMessage { id: self.sent, src: name(src), dest: name(dest), body };
        self.sent += 1;
        self.traffic_counter.record_sent(now, (src, dest), &message);
        let packet = Packet { link: (src, dest), message, delayed_deadline: None };
        if packet.message.involves_client() {
            self.enqueue(now, now, packet);
        } else {
            self.send_between_servers(now, packet);
        }
        Ok(())
    }

    /// The time at which the next message may arrive.
    pub fn next_arrival(&self) -> Option<Duration> {
        self.arrivals.first_key_value().map(|((at, _), _)| *at)
    }

    /// Returns the next message that has arrived by now.
    pub fn receive(&mut self, now: Duration) -> Option<NetworkMessage> {
        while self.next_arrival().is_some_and(|at| at <= now) {
            let (_, packet) = self.arrivals.pop_first()?;
            if let Some(deadline) = packet.delayed_deadline {
                self.enqueue(now, deadline, Packet { delayed_deadline: None, ..packet });
                continue;
            }
            let Packet { link, message, .. } = packet;
            let inbox = link.1;
            let is_plain = self.delivery == Delivery::Plain;
            let cut = if is_plain { self.links.cut(link) } else { None };
            let dropped_by = cut.or_else(|| self.inboxes[inbox].rejected_by(&message));
            if let Some(fault) = dropped_by {
                self.traffic_counter.record_dropped(now, fault, &message);
            }
            self.inboxes[inbox].is_holding = false;
            self.take_next(now, inbox);
            if dropped_by.is_none() && !self.inboxes[inbox].has_left {
                self.traffic_counter.record_received(now, &message);
                return Some(message);
            }
        }
        None
    }

    /// True if a message from `src` to `dest` is in transit. Takes time linear in the number of
    /// messages in transit.
    pub fn is_in_transit(&self, src: &str, dest: &str) -> bool {
        let (Some(src), Some(dest)) = (self.indices.get(src), self.indices.get(dest)) else {
            return false;
        };
        let mut packets = self.arrivals.values().chain(self.inboxes[*dest].queue.values());
        packets.any(|packet| packet.link == (*src, *dest))
    }

    /// Begins a strike if it affects links. `nodes` are the participants that it may affect.
    pub fn strike(&mut self, nemesis_index: usize, effect: &StrikeEffect, nodes: &[String]) {
        let index = |name: &String| Some((name.clone(), *self.indices.get(&**name)?));
        self.links.strike(nemesis_index, effect, &nodes.iter().filter_map(index).collect());
    }

    /// Ends the active strike of this nemesis, if there is one.
    pub fn end_strike(&mut self, nemesis_index: usize) {
        self.links.end(nemesis_index);
    }

    /// Sets the senders from which a node receives messages from now on.
    pub fn set_admission(&mut self, node: &str, admission: Admission) {
        if let Some(&index) = self.indices.get(node) {
            self.inboxes[index].admission = admission;
        }
    }

    /// Counts a message that a fault delayed or dropped outside of the network.
    pub fn count_affected(&mut self, fault: Fault) {
        self.traffic_counter.count_affected(fault);
    }

    /// The counts of all messages so far, and their journal.
    pub fn traffic_counter(&self) -> &TrafficCounter {
        &self.traffic_counter
    }

    /// Consumes the network and returns its counts and its journal.
    pub(crate) fn into_traffic_counter(self) -> TrafficCounter {
        self.traffic_counter
    }

    fn send_between_servers(&mut self, now: Duration, packet: Packet) {
        let link = packet.link;
        let latency = self.latency.draw(&mut self.random);
        let slower_by = self.links.delay(link);
        if !slower_by.is_zero() {
            self.traffic_counter.count_affected(Fault::Slow);
        }
        if self.links.lose(link) {
            self.traffic_counter.record_dropped(now, Fault::Loss, &packet.message);
            return;
        }
        if let Some(later) = self.links.duplicate(link) {
            self.traffic_counter.count_affected(Fault::Duplicate);
            let copy = Packet { link, message: packet.message.clone(), delayed_deadline: None };
            self.enqueue_after(now, slower_by.saturating_add(later), latency, copy);
        }
        self.enqueue_after(now, slower_by, latency, packet);
    }

    /// Queues a message after a delay. Until then no receiver holds it, and no message that is on
    /// time waits behind it.
    fn enqueue_after(&mut self, now: Duration, wait: Duration, latency: Duration, packet: Packet) {
        // A strike may have any duration; what is due at the end of time never arrives.
        let begin = now.saturating_add(wait);
        let deadline = begin.saturating_add(latency);
        if wait.is_zero() {
            self.enqueue(now, deadline, packet);
        } else {
            self.schedule(begin, Packet { delayed_deadline: Some(deadline), ..packet });
        }
    }

    /// Queues a message that arrives at its deadline or later.
    fn enqueue(&mut self, now: Duration, deadline: Duration, packet: Packet) {
        match self.delivery {
            Delivery::Plain => self.schedule(deadline, packet),
            Delivery::Maelstrom => {
                let inbox = packet.link.1;
                self.scheduled += 1;
                self.inboxes[inbox].queue.insert((deadline, self.scheduled), packet);
                self.take_next(now, inbox);
            }
        }
    }

    /// Lets an idle receiver take the next message whose link is not cut.
    fn take_next(&mut self, now: Duration, inbox: usize) {
        while !self.inboxes[inbox].is_holding {
            let Some(((deadline, _), packet)) = self.inboxes[inbox].queue.pop_first() else {
                return;
            };
            if let Some(fault) = self.links.cut(packet.link) {
                self.traffic_counter.record_dropped(now, fault, &packet.message);
            } else {
                self.inboxes[inbox].is_holding = true;
                self.schedule(deadline.max(now), packet);
            }
        }
    }

    fn schedule(&mut self, at: Duration, packet: Packet) {
        self.scheduled += 1;
        self.arrivals.insert((at, self.scheduled), packet);
    }
}

impl Inbox {
    /// The fault that keeps a message from this participant, if any does.
    fn rejected_by(&self, message: &NetworkMessage) -> Option<Fault> {
        let is_admitted = match &self.admission {
            Admission::All => true,
            Admission::Only(client) => *client == *message.src,
            Admission::None => false,
        };
        (!is_admitted).then_some(Fault::Kill)
    }
}

impl NetworkMessage {
    /// True if the sender or the receiver is a client. Such messages have no latency and do not
    /// count as `:servers`.
    pub fn involves_client(&self) -> bool {
        is_client(&self.src) || is_client(&self.dest)
    }

    /// The message as a line of a node's STDIN, newline included.
    pub fn to_line(&self) -> String {
        #[derive(Serialize)]
        struct MessageLine<'a> {
            id: u64,
            src: &'a str,
            dest: &'a str,
            body: &'a RawValue,
        }
        let NetworkMessage { id, src, dest, body } = self;
        let line = serde_json::to_string(&MessageLine { id: *id, src, dest, body });
        line.expect("names and JSON are JSON") + "\n"
    }
}

/// True if this is the name of a client: one that begins with `c`, as in Maelstrom.
pub fn is_client(name: &str) -> bool {
    name.starts_with('c')
}
