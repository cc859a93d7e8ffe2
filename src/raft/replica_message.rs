//! Messages between replicas. At the end of a step, all items that one replica has for another go
//! into one message, or into several if they are more than [`MAX_ITEMS_BYTES`].

use serde::{Deserialize, Serialize};

use super::config::Config;
use super::message::RaftMessage;
use super::state_machine::Proposal;
use crate::json;

/// Maximum size of the items in a message, unless it has a single item, as a full `AppendEntries`
/// is: its entries alone may have this size. A larger one saves messages under load; a smaller one
/// shortens the delay of everybody else while a message is written and read.
pub(super) const MAX_ITEMS_BYTES: usize = Config::DEFAULT.max_message_bytes;

/// Message from one replica to another, for commands `C`, queries `Q` and responses `R`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplicaMessage<C, Q, R> {
    /// Messages of the algorithm.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) raft: Vec<RaftMessage<Proposal<C>>>,
    /// Requests of the sender's clients, forwarded to the leader.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) requests: Vec<ForwardedRequest<C, Q>>,
    /// The leader's responses to such requests.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) responses: Vec<ForwardedResponse<R>>,
    /// Reads whose responses are too large to be sent.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) too_large: Vec<OversizedResponse>,
}

/// Client's request that a follower forwards to the leader.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ForwardedRequest<C, Q> {
    Propose(Proposal<C>),
    Read {
        incarnation: u64,
        number: u64,
        /// Sender's term: see [`Forwarder`](super::Forwarder).
        term: u64,
        query: Q,
    },
}

/// Response to a forwarded request, which is identified by the forwarding node's incarnation and
/// the request's number there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ForwardedResponse<R> {
    pub(super) incarnation: u64,
    pub(super) number: u64,
    pub(super) response: R,
}

/// Forwarded read whose response is too large to be sent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct OversizedResponse {
    pub(super) incarnation: u64,
    pub(super) number: u64,
    /// Size of the response as JSON, in bytes.
    pub(super) bytes: usize,
}

impl<C: Serialize, Q: Serialize, R: Serialize> ReplicaMessage<C, Q, R> {
    pub(super) fn is_empty(&self) -> bool {
        let ReplicaMessage { raft, requests, responses, too_large } = self;
        raft.is_empty() && requests.is_empty() && responses.is_empty() && too_large.is_empty()
    }

    /// Splits the message into several within the limit, with all items in order.
    pub(super) fn split(self) -> Vec<ReplicaMessage<C, Q, R>> {
        let ReplicaMessage { raft, requests, responses, too_large } = self;
        let mut messages =
            SplitMessages { full: Vec::new(), last: ReplicaMessage::default(), bytes: 0 };
        for message in raft {
            messages.message_with_room(&message).raft.push(message);
        }
        for one in requests {
            messages.message_with_room(&one).requests.push(one);
        }
        for one in responses {
            messages.message_with_room(&one).responses.push(one);
        }
        for one in too_large {
            messages.message_with_room(&one).too_large.push(one);
        }
        messages.full.push(messages.last);
        messages.full
    }
}

/// Messages into which a large one is split.
struct SplitMessages<C, Q, R> {
    full: Vec<ReplicaMessage<C, Q, R>>,
    last: ReplicaMessage<C, Q, R>,
    /// Size of the items in the last one.
    bytes: usize,
}

impl<C, Q, R> SplitMessages<C, Q, R> {
    /// Returns a message that has room for `item`, and counts its size.
    fn message_with_room(&mut self, item: &impl Serialize) -> &mut ReplicaMessage<C, Q, R> {
        // The item and the comma after it.
        let bytes = json::encoded_len(item) + 1;
        if self.bytes > 0 && self.bytes + bytes > MAX_ITEMS_BYTES {
            self.full.push(std::mem::take(&mut self.last));
            self.bytes = 0;
        }
        self.bytes += bytes;
        &mut self.last
    }
}

impl<C, Q, R> Default for ReplicaMessage<C, Q, R> {
    fn default() -> Self {
        ReplicaMessage {
            raft: Vec::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            too_large: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_split_where_it_would_be_too_large_and_loses_nothing() {
        #[track_caller]
        fn check(lengths: &[usize], expected: &[usize]) {
            let mut message = ReplicaMessage::<(), (), String>::default();
            for (number, length) in (0..).zip(lengths) {
                message.responses.push(ForwardedResponse {
                    incarnation: 1,
                    number,
                    response: "x".repeat(*length),
                });
            }
            message.too_large.push(OversizedResponse { incarnation: 1, number: 99, bytes: 9 });
            let messages = message.split();
            let counts = messages.iter().map(|message| message.responses.len()).collect::<Vec<_>>();
            assert_eq!(counts, expected);
            for message in &messages {
                let items = message.responses.len() + message.too_large.len();
                assert!(items == 1 || json::encoded_len(message) <= MAX_ITEMS_BYTES + 64);
            }
            let numbers = messages.iter().flat_map(|message| &message.responses);
            assert!(numbers.map(|one| one.number).eq(0..lengths.len() as u64));
            assert_eq!(messages.iter().map(|message| message.too_large.len()).sum::<usize>(), 1);
        }
        check(&[1, 2, 3], &[3]);
        check(&[300_000, 200_000, 100_000], &[2, 1]);
        check(&[300_000, 300_000, 9_000_000, 1], &[1, 1, 1, 1]);
        check(&[], &[0]);
    }
}
