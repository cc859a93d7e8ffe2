//! Requests that wait for responses: those of this node's own clients, and those that other nodes
//! have forwarded to it as their leader.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::sync::oneshot;

use super::config::Config;
use super::message::ServerId;
use super::replica_message::{
    ForwardedResponse, MAX_ITEMS_BYTES, OversizedResponse, ReplicaMessage,
};
use super::state_machine::{ProposalId, StateMachine};
use crate::error::{Error, ErrorCode};
use crate::json;
use crate::size::MAX_ENTRY_BYTES;

/// Timeout of a client's request. A longer one answers more requests during an election. But
/// Maelstrom's clients wait for 1 s, and a definite error in time tells them more than a timeout.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_millis(950);

/// Time after which a request is sent to the same leader again. A longer one saves messages where
/// latency is high; a shorter one repairs more losses within a request's timeout.
const RETRY_INTERVAL: Duration = Duration::from_millis(300);

/// Maximum size of a request that is sent again. A larger request goes to each leader once: it may
/// take longer than [`RETRY_INTERVAL`] to arrive, and then each repetition would delay it further.
/// A larger limit repairs more losses; a smaller one repeats less in vain.
const MAX_RETRY_BYTES: usize = Config::DEFAULT.max_probe_bytes;

/// Maximum size of a command, a query or a response: that of an entry ([`MAX_ENTRY_BYTES`]), less
/// 1 KiB for the names and numbers around it. A larger one allows larger values; a smaller one
/// shortens the delay of everybody else while one is sent. This delay must be below the election
/// timeout.
pub(super) const MAX_REQUEST_BYTES: usize = MAX_ENTRY_BYTES - 1024;

/// Request id of all proposals. They need none of their own: a proposal that is rejected is sent
/// again to the next leader, like one that is lost.
pub(super) const PROPOSAL_REQUEST_ID: u64 = 0;

/// Error of a client's request to a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// No leader has responded in time. The request has not taken effect, and never will.
    NotExecuted,
    /// No leader has responded in time. The command may have taken effect, or may yet do so.
    Indeterminate,
    /// The request is larger than what replicas send each other. It has not taken effect.
    RequestTooLarge {
        /// Size of the request as JSON, in bytes.
        bytes: usize,
        /// Maximum size.
        limit: usize,
    },
    /// The response to a read is larger than what replicas send each other.
    ResponseTooLarge {
        /// Size of the response as JSON, in bytes.
        bytes: usize,
        /// Maximum size.
        limit: usize,
    },
}

impl RequestError {
    /// True if the request certainly has not taken effect, and never will.
    pub fn is_definite(&self) -> bool {
        *self != RequestError::Indeterminate
    }
}

/// Request of a client of this node.
pub(super) enum LocalRequest<M: StateMachine> {
    Propose(M::Command),
    Read(M::Query),
}

/// Sender of the response to a client of this node.
pub(super) type ResponseSender<M> =
    oneshot::Sender<Result<<M as StateMachine>::Response, RequestError>>;

/// Requests of this node's clients that have no response yet.
///
/// Numbers increase in the order of arrival, and so do deadlines, since all timeouts are the same.
pub(super) struct PendingRequests<M: StateMachine> {
    /// Requests by number.
    requests: BTreeMap<u64, PendingRequest<M>>,
    last_number: u64,
    /// True if [`PendingRequests::take_due`] has left requests for the next turn, because more are
    /// due than fit into one message.
    has_unsent: bool,
}

/// Leader of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownLeader {
    pub(super) server: ServerId,
    pub(super) term: u64,
    pub(super) is_self: bool,
}

struct PendingRequest<M: StateMachine> {
    request: LocalRequest<M>,
    bytes: usize,
    responder: ResponseSender<M>,
    deadline: Duration,
    /// Leader to which it was last sent, and time at which to send it again. A command can have
    /// taken effect only if this is `Some`.
    sent_to: Option<(KnownLeader, Duration)>,
}

impl<M: StateMachine> PendingRequests<M> {
    pub(super) fn new() -> Self {
        PendingRequests { requests: BTreeMap::new(), last_number: 0, has_unsent: false }
    }

    /// Adds a client's request, or fails it at once if it is too large.
    pub(super) fn add(
        &mut self,
        now: Duration,
        request: LocalRequest<M>,
        responder: ResponseSender<M>,
    ) {
        let bytes = match &request {
            LocalRequest::Propose(command) => json::encoded_len(command),
            LocalRequest::Read(query) => json::encoded_len(query),
        };
        if bytes > MAX_REQUEST_BYTES {
            let _ = responder
                .send(Err(RequestError::RequestTooLarge { bytes, limit: MAX_REQUEST_BYTES }));
            return;
        }
        self.last_number += 1;
        let deadline = now + REQUEST_TIMEOUT;
        let pending = PendingRequest { request, bytes, responder, deadline, sent_to: None };
        self.requests.insert(self.last_number, pending);
    }

