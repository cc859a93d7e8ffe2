//! Delivery of a node's lines from STDOUT to the network.
//!
//! Maelstrom sends every message whose two ends are on the network, whoever wrote it, and never
//! reads a node again that wrote anything else. Here such a line ends the test, because it is a
//! mistake that somebody should know of, unless the test is lenient.

use std::time::Duration;

use super::complaint::Said;
use super::{Complaint, Interpreter, complaint, lenient};
use crate::network::Presence;

impl Interpreter {
    /// A node has said a line.
    pub(crate) fn hear(&mut self, now: Duration, node: usize, line: &str) -> Result<(), Complaint> {
        if self.deaf.ignores(node) {
            return Ok(());
        }
        let preparation = self.clients.preparation(node);
        let read = complaint::read(&self.nodes[node], line, preparation != Some("init"));
        let is_told = preparation.is_some()
            && read.as_ref().is_ok_and(|said| self.tell_wrong_reply(node, said));
        let heard = match read {
            Ok(said) => self.pass_on(now, node, &said, line),
            Err(complaint) => match lenient::read(line).filter(|_| self.is_lenient) {
                Some(said) => self.pass_on(now, node, &said, line).map(|()| {
                    self.deaf.tolerate(node, complaint);
                }),
                None => Err(complaint),
            },
        };
        if is_told {
            // It would be said twice.
            drop(self.mistakes.take_news());
        } else {
            self.tell_news();
        }
        match heard {
            // Without an answer to what prepares the node, Maelstrom comes to no verdict either.
            Err(complaint) if self.is_lenient && preparation.is_none() => {
                self.notices.tell(&format!(
                    "node {} is not heard any more, as in Maelstrom: {}",
                    complaint.node,
                    complaint.in_one_line()
                ));
                self.deaf.stop_hearing(now.saturating_sub(self.zero), node, complaint);
                Ok(())
            }
            heard => heard,
        }
    }

    /// Sends a message of a node, if both of its ends are, or were, on the network.
    fn pass_on(
        &mut self,
        now: Duration,
        node: usize,
        said: &Said<'_>,
        line: &str,
    ) -> Result<(), Complaint> {
        let Said { src, dest, body } = said;
        for name in [src, dest] {
            self.services.meet(name, &mut self.network);
        }
        let name = &self.nodes[node];
        let ends = [src, dest].map(|name| self.network.presence(name));
        match ends {
            [Presence::Unknown, _] => {
                let has_begun = self.clients.preparation(node) != Some("init");
                return Err(Complaint::unknown_source(name, src, line, has_begun));
            }
            [_, Presence::Unknown] => {
                return Err(Complaint::unknown_destination(name, dest, line));
            }
            _ => {}
        }
        if ends.contains(&Presence::Gone) {
            match self.clients.gave_up(dest, body) {
                Some(unanswered) => self.late.note_answer(now, node, said, unanswered),
                None => self.late.note_other(node, said),
            }
        }
        if **src != **name {
            match self.clients.awaits(dest, node, body) {
                Some(waiting) => self.mistakes.note_name(name, said, waiting),
                None => self.forwards.note(node, said),
            }
        }
        if let Some(other) = self.numbers.get(&**dest).copied() {
            // Whoever hands a request on in its sender's name is not the one to be answered.
            let sender = self.numbers.get(&**src).copied();
            if let Some(sender) = sender {
                self.asked.note(sender, other, body);
            }
            let replier = sender.unwrap_or(node);
            if let Some(msg_id) = self.asked.never(other, replier, body)
                && let Some(waiting) = self.clients.awaited(node, msg_id, body)
            {
                self.mistakes.note_misdirected(&self.nodes[node], said, waiting);
            }
        }
        let sent = self.network.send(now, src, dest, body.clone());
        debug_assert!(sent.is_ok(), "both ends are on the network");
        Ok(())
    }
}
