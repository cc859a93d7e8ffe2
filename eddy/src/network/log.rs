//! What became of every message, in order, as far as there is room.

use std::fmt::Write as _;
use std::time::Duration;

use super::{EventKind, Message};
use crate::nemesis::Fault;

/// How many bytes of messages a log keeps. Less would lose the end of tests that people run; more
/// would take memory from the nodes, for messages that nobody looks at one by one.
const ROOM: usize = 512 << 20;

/// What an event takes beside its body, roughly.
const EVENT: usize = 100;

/// Something that happened to a message.
#[derive(Debug, Clone)]
pub struct Event {
    /// Since the nodes were started.
    pub at: Duration,
    pub kind: EventKind,
    /// What dropped it, if it was dropped.
    pub fault: Option<Fault>,
    pub message: Message,
}

/// Events in the order in which they happened.
#[derive(Debug, Clone)]
pub struct Log {
    events: Vec<Event>,
    room: usize,
}

impl Log {
    pub(super) fn new() -> Log {
        Log { events: Vec::new(), room: ROOM }
    }

    /// Notes an event, unless the log is full: then it is without everything that comes later.
    pub(super) fn note(&mut self, event: Event) {
        // A body is counted where it was sent, and is the same one later.
        let body = if event.kind == EventKind::Send { event.message.body.get().len() } else { 0 };
        match self.room.checked_sub(EVENT + body) {
            Some(room) => {
                self.room = room;
                self.events.push(event);
            }
            None => self.room = 0,
        }
    }

    /// What happened to messages, in this order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Since when events are missing, if any are.
    pub fn full_since(&self) -> Option<Duration> {
        (self.room == 0).then(|| self.events.last().map_or(Duration::ZERO, |event| event.at))
    }

    /// The events, one a line: nanoseconds, what happened, id, source, destination, body.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for Event { at, kind, message: Message { id, src, dest, body }, .. } in &self.events {
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
    fn a_log_is_whole_up_to_where_it_was_full() {
        let body: Box<RawValue> = serde_json::from_str("{}").unwrap();
        let body: Rc<RawValue> = body.into();
        let event = |kind, second| Event {
            at: Duration::from_secs(second),
            kind,
            fault: None,
            message: Message { id: 0, src: "n0".into(), dest: "n1".into(), body: Rc::clone(&body) },
        };
        // A sending takes two bytes more than an arrival, which has the same body.
        let mut log = Log { events: Vec::new(), room: 3 * EVENT + 3 };
        log.note(event(EventKind::Send, 1));
        log.note(event(EventKind::Receive, 2));
        assert_eq!(log.full_since(), None);
        log.note(event(EventKind::Send, 3));
        log.note(event(EventKind::Receive, 4));
        assert_eq!(log.full_since(), Some(Duration::from_secs(2)));
        assert_eq!(log.events().len(), 2, "what is smaller does not come after a gap");
    }
}
