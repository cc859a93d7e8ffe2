//! The journal of the network: all events of messages, in order, up to a limit of memory.

use std::fmt::Write as _;
use std::time::Duration;

use super::{EventKind, NetworkMessage};
use crate::nemesis::Fault;

/// Maximum number of bytes that a journal keeps. Less would lose the end of tests that people run;
/// more would take memory from the nodes, for messages that nobody looks at one by one.
const MAX_BYTES: usize = 512 << 20;

/// The approximate size of an event in bytes, without the body of its message.
const EVENT_OVERHEAD: usize = 100;

/// An event on the way of a message.
#[derive(Debug, Clone)]
pub struct NetworkEvent {
    /// The time since the nodes were started.
    pub at: Duration,
    pub kind: EventKind,
    /// The fault that dropped the message, for [`EventKind::Drop`].
    pub fault: Option<Fault>,
    pub message: NetworkMessage,
}

/// Events in the order in which they happened. A full journal lacks all later events, and no
/// earlier one.
#[derive(Debug, Clone)]
pub struct Journal {
    events: Vec<NetworkEvent>,
    /// The bytes that are left; 0 once the journal is full.
    bytes_left: usize,
}

impl Journal {
    pub(super) fn new() -> Journal {
        Journal { events: Vec::new(), bytes_left: MAX_BYTES }
    }

    /// Appends an event, unless the journal is full.
    pub(super) fn push(&mut self, event: NetworkEvent) {
        // All events of a message share its body, which is counted when it is sent.
        let body = if event.kind == EventKind::Send { event.message.body.get().len() } else { 0 };
        match self.bytes_left.checked_sub(EVENT_OVERHEAD + body) {
            Some(bytes_left) => {
                self.bytes_left = bytes_left;
                self.events.push(event);
            }
            None => self.bytes_left = 0,
        }
    }

    /// The events, in the order in which they happened.
    pub fn events(&self) -> &[NetworkEvent] {
        &self.events
    }

    /// The time after which events are missing, if any are.
    pub fn full_since(&self) -> Option<Duration> {
        (self.bytes_left == 0).then(|| self.events.last().map_or(Duration::ZERO, |event| event.at))
    }

    /// The events, one a line: nanoseconds, kind, id, source, destination, body.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for NetworkEvent { at, kind, message: NetworkMessage { id, src, dest, body }, .. } in
            &self.events
        {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {kind:?} {id} {src} {dest} {body}", at.as_nanos());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn a_journal_is_complete_up_to_the_event_that_filled_it() {
        let body: Box<RawValue> = serde_json::from_str("{}").unwrap();
        let body: Rc<RawValue> = body.into();
        let event = |kind, second| NetworkEvent {
            at: Duration::from_secs(second),
            kind,
            fault: None,
            message: NetworkMessage {
                id: 0,
                src: "n0".into(),
                dest: "n1".into(),
                body: Rc::clone(&body),
            },
        };
        // A send takes two bytes more than an arrival, which shares its body.
        let mut journal = Journal { events: Vec::new(), bytes_left: 3 * EVENT_OVERHEAD + 3 };
        journal.push(event(EventKind::Send, 1));
        journal.push(event(EventKind::Receive, 2));
        assert_eq!(journal.full_since(), None);
        journal.push(event(EventKind::Send, 3));
        journal.push(event(EventKind::Receive, 4));
        assert_eq!(journal.full_since(), Some(Duration::from_secs(2)));
        assert_eq!(journal.events().len(), 2, "a smaller event is not appended after a gap");
    }
}
