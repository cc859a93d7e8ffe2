//! The path of a node's lines from STDOUT to the network.
//!
//! Maelstrom sends every message whose source and destination are on the network, even if another
//! node wrote it. At any other line it stops reading the node for good. Here such a line ends the
//! test, because it is a bug that should not be overlooked, unless the test is lenient.

use std::time::Duration;

use super::node_error::NodeMessage;
use super::{Interpreter, NodeError, lenient, node_error};
use crate::network::Presence;

impl Interpreter {
    /// Handles a line that a node wrote to STDOUT.
    pub(crate) fn receive_line(
        &mut self,
        now: Duration,
        node: usize,
        line: &str,
    ) -> Result<(), NodeError> {
        if self.ignored_nodes.ignores_line(node) {
            return Ok(());
        }
        let preparation = self.clients.preparation_function(node);
        let read = node_error::parse(&self.nodes[node], line, preparation != Some("init"));
        let is_reported = preparation.is_some()
            && read.as_ref().is_ok_and(|message| self.report_wrong_reply(node, message));
        let result = match read {
            Ok(message) => self.send_from(now, node, &message, line),
            Err(error) => match lenient::read(line).filter(|_| self.is_lenient) {
                Some(message) => self.send_from(now, node, &message, line).map(|()| {
                    self.ignored_nodes.tolerate(node, error);
                }),
                None => Err(error),
            },
        };
        if is_reported {
            // The same message was just reported as a wrong reply.
            drop(self.reply_mistakes.take_unreported());
        } else {
            self.report_mistakes();
        }
        match result {
            // Without a reply to `init` or setup, Maelstrom comes to no verdict either.
            Err(error) if self.is_lenient && preparation.is_none() => {
                self.notices.report(&format!(
                    "node {} is ignored from now on, as in Maelstrom: {}",
                    error.node,
                    error.in_one_line()
                ));
                self.ignored_nodes.ignore(now.saturating_sub(self.history_start), node, error);
                Ok(())
            }
            result => result,
        }
    }

    /// Sends a message of a node, if its source and destination are, or were, on the network.
    fn send_from(
        &mut self,
        now: Duration,
        node: usize,
        message: &NodeMessage<'_>,
        line: &str,
    ) -> Result<(), NodeError> {
        let NodeMessage { src, dest, body } = message;
        for name in [src, dest] {
            self.services.join(name, &mut self.network);
        }
        let name = &self.nodes[node];
        let ends = [src, dest].map(|name| self.network.presence(name));
        match ends {
            [Presence::Unknown, _] => {
                let has_answered_init = self.clients.preparation_function(node) != Some("init");
                return Err(NodeError::unknown_source(name, src, line, has_answered_init));
            }
            [_, Presence::Unknown] => {
                return Err(NodeError::unknown_destination(name, dest, line));
            }
            _ => {}
        }
        if ends.contains(&Presence::Left) {
            match self.clients.timed_out_request(dest, body) {
                Some(timed_out) => self.late_messages.note_reply(now, node, message, timed_out),
                None => self.late_messages.note_other(node, message),
            }
        }
        if **src != **name {
            match self.clients.outstanding_of_client(dest, node, body) {
                Some(outstanding) => {
                    self.reply_mistakes.note_wrong_source(name, message, outstanding);
                }
                None => self.forwards.note(node, message),
            }
        }
        if let Some(other) = self.node_indices.get(&**dest).copied() {
            // A reply to a forwarded request goes to its `src`, not to the node that forwarded it.
            let sender = self.node_indices.get(&**src).copied();
            if let Some(sender) = sender {
                self.sent_requests.note(sender, other, body);
            }
            let replier = sender.unwrap_or(node);
            if let Some(msg_id) = self.sent_requests.never_sent(other, replier, body)
                && let Some(outstanding) = self.clients.outstanding_at_node(node, msg_id, body)
            {
                self.reply_mistakes.note_wrong_destination(&self.nodes[node], message, outstanding);
            }
        }
        let sent = self.network.send(now, src, dest, body.clone());
        debug_assert!(sent.is_ok(), "both ends are on the network");
        Ok(())
    }
}
