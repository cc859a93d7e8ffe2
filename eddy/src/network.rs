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
//! Faults that strike links strike those between nodes; clients and services are spared. A message
//! is lost when it is sent, and one that is doubled arrives a second time; either costs the sender
//! one message. What arrives at a node that is dead is dropped, as a datagram would be, wherever it
//! was when the node died. A node that has been started again hears nobody but its own `init` until
//! it has answered that.
//!
//! Latency applies between servers only, and services count as servers. Deliveries that are due at
//! the same time happen in the order in which they were scheduled.

mod journal;
mod links;
mod log;
mod storm;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::value::RawValue;

pub use self::journal::{Counts, EventKind, Journal, Traffic};
use self::links::Links;
pub use self::log::Log;
use crate::latency::Latency;
use crate::nemesis::{Fault, Harm};
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
    links: Links,
    numbers: FxHashMap<Rc<str>, usize>,
    inboxes: Vec<Inbox>,
    /// What is on its way, by the time of its arrival and the order of scheduling.
    arrivals: BTreeMap<(Duration, u64), Parcel>,
    sent: u64,
    /// Counts what is queued or on its way: what is due at the same time is told apart by it.
    scheduled: u64,
    journal: Journal,
}

/// A message with its way through the network.
#[derive(Debug)]
struct Parcel {
    /// The number of the sender's inbox, and that of the receiver's.
    link: (usize, usize),
    message: Message,
    /// The deadline, as long as a fault keeps it from its receiver's queue.
    held_up: Option<Duration>,
}

#[derive(Debug)]
struct Inbox {
    name: Rc<str>,
    /// Messages that the receiver has not taken yet, by deadline and order of sending.
    queue: BTreeMap<(Duration, u64), Parcel>,
    /// Whether the receiver carries a message; never in plain delivery.
    carrying: bool,
    /// A client that is gone: what still comes for it is dropped.
    closed: bool,
    admission: Admission,
}

/// Whether a participant is on the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Here,
    /// It was.
    Gone,
    /// It never was.
    Unknown,
}

/// From whom a node hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// From everybody: it works.
    Everybody,
    /// From this client, who initializes it.
    Only(String),
    /// From nobody: it is dead.
    Nobody,
}

impl Network {
    /// A network without participants, whose journal keeps every event if it is to.
    pub fn new(latency: Latency, delivery: Delivery, random: Random, keeps_log: bool) -> Network {
        Network {
            latency,
            delivery,
            links: Links::new(&random),
            random,
            numbers: FxHashMap::default(),
            inboxes: Vec::new(),
            arrivals: BTreeMap::new(),
            sent: 0,
            scheduled: 0,
            journal: Journal::new(keeps_log),
        }
    }

    /// Shows every event of every message to `watcher` from now on, and what is on its way as if it
    /// were sent now.
    pub fn watch(&mut self, watcher: fn(EventKind, &Message)) {
        let queued = self.inboxes.iter().flat_map(|inbox| inbox.queue.values());
        let parcels = self.arrivals.values().chain(queued);
        parcels.for_each(|parcel| watcher(EventKind::Send, &parcel.message));
        self.journal.watch(watcher);
    }

    /// Adds a participant.
    pub fn join(&mut self, name: &str) {
        let name: Rc<str> = name.into();
        self.numbers.insert(Rc::clone(&name), self.inboxes.len());
        let queue = BTreeMap::new();
        let admission = Admission::Everybody;
        self.inboxes.push(Inbox { name, queue, carrying: false, closed: false, admission });
    }

    /// Removes a participant; messages to it are dropped from now on.
    pub fn leave(&mut self, name: &str) {
        if let Some(&number) = self.numbers.get(name) {
            self.inboxes[number].closed = true;
            self.inboxes[number].queue.clear();
        }
    }

