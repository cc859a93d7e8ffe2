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
pub(crate) struct Event {
    /// Since the nodes were started.
    pub(crate) at: Duration,
    pub(crate) kind: EventKind,
    /// What dropped it, if it was dropped.
    pub(crate) fault: Option<Fault>,
    pub(crate) message: Message,
}

/// Events in the order in which they happened.
#[derive(Debug, Clone)]
pub(crate) struct Log {
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

    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// Since when events are missing, if any are.
    pub(crate) fn full_since(&self) -> Option<Duration> {
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
