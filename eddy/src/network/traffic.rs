//! Counts of the messages of a network, and on request a journal of all events.

use std::collections::BTreeMap;
use std::time::Duration;

use super::NetworkMessage;
use super::journal::{Journal, NetworkEvent};
use super::storm::SenderCounts;
use crate::edn::{Map, Value};
use crate::nemesis::Fault;

/// The kind of an event on the way of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The message was sent.
    Send,
    /// The message arrived.
    Receive,
    /// A fault dropped the message.
    Drop,
}

/// Counts of messages, and their journal if it is kept.
#[derive(Debug)]
pub struct TrafficCounter {
    all: MessageCounts,
    clients: MessageCounts,
    dropped: u64,
    affected_by_fault: BTreeMap<Fault, u64>,
    senders: SenderCounts,
    journal: Option<Journal>,
    watcher: fn(EventKind, &NetworkMessage),
}

/// The numbers of messages that were sent and that arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MessageCounts {
    /// Messages sent. Each has its own id, so this is Maelstrom's `:msg-count` as well.
    pub sent: u64,
    /// Messages that arrived.
    pub received: u64,
    /// Messages sent for each operation that clients invoked, final reads included; `None` if there
    /// was no operation.
    pub msgs_per_op: Option<f64>,
}

/// The traffic of a test, `:net` in Maelstrom's results.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Traffic {
    /// All messages, initialization included.
    pub all: MessageCounts,
    /// Messages from or to a client.
    pub clients: MessageCounts,
    /// Messages between servers: the cost of the algorithm.
    pub servers: MessageCounts,
}

impl TrafficCounter {
    pub(super) fn new(keeps_journal: bool) -> TrafficCounter {
        let (all, clients) = (MessageCounts::default(), MessageCounts::default());
        let (journal, affected_by_fault) = (keeps_journal.then(Journal::new), BTreeMap::new());
        let senders = SenderCounts::default();
        let watcher = |_: EventKind, _: &NetworkMessage| {};
        TrafficCounter { all, clients, dropped: 0, affected_by_fault, senders, journal, watcher }
    }

    pub(super) fn watch(&mut self, watcher: fn(EventKind, &NetworkMessage)) {
        self.watcher = watcher;
    }

    /// Records a message between two inboxes, given by their indices.
    pub(super) fn record_sent(
        &mut self,
        now: Duration,
        link: (usize, usize),
        message: &NetworkMessage,
    ) {
        if !message.involves_client() {
            self.senders.count(link, message);
        }
        self.record(now, EventKind::Send, None, message);
    }

    pub(super) fn record_received(&mut self, now: Duration, message: &NetworkMessage) {
        self.record(now, EventKind::Receive, None, message);
    }

    pub(super) fn record_dropped(&mut self, now: Duration, fault: Fault, message: &NetworkMessage) {
        self.record(now, EventKind::Drop, Some(fault), message);
        self.count_affected(fault);
    }

    fn record(
        &mut self,
        at: Duration,
        kind: EventKind,
        fault: Option<Fault>,
        message: &NetworkMessage,
    ) {
        (self.watcher)(kind, message);
        self.all.count(kind);
        if message.involves_client() {
            self.clients.count(kind);
        }
        self.dropped += u64::from(kind == EventKind::Drop);
        if let Some(journal) = &mut self.journal {
            journal.push(NetworkEvent { at, kind, fault, message: message.clone() });
        }
    }

    /// Counts a message that a fault dropped, duplicated or delayed.
    pub(super) fn count_affected(&mut self, fault: Fault) {
        *self.affected_by_fault.entry(fault).or_default() += 1;
    }

    /// The number of messages that faults dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The number of messages that this fault dropped, duplicated or delayed.
    pub fn messages_affected_by(&self, fault: Fault) -> u64 {
        self.affected_by_fault.get(&fault).copied().unwrap_or_default()
    }

    /// A warning if servers sent each other far more messages than this number of operations
    /// explains.
    pub(crate) fn storm_warning(&self, operations: u64) -> Option<String> {
        self.senders.warning(self.traffic(operations).servers, operations)
    }

    /// The journal of all events so far, if it is kept.
    pub(crate) fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Consumes the counter and returns its journal, if it is kept.
    pub(crate) fn into_journal(self) -> Option<Journal> {
        self.journal
    }

    /// The counts so far, with messages per operation for this number of operations.
    pub fn traffic(&self, operations: u64) -> Traffic {
        let (all, clients) = (self.all, self.clients);
        let (sent, received) = (all.sent - clients.sent, all.received - clients.received);
        let servers = MessageCounts { sent, received, msgs_per_op: None };
        let [all, servers] = [all, servers].map(|counts| counts.per_op(operations));
        Traffic { all, clients, servers }
    }
}

impl MessageCounts {
    fn count(&mut self, kind: EventKind) {
        match kind {
            EventKind::Send => self.sent += 1,
            EventKind::Receive => self.received += 1,
            EventKind::Drop => {}
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no test sends 2^53 messages")]
    fn per_op(self, operations: u64) -> MessageCounts {
        let msgs_per_op = (operations > 0).then(|| self.sent as f64 / operations as f64);
        MessageCounts { msgs_per_op, ..self }
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
    /// The value of `:net` in Maelstrom's results.
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
            NetworkMessage { id: 0, src, dest, body: Rc::clone(&body) }
        };
        let mut counter = TrafficCounter::new(true);
        let now = Duration::from_millis(1);
        counter.record_sent(now, (0, 1), &message("c0", "n0"));
        counter.record_received(now, &message("c0", "n0"));
        counter.record_sent(now, (1, 2), &message("n0", "n1"));
        counter.record_dropped(now, Fault::Partition, &message("n0", "n1"));
        counter.record_sent(now, (1, 3), &message("n0", "lin-kv"));
        let expected = "{:all {:send-count 3, :recv-count 1, :msg-count 3, :msgs-per-op 1.5}, \
                        :clients {:send-count 1, :recv-count 1, :msg-count 1}, \
                        :servers {:send-count 2, :recv-count 0, :msg-count 2, :msgs-per-op 1.0}, \
                        :valid? true}";
        assert_eq!(counter.traffic(2).to_edn().to_string(), expected);
        assert_eq!(counter.traffic(0).servers.msgs_per_op, None);
        assert_eq!(counter.dropped(), 1);
        assert_eq!(counter.messages_affected_by(Fault::Partition), 1);
        let trace = counter.journal().unwrap().to_text();
        assert_eq!(trace.lines().nth(3), Some("1000000 Drop 0 n0 n1 {}"));
    }
}
