//! What the network did: counted always, and kept event by event when asked to.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Message;
use super::log::{Event, Log};
use super::storm::Senders;
use crate::edn::{Map, Value};
use crate::nemesis::Fault;

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It was sent.
    Send,
    /// It arrived.
    Receive,
    /// A fault dropped it.
    Drop,
}

/// The network's account of itself.
#[derive(Debug)]
pub struct Journal {
    all: Counts,
    clients: Counts,
    dropped: u64,
    struck: BTreeMap<Fault, u64>,
    senders: Senders,
    log: Option<Log>,
    watcher: fn(EventKind, &Message),
}

/// How many messages were sent, and how many arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Messages sent. Each is a message of its own, so this is Maelstrom's `:msg-count` as well.
    pub sent: u64,
    /// Messages that arrived.
    pub received: u64,
    /// Messages sent for each operation that clients invoked, final reads included; `None` if there
    /// was no operation.
    pub msgs_per_op: Option<f64>,
}

/// The traffic of a test, as `:net` tells it in Maelstrom's results.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Traffic {
    /// Everything, initialization included.
    pub all: Counts,
    /// What has a client at one end.
    pub clients: Counts,
    /// What has not: the price of the algorithm.
    pub servers: Counts,
}

impl Journal {
    pub(super) fn new(keeps_log: bool) -> Journal {
        let (all, clients) = (Counts::default(), Counts::default());
        let (log, struck) = (keeps_log.then(Log::new), BTreeMap::new());
        let senders = Senders::default();
        Journal { all, clients, dropped: 0, struck, senders, log, watcher: |_, _| {} }
    }

    pub(super) fn watch(&mut self, watcher: fn(EventKind, &Message)) {
        self.watcher = watcher;
    }

    /// Notes a message from one inbox to another, which are told by their numbers.
    pub(super) fn sent(&mut self, now: Duration, link: (usize, usize), message: &Message) {
        if !message.involves_client() {
            self.senders.count(link, message);
        }
        self.record(now, EventKind::Send, None, message);
    }

    pub(super) fn received(&mut self, now: Duration, message: &Message) {
        self.record(now, EventKind::Receive, None, message);
    }

    pub(super) fn discarded(&mut self, now: Duration, fault: Fault, message: &Message) {
        self.record(now, EventKind::Drop, Some(fault), message);
        self.struck(fault);
    }

    fn record(&mut self, at: Duration, kind: EventKind, fault: Option<Fault>, message: &Message) {
        (self.watcher)(kind, message);
        self.all.count(kind);
        if message.involves_client() {
            self.clients.count(kind);
        }
        self.dropped += u64::from(kind == EventKind::Drop);
        if let Some(log) = &mut self.log {
            log.note(Event { at, kind, fault, message: message.clone() });
        }
    }

    /// A fault struck a message: it was dropped, doubled or held up.
    pub(super) fn struck(&mut self, fault: Fault) {
        *self.struck.entry(fault).or_default() += 1;
    }

    /// Messages that faults dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many messages a fault dropped, doubled or held up.
    pub fn struck_by(&self, fault: Fault) -> u64 {
        self.struck.get(&fault).copied().unwrap_or_default()
    }

    /// A warning, if servers sent each other far more than so many operations call for.
    pub(crate) fn storm(&self, operations: u64) -> Option<String> {
        self.senders.warning(self.traffic(operations).servers, operations)
    }

    /// What became of every message so far, if that is kept.
    pub(crate) fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    /// As [`Journal::log`], when the test is over.
    pub(crate) fn into_log(self) -> Option<Log> {
        self.log
    }

    /// The counts so far, for so many operations.
    pub fn traffic(&self, operations: u64) -> Traffic {
        let (all, clients) = (self.all, self.clients);
        let (sent, received) = (all.sent - clients.sent, all.received - clients.received);
        let servers = Counts { sent, received, msgs_per_op: None };
        let [all, servers] = [all, servers].map(|counts| counts.per_op(operations));
        Traffic { all, clients, servers }
    }
}

impl Counts {
    fn count(&mut self, kind: EventKind) {
        match kind {
            EventKind::Send => self.sent += 1,
            EventKind::Receive => self.received += 1,
            EventKind::Drop => {}
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no test sends 2^53 messages")]
    fn per_op(self, operations: u64) -> Counts {
        let msgs_per_op = (operations > 0).then(|| self.sent as f64 / operations as f64);
        Counts { msgs_per_op, ..self }
    }

    #[expect(clippy::cast_possible_truncation, reason = "Maelstrom prints 32-bit floats")]
    fn to_edn(self) -> Map {
        let number = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
        let counts = Map::new()
            .with("send-count", number(self.sent))
            .with("recv-count", number(self.received))
            .with("msg-count", number(self.sent));
        match self.msgs_per_op {
            Some(figure) => counts.with("msgs-per-op", Value::float32(figure as f32)),
            None => counts,
        }
    }
}

impl Traffic {
    /// The map behind `:net` in Maelstrom's results.
    pub fn to_edn(&self) -> Value {
        let map = Map::new()
            .with("all", self.all.to_edn())
            .with("clients", self.clients.to_edn())
            .with("servers", self.servers.to_edn())
            .with("valid?", true);
        Value::Map(map)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn traffic_is_split_by_whether_a_client_is_involved() {
        let body: Box<RawValue> = serde_json::from_str("{}").unwrap();
        let body: Rc<RawValue> = body.into();
        let message = |src: &str, dest: &str| {
            let (src, dest) = (src.into(), dest.into());
            Message { id: 0, src, dest, body: Rc::clone(&body) }
        };
        let mut journal = Journal::new(true);
        let now = Duration::from_millis(1);
        journal.sent(now, (0, 1), &message("c0", "n0"));
        journal.received(now, &message("c0", "n0"));
        journal.sent(now, (1, 2), &message("n0", "n1"));
        journal.discarded(now, Fault::Partition, &message("n0", "n1"));
        journal.sent(now, (1, 3), &message("n0", "lin-kv"));
        let expected = "{:all {:send-count 3, :recv-count 1, :msg-count 3, :msgs-per-op 1.5}, \
                        :clients {:send-count 1, :recv-count 1, :msg-count 1}, \
                        :servers {:send-count 2, :recv-count 0, :msg-count 2, :msgs-per-op 1.0}, \
                        :valid? true}";
        assert_eq!(journal.traffic(2).to_edn().to_string(), expected);
        assert_eq!(journal.traffic(0).servers.msgs_per_op, None);
        assert_eq!(journal.dropped(), 1);
        assert_eq!(journal.struck_by(Fault::Partition), 1);
        let trace = journal.log().unwrap().to_text();
        assert_eq!(trace.lines().nth(3), Some("1000000 Drop 0 n0 n1 {}"));
    }
}