    /// Lowest number of a command that waits for its response; the next number if none does.
    pub(super) fn lowest_command(&self) -> u64 {
        let mut proposals =
            self.requests.iter().filter(|(_, one)| matches!(one.request, LocalRequest::Propose(_)));
        proposals.next().map_or(self.last_number + 1, |(number, _)| *number)
    }

    pub(super) fn request(&self, number: u64) -> Option<&LocalRequest<M>> {
        self.requests.get(&number).map(|waiting| &waiting.request)
    }

    pub(super) fn complete(&mut self, number: u64, response: M::Response) {
        if let Some(waiting) = self.requests.remove(&number) {
            // The receiver is gone if the node is about to end.
            let _ = waiting.responder.send(Ok(response));
        }
    }

    /// Fails a read whose response is too large for the leader to send.
    pub(super) fn fail_too_large(&mut self, number: u64, bytes: usize) {
        if let Some(waiting) = self.requests.remove(&number) {
            let limit = MAX_REQUEST_BYTES;
            let _ = waiting.responder.send(Err(RequestError::ResponseTooLarge { bytes, limit }));
        }
    }

    /// Returns the numbers of the requests to send to the leader now: for the first time, or again
    /// after [`RETRY_INTERVAL`], and records them as sent. A remote leader gets no more than one
    /// message holds, and the rest in the next turn. If this node leads, nothing is lost or
    /// limited, and each is taken once.
    pub(super) fn take_due(&mut self, now: Duration, leader: KnownLeader) -> Vec<u64> {
        let due = self.requests.iter_mut().filter(|(_, waiting)| {
            waiting.sent_to.is_none_or(|(last, resend_at)| last != leader || resend_at <= now)
        });
        let (mut numbers, mut bytes) = (Vec::new(), 0);
        self.has_unsent = false;
        for (number, waiting) in due {
            bytes += waiting.bytes;
            if !leader.is_self && bytes > MAX_ITEMS_BYTES && !numbers.is_empty() {
                self.has_unsent = true;
                break;
            }
            let is_repeated = !leader.is_self && waiting.bytes <= MAX_RETRY_BYTES;
            waiting.sent_to =
                Some((leader, if is_repeated { now + RETRY_INTERVAL } else { Duration::MAX }));
            numbers.push(*number);
        }
        numbers
    }

    /// True if requests are due that did not fit into the last message.
    pub(super) fn has_unsent(&self) -> bool {
        self.has_unsent
    }

    /// Fails the requests whose timeout has passed.
    pub(super) fn fail_expired(&mut self, now: Duration) {
        while let Some(first) = self.requests.first_entry()
            && first.get().deadline <= now
        {
            let PendingRequest { request, responder, sent_to, .. } = first.remove();
            // A read has no effect.
            let is_definite = sent_to.is_none() || matches!(request, LocalRequest::Read(_));
            let error =
                if is_definite { RequestError::NotExecuted } else { RequestError::Indeterminate };
            let _ = responder.send(Err(error));
        }
    }

    /// Time at which the next request fails or, if there is a leader, is sent again.
    pub(super) fn next_deadline(&self, has_leader: bool) -> Duration {
        let deadline = self.requests.values().next().map(|waiting| waiting.deadline);
        let sent = self.requests.values().filter(|_| has_leader);
        let repeat = sent.filter_map(|waiting| waiting.sent_to).map(|(_, repeat)| repeat).min();
        deadline.into_iter().chain(repeat).min().unwrap_or(Duration::MAX)
    }
}

/// Responses that a leader owes.
pub(super) struct OwedResponses<M: StateMachine> {
    /// Nodes that have forwarded commands which this leader has appended and not applied yet. Empty
    /// between steps unless this node leads.
    pub(super) proposals: BTreeMap<ProposalId, ServerId>,
    /// Reads that the core is to confirm, by request id.
    reads: BTreeMap<u64, ReadOrigin<M::Query>>,
    /// Last request id of a read. The first is 1, so none is [`PROPOSAL_REQUEST_ID`].
    last_request_id: u64,
    /// Responses to other nodes that are not sent yet.
    queues: BTreeMap<ServerId, ResponseQueue<M::Response>>,
}

/// Responses by incarnation and number of their request, so a repeated request has only one.
type ResponseQueue<R> = BTreeMap<(u64, u64), QueuedResponse<R>>;

