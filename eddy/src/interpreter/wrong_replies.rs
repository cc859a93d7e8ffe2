//! Replies to `init` or `topology` with a wrong `dest` or `in_reply_to`. Maelstrom goes on waiting,
//! because the right reply may still come, and reports nothing meanwhile.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::clients::{self, OutstandingRequest};
use super::node_error::{NodeMessage, excerpt};
use crate::client::ClientReply;

/// The last wrong reply of each node, by index of the node.
#[derive(Debug, Default)]
pub(super) struct WrongReplies(BTreeMap<usize, WrongReply>);

/// A message that was probably meant as a reply.
#[derive(Debug)]
struct WrongReply {
    /// The client that waits for the reply.
    client: u64,
    /// The `msg_id` of its request.
    msg_id: u64,
    /// The destination of the message, which may be the client.
    dest: String,
    body: Rc<RawValue>,
}

impl WrongReplies {
    /// Notes a message of a node with an outstanding request, if it looks like the reply and is not
    /// one. Returns a sentence to report if it is the first one for this request.
    pub(super) fn note(
        &mut self,
        node: (usize, &str),
        message: &NodeMessage<'_>,
        outstanding: &OutstandingRequest,
        msg_id: u64,
        timeout: Duration,
    ) -> Option<String> {
        let NodeMessage { dest, body, .. } = message;
        let reply = ClientReply::parse(body).ok()?;
        let is_to_client = **dest == *clients::name(outstanding.client);
        let is_wrong = if is_to_client {
            clients::in_reply_to(&reply) != Some(msg_id)
        } else {
            reply.kind().as_deref() == Some(outstanding.request.reply.kind())
        };
        if !is_wrong {
            return None;
        }
        let (number, name) = node;
        let client = outstanding.client;
        let is_first = self.0.get(&number).is_none_or(|wrong| wrong.client != client);
        let wrong = WrongReply { client, msg_id, dest: dest.to_string(), body: Rc::clone(body) };
        let notice = is_first.then(|| {
            let (f, what) = (outstanding.operation.f, wrong.describe(name));
            format!(
                "node {name} has not answered {f}, for which it has {} s. {what}",
                timeout.as_secs()
            )
        });
        self.0.insert(number, wrong);
        notice
    }

    /// A sentence about the last wrong reply of a node to this client's request, if there is one.
    pub(super) fn describe(&self, node: (usize, &str), client: u64) -> Option<String> {
        let wrong = self.0.get(&node.0).filter(|wrong| wrong.client == client)?;
        Some(wrong.describe(node.1))
    }
}

impl WrongReply {
    fn describe(&self, node: &str) -> String {
        let WrongReply { client, msg_id, dest, body } = self;
        let (client, body) = (clients::name(*client), excerpt(body.get()));
        if *dest == client {
            return format!(
                "It sent {dest} {body}, which is not a reply to its request: expected \
                 \"in_reply_to\": {msg_id}."
            );
        }
        let itself = if dest == node { ", which is itself" } else { "" };
        format!(
            "It sent {body} to {dest}{itself}: expected \"dest\": {client:?}, the src of the \
             request."
        )
    }
}