    /// Whether the participant of this name is on the network.
    pub fn presence(&self, name: &str) -> Presence {
        match self.numbers.get(name) {
            Some(&number) if self.inboxes[number].closed => Presence::Gone,
            Some(_) => Presence::Here,
            None => Presence::Unknown,
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
        self.journal.sent(now, (src, dest), &message);
        let parcel = Parcel { link: (src, dest), message, held_up: None };
        if parcel.message.involves_client() {
            self.post(now, now, parcel);
        } else {
            self.post_between_servers(now, parcel);
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
            let (_, parcel) = self.arrivals.pop_first()?;
            if let Some(deadline) = parcel.held_up {
                self.post(now, deadline, Parcel { held_up: None, ..parcel });
                continue;
            }
            let Parcel { link, message, .. } = parcel;
            let inbox = link.1;
            let is_plain = self.delivery == Delivery::Plain;
            let cut = if is_plain { self.links.cut(link) } else { None };
            let dropped_by = cut.or_else(|| self.inboxes[inbox].refuses(&message));
            if let Some(fault) = dropped_by {
                self.journal.discarded(now, fault, &message);
            }
            self.inboxes[inbox].carrying = false;
            self.take(now, inbox);
            if dropped_by.is_none() && !self.inboxes[inbox].closed {
                self.journal.received(now, &message);
                return Some(message);
            }
        }
        None
    }

    /// Whether anything of this sender's has yet to arrive at this node. Looks at all that is on
    /// its way.
    pub fn is_on_its_way(&self, src: &str, dest: &str) -> bool {
        let (Some(src), Some(dest)) = (self.numbers.get(src), self.numbers.get(dest)) else {
            return false;
        };
        let mut parcels = self.arrivals.values().chain(self.inboxes[*dest].queue.values());
        parcels.any(|parcel| parcel.link == (*src, *dest))
    }

    /// Begins a strike, if it is one on links; `nodes` are those that it may strike.
    pub fn strike(&mut self, nemesis: usize, harm: &Harm, nodes: &[String]) {
        let number = |name: &String| Some((name.clone(), *self.numbers.get(&**name)?));
        self.links.strike(nemesis, harm, &nodes.iter().filter_map(number).collect());
    }

    /// Ends the strike of this nemesis, if it goes on.
    pub fn end_strike(&mut self, nemesis: usize) {
        self.links.end(nemesis);
    }

    /// Says from whom a node hears from now on.
    pub fn admit(&mut self, node: &str, admission: Admission) {
        if let Some(&number) = self.numbers.get(node) {
            self.inboxes[number].admission = admission;
        }
    }

    /// A message was held up on its way by a fault that is not the network's.
    pub fn struck(&mut self, fault: Fault) {
        self.journal.struck(fault);
    }

    /// What has been sent so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What has been sent, when that is all.
    pub(crate) fn into_journal(self) -> Journal {
        self.journal
    }

    fn post_between_servers(&mut self, now: Duration, parcel: Parcel) {
        let link = parcel.link;
        let latency = self.latency.draw(&mut self.random);
        let slower_by = self.links.delay(link);
        if !slower_by.is_zero() {
            self.journal.struck(Fault::Slow);
        }
        if self.links.lose(link) {
            self.journal.discarded(now, Fault::Loss, &parcel.message);
            return;
        }
        if let Some(later) = self.links.duplicate(link) {
            self.journal.struck(Fault::Duplicate);
            let copy = Parcel { link, message: parcel.message.clone(), held_up: None };
            self.post_later(now, slower_by.saturating_add(later), latency, copy);
        }
        self.post_later(now, slower_by, latency, parcel);
    }

    /// Puts a message on its way after a while. Until then no receiver carries it, and nothing that
    /// is on time waits for it.
    fn post_later(&mut self, now: Duration, wait: Duration, latency: Duration, parcel: Parcel) {
        // A strike may name any time, and what arrives at the end of time never does.
        let begin = now.saturating_add(wait);
        let deadline = begin.saturating_add(latency);
        if wait.is_zero() {
            self.post(now, deadline, parcel);
        } else {
            self.schedule(begin, Parcel { held_up: Some(deadline), ..parcel });
        }
    }

    /// Puts a message on its way, to arrive at its deadline or later.
    fn post(&mut self, now: Duration, deadline: Duration, parcel: Parcel) {
        match self.delivery {
            Delivery::Plain => self.schedule(deadline, parcel),
            Delivery::Maelstrom => {
                let inbox = parcel.link.1;
                self.scheduled += 1;
                self.inboxes[inbox].queue.insert((deadline, self.scheduled), parcel);
                self.take(now, inbox);
            }
        }
    }

    /// Lets an idle receiver take the next message that no cut drops.
    fn take(&mut self, now: Duration, number: usize) {
        while !self.inboxes[number].carrying {
            let Some(((deadline, _), parcel)) = self.inboxes[number].queue.pop_first() else {
                return;
            };
            if let Some(fault) = self.links.cut(parcel.link) {
                self.journal.discarded(now, fault, &parcel.message);
            } else {
                self.inboxes[number].carrying = true;
                self.schedule(deadline.max(now), parcel);
            }
        }
    }

    fn schedule(&mut self, at: Duration, parcel: Parcel) {
        self.scheduled += 1;
        self.arrivals.insert((at, self.scheduled), parcel);
    }
}

impl Inbox {
    /// By which fault a message is kept from a node, if it is.
    fn refuses(&self, message: &Message) -> Option<Fault> {
        let is_admitted = match &self.admission {
            Admission::Everybody => true,
            Admission::Only(client) => *client == *message.src,
            Admission::Nobody => false,
        };
        (!is_admitted).then_some(Fault::Kill)
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
pub fn is_client(name: &str) -> bool {
    name.starts_with('c')
}