/// Client that waits for a read, here or at the node that has forwarded it.
pub(super) enum ReadOrigin<Q> {
    /// Client of this node, by the number of its request.
    Local(u64),
    /// Client of another node, which has forwarded the read.
    Remote { forwarder: ServerId, incarnation: u64, number: u64, query: Q },
}

struct QueuedResponse<R> {
    response: R,
    bytes: usize,
    /// True for a read. If the response to a command is too large, nothing is sent: the other node
    /// gets the same response when it applies the command itself.
    is_read: bool,
    /// Time after which no client waits for the response.
    deadline: Duration,
}

impl<M: StateMachine> OwedResponses<M> {
    pub(super) fn new() -> Self {
        OwedResponses {
            proposals: BTreeMap::new(),
            reads: BTreeMap::new(),
            last_request_id: PROPOSAL_REQUEST_ID,
            queues: BTreeMap::new(),
        }
    }

    /// Registers a read, and returns its request id.
    pub(super) fn register_read(&mut self, origin: ReadOrigin<M::Query>) -> u64 {
        self.last_request_id += 1;
        self.reads.insert(self.last_request_id, origin);
        self.last_request_id
    }

    pub(super) fn take_read(&mut self, request_id: u64) -> Option<ReadOrigin<M::Query>> {
        self.reads.remove(&request_id)
    }

    /// Queues the response to a forwarded read.
    pub(super) fn queue_read_response(
        &mut self,
        now: Duration,
        to: ServerId,
        response: ForwardedResponse<M::Response>,
    ) {
        self.queue(now, to, response, true);
    }

    /// Queues the response to a forwarded command.
    pub(super) fn queue_command_response(
        &mut self,
        now: Duration,
        to: ServerId,
        response: ForwardedResponse<M::Response>,
    ) {
        self.queue(now, to, response, false);
    }

    fn queue(
        &mut self,
        now: Duration,
        to: ServerId,
        response: ForwardedResponse<M::Response>,
        is_read: bool,
    ) {
        let ForwardedResponse { incarnation, number, response } = response;
        let (bytes, deadline) = (json::encoded_len(&response), now + REQUEST_TIMEOUT);
        let queued = QueuedResponse { response, bytes, is_read, deadline };
        self.queues.entry(to).or_default().insert((incarnation, number), queued);
    }

    /// Moves queued responses into the message to a node, as many as it holds. Drops those for
    /// which no client waits.
    pub(super) fn fill_message<C, Q>(
        &mut self,
        now: Duration,
        to: ServerId,
        message: &mut ReplicaMessage<C, Q, M::Response>,
    ) {
        let Some(queue) = self.queues.get_mut(&to) else { return };
        let mut bytes = 0;
        while let Some(first) = queue.first_entry() {
            let &(incarnation, number) = first.key();
            let fits = bytes == 0 || bytes + first.get().bytes <= MAX_ITEMS_BYTES;
            if first.get().deadline > now && !fits {
                return;
            }
            let QueuedResponse { response, bytes: size, is_read, deadline } = first.remove();
            if deadline <= now {
                continue;
            }
            if size <= MAX_REQUEST_BYTES {
                bytes += size;
                message.responses.push(ForwardedResponse { incarnation, number, response });
            } else if is_read {
                message.too_large.push(OversizedResponse { incarnation, number, bytes: size });
            }
        }
        self.queues.remove(&to);
    }

    /// Nodes for which responses are queued.
    pub(super) fn recipients(&self) -> Vec<ServerId> {
        self.queues.keys().copied().collect()
    }
}

impl<R> ForwardedResponse<R> {
    pub(super) fn for_proposal(id: &ProposalId, response: R) -> Self {
        ForwardedResponse { incarnation: id.incarnation, number: id.number, response }
    }
}

/// A request or response that is too large gets error 12 (malformed request), since repeating it is
/// useless at any time and at any node. Error 11 would ask for a repetition, and 10 would say that
/// the operation is unknown.
impl From<RequestError> for Error {
    fn from(error: RequestError) -> Error {
        let code = match error {
            RequestError::NotExecuted => ErrorCode::TemporarilyUnavailable,
            RequestError::Indeterminate => ErrorCode::Timeout,
            RequestError::RequestTooLarge { .. } | RequestError::ResponseTooLarge { .. } => {
                ErrorCode::MalformedRequest
            }
        };
        code.error(error.to_string())
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::NotExecuted => {
                f.write_str("no leader has responded in time; the request had no effect")
            }
            RequestError::Indeterminate => {
                f.write_str("no leader has responded in time; the command may have taken effect")
            }
            RequestError::RequestTooLarge { bytes, limit } => {
                write!(f, "the request takes {bytes} bytes as JSON: expected at most {limit}")
            }
            RequestError::ResponseTooLarge { bytes, limit } => {
                write!(f, "the response takes {bytes} bytes as JSON: expected at most {limit}")
            }
        }
    }
}

impl std::error::Error for RequestError {}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    /// Responds with the command or the query itself.
    #[derive(Default, Serialize, Deserialize)]
    struct EchoMachine;

    impl StateMachine for EchoMachine {
        type Command = String;
        type Query = String;
        type Response = String;

        fn apply(&mut self, command: &String) -> String {
            command.clone()
        }

        fn query(&self, query: &String) -> String {
            query.clone()
        }
    }

    const NOW: Duration = Duration::from_secs(5);
    const LEADER: KnownLeader = KnownLeader { server: 1, term: 3, is_self: false };

    fn text(bytes: usize) -> String {
        "x".repeat(bytes - 2)
    }

    fn add_command(
        pending: &mut PendingRequests<EchoMachine>,
        bytes: usize,
    ) -> oneshot::Receiver<Result<String, RequestError>> {
        let (responder, response) = oneshot::channel();
        pending.add(NOW, LocalRequest::Propose(text(bytes)), responder);
        response
    }

    #[test]
    fn a_request_that_is_too_large_fails_at_once_with_its_size_and_the_limit() {
        let mut pending = PendingRequests::<EchoMachine>::new();
        let mut response = add_command(&mut pending, MAX_REQUEST_BYTES + 1);
        let error = response.try_recv().unwrap().unwrap_err();
        assert!(error.is_definite());
        let error = Error::from(error).to_string();
        assert!(error.contains("takes 8387585 bytes as JSON: expected at most 8387584"), "{error}");
        assert!(pending.take_due(NOW, LEADER).is_empty());
        assert!(add_command(&mut pending, MAX_REQUEST_BYTES).try_recv().is_err());
        assert_eq!(pending.take_due(NOW, LEADER), [1]);
    }

    #[test]
    fn a_leader_is_sent_one_full_message_in_a_turn_and_a_large_request_only_once() {
        let mut pending = PendingRequests::<EchoMachine>::new();
        let sizes = [100, 300_000, 300_000, 8_000_000, 100];
        let responses = sizes.map(|bytes| add_command(&mut pending, bytes));
        let mut turns = Vec::new();
        while turns.is_empty() || pending.has_unsent() {
            turns.push(pending.take_due(NOW, LEADER));
        }
        assert_eq!(turns, [vec![1, 2], vec![3], vec![4], vec![5]]);
        assert_eq!(pending.take_due(NOW + RETRY_INTERVAL, LEADER), [1, 5]);
        let next = KnownLeader { server: 2, term: 4, ..LEADER };
        assert_eq!(pending.take_due(NOW + RETRY_INTERVAL, next), [1, 2]);
        drop(responses);
    }

    #[test]
    fn responses_to_another_node_wait_for_their_turn_and_not_longer_than_its_client() {
        let mut owed = OwedResponses::<EchoMachine>::new();
        let response =
            |number, bytes| ForwardedResponse { incarnation: 1, number, response: text(bytes) };
        let turn = |owed: &mut OwedResponses<EchoMachine>, now| {
            let mut message = ReplicaMessage::<String, String, String>::default();
            owed.fill_message(now, 2, &mut message);
            let numbers = message.responses.iter().map(|one| one.number).collect::<Vec<_>>();
            (numbers, message.too_large.iter().map(|one| one.number).collect::<Vec<_>>())
        };
        for (number, bytes) in [(1, 300_000), (2, 200_000), (3, 300_000), (4, 8_000_000)] {
            owed.queue_read_response(NOW, 2, response(number, bytes));
        }
        // Requested again before the first response is sent: one response is enough.
        owed.queue_read_response(NOW, 2, response(3, 300_000));
        assert_eq!(turn(&mut owed, NOW), (vec![1, 2], vec![]));
        assert_eq!(owed.recipients(), [2]);
        assert_eq!(turn(&mut owed, NOW), (vec![3], vec![]));
        assert_eq!(turn(&mut owed, NOW), (vec![4], vec![]));
        assert!(owed.recipients().is_empty());
        // A read fails; a command gets its response where it is applied.
        owed.queue_read_response(NOW, 2, response(5, 9_000_000));
        owed.queue_command_response(NOW, 2, response(6, 9_000_000));
        assert_eq!(turn(&mut owed, NOW), (vec![], vec![5]));
        owed.queue_read_response(NOW, 2, response(7, 100));
        assert_eq!(turn(&mut owed, NOW + REQUEST_TIMEOUT), (vec![], vec![]));
        assert!(owed.recipients().is_empty());
    }
}
